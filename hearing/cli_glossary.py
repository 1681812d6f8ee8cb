"""`hearing meeting glossary`: the words of a meeting that its workers should know how to spell."""

import argparse
import sys

from hearing import glossary
from hearing.cli_names import text_of
from hearing.glossary import Glossary

TEXT = "Print the words that the recogniser is told how to spell, or write them from a file."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked."""
    parser.set_defaults(act=run)
    parser.add_argument("id", metavar="ID")
    parser.add_argument("--file", metavar="F", help="write it from here: a term a line, UTF-8; - is standard input")
    parser.add_argument(
        "--names", choices=("yes", "no"), help="whether the list of who may speak is told too (default: as it is)"
    )


def run(options: argparse.Namespace) -> None:
    """Print the glossary, or put another in its place."""
    from hearing.remote import connection, lists

    where = connection.target(options.data, options.server, options.token_file)
    terms = None if options.file is None else glossary.parse(text_of(options.file))
    known = lists.glossary(where, options.id)
    if terms is None and options.names is None:
        sys.stdout.write(glossary.write(known.content.terms))
        return
    names = known.content.names if options.names is None else options.names == "yes"
    wanted = Glossary(known.content.terms if terms is None else terms, names)
    lists.write_glossary(where, options.id, wanted, known.version)
    print(f"Wrote {len(wanted.terms)} terms{', and the names' if names else ''}. Workers know them from now on.")
