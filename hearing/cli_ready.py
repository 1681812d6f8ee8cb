"""The command line before a meeting: check whether it can open, rehearse it, purge the rehearsal."""

import argparse
import sys

import msgspec

_WORDS = {"go": "GO", "warn": "GO, with warnings", "no-go": "NO-GO"}


def check(options: argparse.Namespace) -> None:
    """Say whether a meeting can open; exit 1 where it cannot."""
    from hearing import remote

    found = remote.readiness(remote.target(options.data, options.server, options.token_file), options.id)
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
    from hearing import remote

    rehearsal = remote.rehearse(remote.target(options.data, options.server, options.token_file), options.id)
    print(f"Rehearsing {options.id} as {rehearsal}, which only staff see. End it: hearing meeting purge {rehearsal}")


def purge(options: argparse.Namespace) -> None:
    """Purge a rehearsal."""
    from hearing import remote

    remote.purge(remote.target(options.data, options.server, options.token_file), options.id)
    print(f"Purged {options.id}. Nothing of it is left.")
