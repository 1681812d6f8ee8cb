"""The command line before a meeting: check whether it can open, rehearse it, purge the rehearsal."""

import argparse
import sys
from pathlib import Path

import msgspec

_DATA = Path("data")
_WORDS = {"go": "GO", "warn": "GO, with warnings", "no-go": "NO-GO"}


def add_check(parser: argparse.ArgumentParser) -> None:
    """Add what a check can be told."""
    parser.add_argument("--json", action="store_true")
    text = "the server's TOML file: its data folder and rules for sources, where no server runs"
    parser.add_argument("--config", type=Path, metavar="FILE", help=text)


def check(options: argparse.Namespace) -> None:
    """Say whether a meeting can open; exit 1 where it cannot."""
    from hearing import config
    from hearing.remote import connection, meetings

    settings = config.from_environ(options.config, {})
    data = settings.folder if options.config and options.data == _DATA else options.data
    found = meetings.readiness(connection.target(data, options.server, options.token_file), options.id, settings)
    if options.json:
        print(msgspec.json.encode(found).decode())
    else:
        print(_WORDS[found.verdict])
        for one in found.findings:
            print(f"{one.verdict:6} {one.check:7} {one.text}{' ' + one.mend if one.mend else ''}")
    if found.verdict == "no-go":
        sys.stdout.flush()
        sys.exit(1)


def rehearse(options: argparse.Namespace) -> None:
    """Rehearse a meeting."""
    from hearing.remote import connection, meetings

    rehearsal = meetings.rehearse(connection.target(options.data, options.server, options.token_file), options.id)
    print(f"Rehearsing {options.id} as {rehearsal}, which only staff see. End it: hearing meeting purge {rehearsal}")


def purge(options: argparse.Namespace) -> None:
    """Purge a rehearsal."""
    from hearing.remote import connection, meetings

    meetings.purge(connection.target(options.data, options.server, options.token_file), options.id)
    print(f"Purged {options.id}. Nothing of it is left.")
