"""`hearing model fetch NAME`: a speech model brought here once, for a machine that has no network later."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import Any

_FETCH = "Fetch a speech model from the hub, and keep the sums of its files; afterwards no network is needed."


def add(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:  # noqa: ANN401 - argparse's type is private
    """Add the command."""
    acts = commands.add_parser("model", help="Fetch a speech model.").add_subparsers(required=True, metavar="fetch")
    fetching = command(acts, "fetch", fetch, _FETCH)
    text = "a size, as in large-v3-turbo, or a hub's owner/name; either may end in @revision"
    fetching.add_argument("name", metavar="NAME", help=text)


def fetch(options: argparse.Namespace) -> None:
    """Fetch it and say where it is."""
    from hearing.transcribe.fetch import fetch as fetch_model

    print(f"Fetching {options.name}. It may be several GB.", file=sys.stderr, flush=True)
    done = fetch_model(options.name, os.environ)
    print(f"Fetched {options.name}, commit {done.commit}, with its sums, to {done.folder}")
    print(f"Use it with: --model {options.name}")
