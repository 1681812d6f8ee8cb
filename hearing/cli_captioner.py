"""`hearing captioner`: invite who types a channel's captions, or make the address that their software posts to."""

import argparse

from hearing.errors import Refused

TEXT = "Invite a captioner to a channel, or make the caption URL that their software posts to."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked."""
    parser.add_argument("meeting", metavar="MEETING")
    parser.add_argument("channel", metavar="CHANNEL", nargs="?", default="")
    parser.add_argument("--url", action="store_true", help="a caption URL for software, in place of an invitation")
    parser.add_argument("--label", default="", help="how staff call this seat: 'Captions EN'")
    parser.add_argument("--end", metavar="ID", help="end one: what stands before the dot in its link")


def captioner(options: argparse.Namespace) -> None:
    """Print the link or the URL, this once; or end one."""
    from hearing.remote import connection, invitations

    where = connection.target(options.data, options.server, options.token_file)
    if options.end:
        invitations.end_captioner(where, options.meeting, options.end)
        print(f"Ended {options.end}.")
        return
    if not options.channel:
        raise Refused("Name the channel, as in: hearing captioner MEETING en --url")
    made = invitations.invite_captioner(where, options.meeting, options.channel, options.label, url=options.url)
    print(made.path)
