"""Voice activity: where utterances begin and end, exact to the frame, from a probability of speech per 32 ms. Pure.

Speech begins at a probability of 0.5 and ends after 0.5 s under 0.35; an utterance begins 0.4 s before its first
frame of speech. Bounds are queued: a new beginning never undoes an end, whatever chunks the audio comes in.
"""

from collections import deque
from collections.abc import Sequence

import msgspec

from hearing.events import RATE_HZ

FRAME = 512
ON = 0.5
OFF = 0.35
QUIET_FRAMES = 16
"""0.5 s of silence, rounded up to frames."""
PRE_ROLL = 6400 + FRAME


class Utterance(msgspec.Struct):
    """Speech between silences, in samples of media time; `end` is None while it goes on."""

    begin: int
    end: int | None = None


class Voice:
    """The utterances of one unbroken stretch of audio that starts at sample `origin`."""

    def __init__(self, origin: int = 0, quiet_frames: int = QUIET_FRAMES) -> None:
        self.queue: deque[Utterance] = deque()
        self._origin = origin
        self._probabilities: deque[float] = deque()
        self._quiet_frames = quiet_frames
        self._quiet = 0
        self._speaking = False
        self._last_end = origin
        self._now = origin

    @property
    def speaking(self) -> bool:
        return self._speaking

    def hear(self, probabilities: Sequence[float]) -> None:
        """Take the probability of speech in each of the next frames."""
        for probability in probabilities:
            self._probabilities.append(probability)
            self._now += FRAME
            self._frame(probability)

    def speech(self, begin: int, end: int) -> int:
        """Count the samples between two that lie in frames of speech."""
        first, last = (max(0, round((sample - self._origin) / FRAME)) for sample in (begin, end))
        kept = len(self._probabilities)
        return FRAME * sum(self._probabilities[k] >= ON for k in range(min(first, kept), min(last, kept)))

    def close(self, end: int) -> None:
        """End the open utterance: no more audio follows."""
        if self._speaking:
            self.queue[-1].end = end
        self._speaking = False
        self._last_end = end

    def forget(self, before: int) -> None:
        """Let go of probabilities that end before a sample."""
        while self._probabilities and self._origin + FRAME <= before:
            self._probabilities.popleft()
            self._origin += FRAME

    def _frame(self, probability: float) -> None:
        if probability >= ON:
            self._quiet = 0
            if not self._speaking:
                self._speaking = True
                self.queue.append(Utterance(max(self._now - PRE_ROLL, self._last_end)))
        elif probability < OFF:
            self._quiet += 1
        if self._speaking and self._quiet >= self._quiet_frames:
            self._speaking = False
            self.queue[-1].end = self._last_end = self._now


def seconds(samples: int) -> float:
    """Return a number of samples as seconds."""
    return samples / RATE_HZ
