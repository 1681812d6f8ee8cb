"""`hearing meeting names`: the list of who may speak in a meeting, read and written as lines."""

import argparse
import sys
from pathlib import Path

from hearing import names
from hearing.errors import Refused

TEXT = "Print the list of who may speak in a meeting, or write it from a file."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked."""
    parser.set_defaults(act=run)
    parser.add_argument("id", metavar="ID")
    parser.add_argument(
        "--file", metavar="F", help="write it from here: 'Name; title; side' a line, UTF-8; - is standard input"
    )


def run(options: argparse.Namespace) -> None:
    """Print the list, or put another in its place."""
    from hearing.remote import connection, lists

    where = connection.target(options.data, options.server, options.token_file)
    listed = None if options.file is None else names.parse(text_of(options.file))
    known = lists.names(where, options.id)
    if listed is None:
        sys.stdout.write(names.write(known.content))
        return
    lists.write_names(where, options.id, listed, known.version)
    print(f"Wrote {len(listed)} names. Nobody but staff and moderators sees them until a turn uses one.")


def text_of(file: str) -> str:
    """Read a file, or standard input where it is `-`. Raises Refused."""
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("The file of --file cannot be read as text in UTF-8. Save it so, or name another.") from error
