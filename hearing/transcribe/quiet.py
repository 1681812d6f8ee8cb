"""Where a channel's workers heard nobody speak, so that the record can say so. Pure.

Said is only what holds: all of the stretch was sent as one run, without half a second missing in sum, all of it was
heard, no word of it is still to come, and nothing was taken out of it.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from hearing.events import (
    SAMPLES_PER_MS,
    GapMarked,
    PublicEvent,
    QuietMarked,
    WordsCommitted,
)
from hearing.quiet import Span, without
from hearing.transcribe.protocol import HOLE
from hearing.transcribe.ring import Chunk
from hearing.transcript import Spoken

_OVER = 0
"""The run of a stretch that nothing continues."""


class _Stretch(msgspec.Struct, frozen=True):
    """Samples that were sent as one; fewer than HOLE are missing in all, and were `filled` by who heard them."""

    run: int
    begin: int
    end: int
    filled: int = 0


class Stretches:
    """The audio a channel's workers were sent, in samples: each stretch of one run, less than HOLE missing in it."""

    def __init__(self) -> None:
        self._sent: list[_Stretch] = []

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Return from where to where each goes, the oldest first."""
        return [(one.begin, one.end) for one in self._sent]

    def begin(self, sample: int) -> None:
        """The next worker begins at a sample: what lies after it is sent again."""
        self._sent = [replace(one, end=min(one.end, sample)) for one in self._sent if one.begin < sample]

    def add(self, chunk: Chunk) -> None:
        """Take what was sent next; an empty chunk ends a run."""
        last = self._sent[-1] if self._sent else _Stretch(_OVER, 0, 0)
        filled = last.filled + max(0, chunk.sample - last.end)
        if not chunk.pcm:
            self._sent[-1:] = [replace(last, run=_OVER)] if self._sent else []
        elif chunk.run == last.run != _OVER and filled < HOLE:
            self._sent[-1] = replace(last, end=max(last.end, chunk.end), filled=filled)
        else:
            self._sent.append(_Stretch(chunk.run, max(chunk.sample, last.end), chunk.end))

    def forget(self, sample: int) -> None:
        """Let go of what ended by a sample."""
        self._sent = [one for one in self._sent if one.end > sample]


def since(spoken: Spoken) -> int:
    """Return the media time after all that was said of a channel."""
    return max([spoken.through_t, *(segment.t1 or 0 for segment in spoken.segments[-1:])])


def until(fact: PublicEvent, settled: int) -> int:
    """Return the sample up to which it may have been quiet before a fact, where all before `settled` is."""
    match fact:
        case WordsCommitted():
            return min(settled, fact.through_sample)
        case GapMarked():
            return min(settled, fact.t0 * SAMPLES_PER_MS)
        case _:
            return 0


def marks(channel: str, heard: Span, sent: Iterable[tuple[int, int]], taken: Iterable[Span]) -> Iterator[QuietMarked]:
    """Yield what there is to say of a stretch that was `heard` and has no word, in ms.

    `sent` are stretches of samples; what was `taken` out, in ms, was silence to who heard it.
    """
    out = list(taken)
    for begin, end in sent:
        edges = max(heard[0], -(-begin // SAMPLES_PER_MS)), min(heard[1], end // SAMPLES_PER_MS)
        for t0, t1 in without(edges, out):
            yield QuietMarked(channel, t0, t1)
