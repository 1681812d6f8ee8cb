"""One file through the engine, offline or as if it were live: the events that scripts score."""

import os
import resource
import time
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from hearing.errors import Refused
from hearing.events import RATE_HZ, SAMPLES_PER_MS
from hearing.lang import join
from hearing.transcribe.engine import Pcm
from hearing.transcribe.models import ModelChoice, find
from hearing.transcribe.protocol import Closed, Draft, Gap, Words
from hearing.transcribe.script import shown_script
from hearing.transcribe.session import Said, Session, plain
from hearing.transcribe.whisper import Whisper

TICK_MS = 600
FRAME_MS = 200


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event. `at` is seconds since the first sample, on the clock chosen; `end` the second heard through.

    A `commit` holds only new words. An `end` line is the last: how long the audio was, and the CPU seconds spent.
    """

    at: float
    kind: Literal["draft", "commit", "gap", "segment", "end"]
    text: str | None = None
    end: float | None = None
    t0: int | None = None
    t1: int | None = None
    audio_s: float | None = None
    cpu_s: float | None = None


def load_engine(model: ModelChoice, threads: int = 1) -> Whisper:
    """Load the model for one file. Raises Refused, Unavailable."""
    found = find(model, os.environ)
    return Whisper(found.folder, name=found.name, device=model.device, compute=model.compute_type, threads=threads)


def transcribe_file(
    pcm: Pcm,
    *,
    language: str,
    model: ModelChoice,
    live: bool,
    clock: Literal["cpu", "wall"],
    phase_ms: int,
    on_event: Callable[[Line], None],
) -> None:
    """Hear one file and tell every event in order; live as `hear_live` does, else whole.

    Raises Refused for a language the model does not know.
    """
    engine = load_engine(model)
    if not engine.hears(language):
        raise Refused(f"The model does not know the language {language!r}. Give its two letters, as in --language fr.")
    if live:
        session = Session(plain(0, language), engine)
        hear_live(pcm, session, language=language, clock=clock, phase_ms=phase_ms, on_event=on_event)
        return
    now, convert = CpuClock(), shown_script(language)
    for passage in engine.whole(pcm, language):
        text, end = convert(passage.text), passage.t1 / 1000
        on_event(Line(round(max(now.seconds(), end), 3), "commit", text, end, passage.t0, passage.t1))
    on_event(Line(now.seconds(), "end", audio_s=len(pcm) / RATE_HZ, cpu_s=now.spent()))


def hear_live(
    pcm: Pcm,
    session: Session,
    *,
    language: str,
    clock: Literal["cpu", "wall"],
    phase_ms: int,
    on_event: Callable[[Line], None],
    tick_ms: int = TICK_MS,
) -> None:
    """Hear a file as it would be heard live, in ticks that `phase_ms` shifts against the audio.

    Ended utterances are finished as soon as the voice detector says so; it hears every 200 ms, as a worker does.
    With clock `cpu` no time passes but what is counted: an event's `at` is its tick's time plus the CPU seconds that
    were still queued then. With `wall` the file is played as fast as it would come.
    """
    now = CpuClock() if clock == "cpu" else WallClock()
    begin = 0
    for end, ticks in _edges(len(pcm), tick_ms, phase_ms):
        now.reach(end / RATE_HZ)
        session.hear(1, begin, pcm[begin:end])
        if end == len(pcm):
            session.end()
        for line in lines(session.step(draft=ticks), language, now.seconds()):
            on_event(line)
        begin = end
    on_event(Line(now.seconds(), "end", audio_s=len(pcm) / RATE_HZ, cpu_s=now.spent()))


def lines(said: Sequence[Said], language: str, at: float) -> list[Line]:
    """Turn what a session says into event lines."""
    return [_line(one, language, round(at, 3)) for one in said]


def _line(one: Said, language: str, at: float) -> Line:
    match one:
        case Words():
            return Line(at, "commit", join(one.words, language), one.through_sample / RATE_HZ)
        case Draft():
            return Line(at, "draft", one.text)
        case Closed():
            return Line(at, "segment", None, one.t1 / 1000, one.t0, one.t1)
        case Gap():
            return Line(at, "gap", one.reason, one.t1 / 1000, one.t0, one.t1)


def _edges(samples: int, tick_ms: int, phase_ms: int) -> list[tuple[int, bool]]:
    """Return where frames end, and whether a tick does."""
    tick, first = tick_ms * SAMPLES_PER_MS, phase_ms * SAMPLES_PER_MS % (tick_ms * SAMPLES_PER_MS)
    frame = FRAME_MS * SAMPLES_PER_MS
    ticks = {*range(first or tick, samples, tick), samples}
    return [(end, end in ticks) for end in sorted({*ticks, *range(first % frame or frame, samples, frame)})]


class CpuClock:
    """Seconds of audio, plus the CPU seconds queued behind it."""

    def __init__(self) -> None:
        self._begin = self._last = _cpu_s()
        self._at = 0.0

    def reach(self, second: float) -> None:
        self._at, self._last = max(self.seconds(), second), _cpu_s()

    def seconds(self) -> float:
        return self._at + _cpu_s() - self._last

    def spent(self) -> float:
        return _cpu_s() - self._begin


class WallClock:
    """Real seconds since the first sample."""

    def __init__(self) -> None:
        self._cpu = _cpu_s()
        self._zero = time.monotonic()

    def reach(self, second: float) -> None:
        time.sleep(max(0.0, second - self.seconds()))

    def seconds(self) -> float:
        return time.monotonic() - self._zero

    def spent(self) -> float:
        return _cpu_s() - self._cpu


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
