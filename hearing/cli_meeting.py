"""`hearing meeting`: create, check, rehearse, open, close and list meetings, and write what belongs to one."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from hearing import cli_glossary, cli_names, cli_ready, creating


def add(commands: Any, where: argparse.ArgumentParser) -> None:  # noqa: ANN401 - argparse's type is private
    """Add the command; `where` are the options that say where staff act."""
    parser = commands.add_parser("meeting", help="Create, open, close and list meetings.")
    acts = parser.add_subparsers(required=True, metavar="create|check|rehearse|purge|open|close|names|list")
    creation = acts.add_parser("create", parents=[where], help="Create a meeting.")
    creation.set_defaults(act=create_meeting)
    creating.add_options(creation)
    for name, act, text in _ACTS:
        one = acts.add_parser(name, parents=[where], help=text)
        one.set_defaults(act=act)
        one.add_argument("id", metavar="ID")
        if name == "check":
            cli_ready.add_check(one)
    cli_names.add_options(acts.add_parser("names", parents=[where], help=cli_names.TEXT))
    cli_glossary.add_options(acts.add_parser("glossary", parents=[where], help=cli_glossary.TEXT))
    listing = acts.add_parser("list", parents=[where], help="List the meetings.")
    listing.set_defaults(act=list_meetings)
    listing.add_argument("--json", action="store_true")


def create_meeting(options: argparse.Namespace) -> None:
    """Create a meeting."""
    from hearing.remote import meetings

    where = _target(options)
    like = meetings.setup(where, options.like) if options.like else None
    wanted, missing = creating.wanted(options, like)
    if missing:
        print(
            "hearing: there is no file at --source yet. The page will say that the source is missing until there is.",
            file=sys.stderr,
        )
    meetings.create(where, wanted)
    print(f"Created {options.id}. Open it with: hearing meeting open {options.id}")


def open_meeting(options: argparse.Namespace) -> None:
    """Open a meeting."""
    from hearing.remote import meetings

    meetings.open_meeting(_target(options), options.id)
    print(f"Opened {options.id}.")


def close_meeting(options: argparse.Namespace) -> None:
    """Close a meeting."""
    from hearing.remote import meetings

    meetings.close_meeting(_target(options), options.id)
    print(f"Closed {options.id}.")


def list_meetings(options: argparse.Namespace) -> None:
    """List the meetings."""
    from hearing.remote import meetings

    found = meetings.listed(_target(options))
    if options.json:
        print(msgspec.json.encode({"meetings": found}).decode())
        return
    for meeting in found:
        channels = ",".join(channel["id"] for channel in meeting["channels"])
        print(f"{meeting['id']:24} {meeting['phase']:8} {channels:16} {meeting['title']}")
    if not found:
        print("No meetings yet. Create one with: hearing meeting create")


_ACTS: tuple[tuple[str, Callable[[argparse.Namespace], None], str], ...] = (
    ("check", cli_ready.check, "Say whether a meeting can open: source, tracks, disk, workers, clock."),
    ("rehearse", cli_ready.rehearse, "Rehearse a meeting: open it for staff alone."),
    ("purge", cli_ready.purge, "End a rehearsal and erase everything of it."),
    ("open", open_meeting, "Open a meeting."),
    ("close", close_meeting, "Close a meeting."),
)


def _target(options: argparse.Namespace) -> Any:  # noqa: ANN401 - imported late, for a fast --help
    from hearing.remote import connection

    return connection.target(options.data, options.server, options.token_file)
