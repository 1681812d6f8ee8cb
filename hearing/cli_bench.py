"""`hearing bench NAME`: measure this machine, as JSON."""

import argparse
import logging
from collections.abc import Callable
from typing import Any

from hearing.errors import Refused

_LADDER = "ladder"


def add(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:  # noqa: ANN401 - argparse's type is private
    """Add the command."""
    parser = command(commands, "bench", bench, "Measure this machine.")
    parser.add_argument("name", metavar="NAME", help="log, window, desk, search, publish, transcribe")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    spoken = parser.add_argument_group("bench transcribe")
    text = "how many at once, as in --channels 3 or 1,3,6 (default: ladder, more and more until one falls behind)"
    spoken.add_argument("--channels", default=_LADDER, metavar="N", help=text)
    spoken.add_argument("--seconds", type=float, default=45.0, help="play for so long each time (default: 45)")
    spoken.add_argument("--model", default="base", help="speech model: a name (base) or the path of a folder")
    spoken.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    spoken.add_argument("--compute-type", default="auto", metavar="T", help="its number format (default: auto)")
    text = "measure a model of this shape with weights of noise: tiny, base, small, medium, large-v2, large-v3, "
    spoken.add_argument("--shape", default="", help=text + "large-v3-turbo")


def bench(options: argparse.Namespace) -> None:
    """Run one benchmark and print its figures; how far it is goes to standard error."""
    from hearing.bench import run
    from hearing.bench.transcribe import LADDER, Spoken
    from hearing.transcribe.models import ModelChoice

    logging.getLogger("websockets").setLevel(logging.WARNING)
    if not 5 <= options.seconds <= 3600:
        raise Refused("--seconds is from 5 to 3600.")
    spoken = Spoken(
        channels=LADDER if options.channels == _LADDER else _channels(options.channels),
        seconds=options.seconds,
        model=ModelChoice(options.model, options.device, options.compute_type),
        shape=options.shape,
    )
    print(run.run(options.name, run.Size(spoken=spoken)).decode())


def _channels(text: str) -> tuple[int, ...]:
    numbers = text.split(",")
    if not all(number.isdecimal() and 1 <= int(number) <= 64 for number in numbers):
        raise Refused("--channels is a number from 1 to 64, several with commas between them, or ladder.")
    return tuple(map(int, numbers))
