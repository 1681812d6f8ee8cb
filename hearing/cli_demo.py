"""`hearing demo`: a hearing to look at, which plays from the package."""

import argparse
from pathlib import Path

TEXT = "A live hearing on this machine, captioned as it plays."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one (default: 8080)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--data", type=Path, help="keep it here (default: a new temporary folder)")
    parser.add_argument("--exit-after", type=float, metavar="SECONDS", help="leave after so many seconds")


def demo(options: argparse.Namespace) -> None:
    """Play it until told to stop."""
    from hearing import demo as hearings

    hearings.run(options.port, browser=not options.no_browser, data=options.data, exit_after_s=options.exit_after)
