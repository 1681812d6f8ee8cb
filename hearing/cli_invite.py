"""`hearing invite`: the link for who takes a seat at a desk, or for staff of the house."""

import argparse

from hearing.access import INVITED

TEXT = "Invite somebody to a dialogue, or staff to the house; the link that is printed works once."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked."""
    parser.add_argument("role", choices=INVITED)
    parser.add_argument("--dialogue", default="", metavar="ID", help="needed for every role but staff")
    parser.add_argument("--label", default="", help="how staff call this seat: 'Member 3', 'Secretariat'")


def invite(options: argparse.Namespace) -> None:
    """Print the link, this once."""
    from hearing.remote import connection, invitations

    where = connection.target(options.data, options.server, options.token_file)
    print(invitations.invite(where, options.dialogue, options.role, options.label))
