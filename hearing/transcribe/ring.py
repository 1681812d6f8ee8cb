"""The last minutes of a channel's PCM, as it came: kept until it is settled and a minute more, never without bound."""

from collections import deque

import msgspec

from hearing.events import RATE_HZ

KEEP = 60 * RATE_HZ
MOST = 600 * RATE_HZ


class Chunk(msgspec.Struct, frozen=True):
    """s16le PCM of one run; `sample` is the media sample of its first one. Empty: the run is over there."""

    run: int
    sample: int
    pcm: bytes

    @property
    def end(self) -> int:
        return self.sample + len(self.pcm) // 2

    def since(self, sample: int) -> "Chunk":
        """Return what of it lies at or after a sample."""
        cut = max(0, sample - self.sample)
        return Chunk(self.run, self.sample + cut, self.pcm[2 * cut :]) if cut else self

    def silenced(self, first: int, last: int) -> "Chunk":
        """Return it with silence between two samples."""
        begin, end = max(first, self.sample) - self.sample, min(last, self.end) - self.sample
        if begin >= end:
            return self
        return Chunk(self.run, self.sample, self.pcm[: 2 * begin] + bytes(2 * (end - begin)) + self.pcm[2 * end :])


class Ring:
    """Chunks in order of media time. When full the oldest goes; who still needs it reads the recording."""

    def __init__(self, keep: int = KEEP, most: int = MOST) -> None:
        self._keep = keep
        self._most = most
        self._chunks: deque[Chunk] = deque()
        self._dropped = 0

    @property
    def first(self) -> int | None:
        """Return the oldest sample that is kept, None while there is none."""
        return self._chunks[0].sample if self._chunks else None

    @property
    def end(self) -> int:
        """Return the sample after the newest; 0 before there was any."""
        return self._chunks[-1].end if self._chunks else 0

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk; what lies before the end of the last one was heard already and is cut off."""
        if chunk.pcm and chunk.end <= self.end:
            return
        self._chunks.append(chunk.since(self.end) if chunk.pcm else Chunk(chunk.run, max(chunk.sample, self.end), b""))
        while len(self._chunks) > 1 and self.end - self._chunks[0].sample > self._most:
            self._drop()

    def silence(self, first: int, last: int) -> None:
        """Put silence between two samples, in what is kept."""
        self._chunks = deque(chunk.silenced(first, last) for chunk in self._chunks)

    def release(self, settled: int) -> None:
        """Let go of what ended a minute before a sample that is settled; the newest chunk stays."""
        while len(self._chunks) > 1 and self._chunks[0].end <= settled - self._keep:
            self._drop()

    def after(self, place: int) -> tuple[Chunk, int] | None:
        """Return the chunk at a place in the order of arrival, and the place after it; None where none came yet.

        A place before the oldest chunk gives the oldest.
        """
        index = max(0, place - self._dropped)
        if index >= len(self._chunks):
            return None
        return self._chunks[index], self._dropped + index + 1

    def place(self, sample: int) -> int:
        """Return the place of the first chunk that ends after a sample."""
        kept = [chunk.end <= sample for chunk in self._chunks]
        return self._dropped + (kept.index(False) if False in kept else len(kept))

    def _drop(self) -> None:
        self._chunks.popleft()
        self._dropped += 1
