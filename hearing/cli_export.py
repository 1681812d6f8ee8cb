"""`hearing export`: what was said in a meeting, as a file."""

import argparse
import sys
from pathlib import Path

from hearing.errors import Refused

TEXT = "Write what was said in a meeting as a file; while it is on, as far as it is known."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked."""
    parser.add_argument("id", metavar="MEETING")
    parser.add_argument("--channel", required=True, metavar="ID", help="as in --channel en")
    parser.add_argument("--format", required=True, choices=("vtt", "srt", "txt", "md", "docx", "jsonl"))
    parser.add_argument("--out", type=Path, metavar="FILE", help="write here (default: standard output)")
    parser.add_argument("--address", default="", metavar="URL", help="the server's public address, for the links")


def export(options: argparse.Namespace) -> None:
    """Write one channel as a file, or to standard output."""
    from hearing.remote import connection, reading

    where = connection.target(options.data, options.server, options.token_file)
    content = reading.export(where, options.id, options.channel, options.format, options.address)
    if options.out is None:
        sys.stdout.buffer.write(content)
        return
    try:
        options.out.write_bytes(content)
    except OSError as error:
        raise Refused(f"The file of --out cannot be written ({error.strerror}).") from error
    print(f"Wrote {options.out}.")
