"""`hearing redact`: take words and sound out of the record of a meeting, list what was, or do it again on a copy."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec

from hearing.errors import NotFound, Refused, Unavailable
from hearing.events import Basis

if TYPE_CHECKING:
    from hearing.remote.connection import Target
    from hearing.site.redactions import AskedCut, AskedRedaction, RedactionAnswer

TEXT = "Take words and sound out of the record, for good."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked."""
    parser.add_argument("id", metavar="MEETING", nargs="?", default="", help="may be left out with --list and --again")
    parser.add_argument("--channel", default="", metavar="ID", help="the channel of --words or --time, as in en")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--words", default="", metavar="A-B", help="as in en.5.3-en.5.4; en.5 is a whole segment")
    what.add_argument("--time", default="", metavar="MS-MS", help="media time in ms, as in 12000-13500")
    what.add_argument("--list", action="store_true", help="say what was taken out, and no word of it")
    what.add_argument("--again", type=Path, metavar="FILE", help="take out what a --list --json lists: after a restore")
    text = "the same in another channel: fr:fr.4.7 or fr:14000-15200; may come more than once"
    parser.add_argument("--also", action="append", default=[], metavar="ID:A-B", help=text)
    parser.add_argument("--basis", default="", choices=("", *get_args(Basis)), metavar="WHY", help=_bases())
    parser.add_argument("--picture", action="store_true", help="drop the picture of these seconds too")
    parser.add_argument("--margin", type=int, default=150, metavar="MS", help="silence around it (default: 150)")
    parser.add_argument("--yes", action="store_true", help="do it: it cannot be undone")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, as the API gives it")


def redact(options: argparse.Namespace) -> None:
    """Redact and say what was done. Raises Unavailable where the disk keeps some of it."""
    from hearing.remote import connection, redacting

    where = connection.target(options.data, options.server, options.token_file)
    if options.list:
        told = redacting.redactions(where, options.id) if options.id else redacting.all_redactions(where)
        _say(options, told)
    elif options.again:
        _check_sure(options)
        _finish(options, _again(where, options))
    else:
        asked = _asked(options)
        _check_sure(options)
        _finish(options, [redacting.redact(where, options.id, asked)])


def _asked(options: argparse.Namespace) -> "AskedRedaction":
    from hearing.site.redactions import AskedRedaction

    if not options.id or not options.channel or not (options.words or options.time):
        raise Refused("Say what goes: MEETING --channel en --words en.5.3-en.5.4, or --channel en --time 12000-13500")
    if not options.basis:
        raise Refused(f"Say why it goes, with --basis: {', '.join(get_args(Basis))}.")
    places = [(options.channel, options.words or options.time)]
    for also in options.also:
        channel, colon, place = also.partition(":")
        if not colon:
            raise Refused("Another channel is named before a colon, as in --also fr:fr.4.7")
        places.append((channel, place))
    cuts = tuple(_cut(channel, place) for channel, place in places)
    return AskedRedaction(options.basis, cuts, "", options.picture, options.margin)


def _cut(channel: str, place: str) -> "AskedCut":
    from hearing.site.redactions import AskedCut

    first, dash, last = place.partition("-")
    if dash and first.isascii() and first.isdigit() and last.isascii() and last.isdigit():
        return AskedCut(channel, t0=int(first), t1=int(last))
    return AskedCut(channel, (place,))


def _check_sure(options: argparse.Namespace) -> None:
    if not options.yes:
        raise Refused("Words, sound and picture go for good, from every copy this server keeps. If so, add --yes")


def _again(where: "Target", options: argparse.Namespace) -> "list[RedactionAnswer]":
    """Ask again for every redaction in a file; what the meeting knows already stays as it is."""
    from hearing.remote import redacting
    from hearing.site.redactions import RedactionsAnswer

    try:
        known = msgspec.json.decode(options.again.read_bytes(), type=RedactionsAnswer)
    except (OSError, msgspec.DecodeError) as error:
        raise Refused("--again names a file that `hearing redact --list --json` wrote.") from error
    mine = [one for one in known.redactions if options.id in {"", one.meeting}]
    if options.id and not mine:
        raise NotFound("This file has no redaction of this meeting.")
    return redacting.again(where, mine)


def _finish(options: argparse.Namespace, told: "list[RedactionAnswer]") -> None:
    _say(options, told)
    if any(one.stuck for one in told):
        raise Unavailable(
            "Not all of it is gone: the disk keeps what is listed as still there. Check the disk of the media folder. "
            "A server that runs tries again by itself; without one, repeat this command."
        )


def _say(options: argparse.Namespace, told: "list[RedactionAnswer]") -> None:
    from hearing.site.redactions import RedactionsAnswer

    if options.json:
        print(msgspec.json.encode(RedactionsAnswer(told)).decode())
        return
    for one in told:
        places = ", ".join(f"{cut.channel} {cut.t0}-{cut.t1} ms {' '.join(cut.words)}".rstrip() for cut in one.cuts)
        print(f"{one.redaction}  {one.meeting}  {one.basis}  {_state(one)}\n  {places}")
        for cut in one.stuck:
            print(f"  still there: {f'sound of {cut.channel}' if cut.channel else 'picture'} {cut.t0}-{cut.t1} ms")
    if not told:
        print("Nothing was taken out.", file=sys.stderr)


def _state(one: "RedactionAnswer") -> str:
    if one.ended:
        return "gone"
    return "unfinished" if one.stuck else "hidden, and erased once all of it has its time and is recorded"


def _bases() -> str:
    return ", ".join(get_args(Basis))
