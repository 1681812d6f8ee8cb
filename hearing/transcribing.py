"""`hearing transcribe`: one file through the engine, whole or as if live, with an event a line."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from hearing.errors import Refused
from hearing.lang import spaced
from hearing.stream.tap import decode_file
from hearing.transcribe.models import ModelChoice
from hearing.transcribe.onefile import Line, transcribe_file


def run(
    file: Path,
    *,
    language: str,
    track: int,
    model: str,
    live: bool,
    clock: Literal["cpu", "wall"],
    phase_ms: int,
    events: Path | None,
) -> None:
    """Transcribe and print the text; with `events`, write its event lines there as they come."""
    pcm = decode_file(file, track)
    with contextlib.ExitStack() as opened:
        write = opened.enter_context(_writing(events)) if events else _write_nothing

        def on_event(line: Line) -> None:
            write(msgspec.json.encode(line) + b"\n")
            if line.kind == "commit" and line.text:
                print(line.text, end=" " if spaced(language) else "", flush=True)

        transcribe_file(
            pcm,
            language=language,
            model=ModelChoice(model),
            live=live,
            clock=clock,
            phase_ms=phase_ms,
            on_event=on_event,
        )
    print()


def _write_nothing(_line: bytes) -> None:
    return None


@contextlib.contextmanager
def _writing(events: Path) -> Iterator[Callable[[bytes], object]]:
    """Open the file of the event lines. Raises Refused where it cannot be written, from the first byte to the last."""
    try:
        with events.open("wb") as sink:
            yield sink.write
    except OSError as error:
        raise Refused(f"The events cannot be written there ({error.strerror}). Check --events.") from error
