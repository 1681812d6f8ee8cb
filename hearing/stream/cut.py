"""Cut one track into parts of about a second and segments of about two, at the same media times on every track."""

from collections.abc import Callable

from hearing.stream.cmaf import Sample, fragment
from hearing.stream.frames import Part

PART_MS = 1000
SEGMENT_MS = 2000
_HOLE_MS = 500
_EARLY_MS = 50


class Cutter:
    """Collects the samples of one track and emits parts.

    Segments begin at the first sample past start + n * SEGMENT_MS that can begin one: any frame of sound, a key frame
    of a picture. `scale` is ticks per second; `start_s` is where the run starts.
    """

    def __init__(self, name: str, scale: int, start_s: float, emit: Callable[[Part], None]) -> None:
        self._name = name
        self._scale = scale
        self._start_ms = start_s * 1000
        self._emit = emit
        self._held: list[Sample] = []
        self._held_from = 0
        self._held_to = 0
        self._last: int | None = None
        self._sequence = 0
        self._part_due = self._start_ms + PART_MS
        self._segment_due = self._start_ms + SEGMENT_MS
        self._opens = True

    def add(self, decode_time: int, sample: Sample) -> None:
        """Add the next sample; decode times, in ticks, only grow."""
        if self._held:
            self._stretch_to(decode_time, sample.key)
            self._cut_before(decode_time, sample)
        if not self._held:
            self._begin(decode_time)
        self._held.append(sample)
        self._last = decode_time
        self._held_to = decode_time + sample.duration

    def flush(self) -> None:
        """Emit what is held and close the segment: the track ends here, or makes a pause."""
        if self._held:
            self._put(closes=True)

    def _begin(self, decode_time: int) -> None:
        self._held_from = decode_time
        t = self._ms(decode_time) + _EARLY_MS
        self._part_due = self._after(t, PART_MS)
        if self._opens:
            self._segment_due = self._after(t, SEGMENT_MS)

    def _stretch_to(self, decode_time: int, key: bool) -> None:
        """Let the last sample last until this one, unless there is a hole that a segment can begin after."""
        if self._last is None or (key and self._ms(decode_time - self._held_to) >= _HOLE_MS):
            return
        last = self._held[-1]
        self._held[-1] = Sample(last.data, decode_time - self._last, last.composition, last.key)
        self._held_to = decode_time

    def _cut_before(self, decode_time: int, sample: Sample) -> None:
        hole = self._ms(decode_time - self._held_to)
        t = self._ms(decode_time) + min(self._ms(sample.duration) / 2, _EARLY_MS)
        if hole >= _HOLE_MS or (sample.key and t >= self._segment_due):
            self._put(closes=True)
        elif hole or t >= self._part_due:
            self._put(closes=False)

    def _put(self, *, closes: bool) -> None:
        self._sequence += 1
        self._emit(
            Part(
                rendition=self._name,
                t0=self._ms(self._held_from),
                duration_ms=self._ms(self._held_to - self._held_from),
                samples=len(self._held),
                payload=sum(len(sample.data) for sample in self._held),
                opens=self._opens,
                closes=closes,
                content=fragment(self._sequence, self._held_from, self._held),
            )
        )
        self._held = []
        self._opens = closes

    def _after(self, t_ms: float, step_ms: int) -> float:
        return self._start_ms + ((t_ms - self._start_ms) // step_ms + 1) * step_ms

    def _ms(self, ticks: int) -> float:
        return ticks * 1000 / self._scale
