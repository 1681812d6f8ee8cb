"""`hearing publish`: a site of files, from a server or from a data folder."""

import argparse
import sys
from pathlib import Path

from hearing.lang import NAMES

TEXT = "Make a site that needs no server, of the closed meetings; again, to bring it up to date."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="an empty or new folder, or one published before")
    parser.add_argument("--meeting", action="append", default=[], metavar="ID", help="only this one; may be repeated")
    parser.add_argument("--address", default="", metavar="URL", help="the server's public address, for permanent links")
    parser.add_argument("--language", default="en", choices=tuple(NAMES), help="of the first page (default: en)")
    parser.add_argument(
        "--provisional", action="store_true", help="also meetings that are on, as far as they are known"
    )
    parser.add_argument("--media", action="store_true", help="with the sound, about 30 MB an hour and channel")
    parser.add_argument("--no-passages", action="store_true", help="no page for each passage: far fewer files")


def publish(options: argparse.Namespace) -> None:
    """Publish, and say what became of the folder."""
    from hearing.publishing import run
    from hearing.remote import connection
    from hearing.site import exporting
    from hearing.site.copy.edition import Setting

    where = connection.target(options.data, options.server, options.token_file, public=True)
    address = exporting.checked(options.address or options.server)
    setting = Setting(address, options.language, not options.no_passages)
    wanted = run.Wanted(setting, tuple(options.meeting), options.provisional, options.media)
    done = run.publish(where, options.folder, wanted)
    made = done.changes
    print(
        f"Published. Meetings: {done.meetings}, passages: {done.passages}, files: {made.files} "
        f"({made.bytes / 1e6:.1f} MB), written: {made.written}, removed: {made.removed}."
    )
    if done.waiting:
        print(f"hearing: left out, as its last words are not in yet: {', '.join(done.waiting)}", file=sys.stderr)
    if not address:
        print("hearing: citations hold no server; name it with --address URL.", file=sys.stderr)
