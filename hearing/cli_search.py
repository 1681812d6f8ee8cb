"""`hearing search`: what was said, from a server or from a data folder."""

import argparse
from typing import TYPE_CHECKING

import msgspec

from hearing.lang import NAMES, name

if TYPE_CHECKING:
    from hearing.site.searching import HitAnswer, SearchAnswer

TEXT = "Search what was said."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked."""
    parser.add_argument("query", metavar="QUERY", help="words, or a phrase in its own quotes: '\"48 hours\" lawyer'")
    parser.add_argument("--language", default="", choices=(*NAMES, "other"), metavar="xx", help=", ".join(NAMES))
    parser.add_argument("--body", default="", help="the committee, with or without its session")
    parser.add_argument("--dialogue", default="", metavar="ID", help="the review")
    parser.add_argument("--meeting", default="", metavar="ID")
    parser.add_argument("--speaker", default="", metavar="NAME", help="who said it: a name, or words of it")
    parser.add_argument("--from", default="", dest="since", metavar="DAY", help="as in 2026-11-09, in Geneva")
    parser.add_argument("--to", default="", dest="until", metavar="DAY")
    parser.add_argument("--newest", action="store_true", help="the newest first, not the closest")
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="1 to 50 (default: 10)")
    parser.add_argument("--offset", type=int, default=0, metavar="N", help="leave out the first so many")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, as the API gives it")


def search(options: argparse.Namespace) -> None:
    """Search and print what was found, or why nothing was."""
    from hearing.remote import connection, reading

    asked = {
        "q": options.query,
        **{name: getattr(options, name) for name in ("language", "body", "dialogue", "meeting", "speaker")},
        "from": options.since,
        "to": options.until,
        "order": "newest" if options.newest else "",
        "limit": str(options.limit),
        "offset": str(options.offset),
    }
    where = connection.target(options.data, options.server, options.token_file, public=True)
    found = reading.search(where, asked)
    print(msgspec.json.encode(found).decode() if options.json else _written(found))


def _written(found: "SearchAnswer") -> str:
    if found.reason:
        return found.reason.text
    counted = ", ".join(f"{name(count.key)} {count.hits}" for count in found.languages)
    lines = [f"{found.total} found in {found.meetings} meetings ({counted})", *map(_line, found.hits)]
    return "\n\n".join(lines)


def _line(hit: "HitAnswer") -> str:
    text, end = "", 0
    for start, stop in hit.marks:
        text += f"{hit.text[end:start]}[{hit.text[start:stop]}]"
        end = stop
    text += hit.text[end:]
    speaker = f", {hit.speaker}" if hit.speaker else ""
    state = "" if hit.mark == "machine" else f", {hit.mark}"
    return f"{hit.at}  {hit.title}, {hit.channel}{speaker}{state}\n{text}\n{hit.url}"
