"""`hearing doctor`: whether this machine can serve meetings, and what to mend."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from hearing.creating import add_source, source_of
from hearing.errors import Refused


def add(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:  # noqa: ANN401 - argparse's type is private
    """Add the command."""
    parser = command(commands, "doctor", doctor, "Look at this machine, and say what to mend. Changes nothing.")
    parser.add_argument("--config", type=Path, help="the settings of the server, as `serve` takes them")
    parser.add_argument("--data", help="the data folder (default: ./data)")
    parser.add_argument("--host", help="as `serve` takes it")
    parser.add_argument("--port", type=int, help="as `serve` takes it")
    parser.add_argument("--model", help="as `serve` takes it")
    parser.add_argument("--behind-proxy", action="store_const", const=True, help="as `serve` takes it")
    parser.add_argument(
        "--no-worker", dest="local_worker", action="store_const", const=False, help="as `serve` takes it"
    )
    parser.add_argument("--redis", metavar="URL", help="as `serve` takes it")
    parser.add_argument("--address", default="", metavar="URL", help="the public address: ask the server there, too")
    add_source(parser, "open this source, and listen to it; - reads it from standard input")
    parser.add_argument("--channels", default="en,fr,es", metavar="IDS", help="so many are carried (default: en,fr,es)")
    parser.add_argument("--quick", action="store_true", help="do not load the speech model")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def doctor(options: argparse.Namespace) -> None:
    """Look at this machine; exit 1 where something must be mended."""
    from hearing import config
    from hearing.doctor.examine import Wanted, examine
    from hearing.doctor.report import Report, Seen, written

    given = {name: getattr(options, name) for name in _SETTINGS}
    wanted = Wanted(source_of(options) or "", _channels(options.channels), _address(options.address), not options.quick)
    try:
        settings = config.from_environ(options.config, given)
    except Refused as error:
        found = Report("no-go", [Seen("address", "no-go", "settings", str(error), "docs/settings.md")])
    else:
        found = examine(settings, os.environ, wanted, time.time_ns() // 1_000_000)
    print(msgspec.json.encode(found).decode() if options.json else written(found))
    if found.verdict == "no-go":
        sys.stdout.flush()
        sys.exit(1)


_SETTINGS = ("data", "host", "port", "model", "behind_proxy", "local_worker", "redis")


def _channels(given: str) -> tuple[str, ...]:
    found = tuple(one.strip() for one in given.split(",") if one.strip())
    if not found:
        raise Refused("--channels names one or more: --channels en,fr")
    return found


def _address(given: str) -> str:
    if given and not given.startswith(("http://", "https://")):
        raise Refused("--address takes an address such as https://hearing.example.org")
    return given
