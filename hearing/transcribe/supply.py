"""The audio of one channel for its worker: the recording first, then what comes, never more than it can hear."""

import asyncio
from collections.abc import AsyncIterator, Callable

from hearing.events import RATE_HZ, SAMPLES_PER_MS, GapReason
from hearing.transcribe.protocol import Gap
from hearing.transcribe.quiet import Stretches
from hearing.transcribe.ring import Chunk, Ring

Recall = Callable[[str, int, int | None], AsyncIterator[tuple[int, int, bytes]]]
"""Read the recording of a channel again, from a sample to another or to its end: (run, sample, pcm)."""

WINDOW = 30 * RATE_HZ
"""A worker is sent at most this much more than it has heard."""
MAX_BEHIND = 600 * RATE_HZ
"""Further behind than this, what was missed is a gap, and hearing goes on near the live edge."""
_CATCH_UP = 30 * RATE_HZ


class Supply:
    """A channel's audio. `heard` is how far its worker is; `finishing` says that no more comes."""

    def __init__(self, channel: str, recall: Recall) -> None:
        self.ring = Ring()
        self.heard = 0
        self.sent_end = 0
        self.sent = Stretches()
        self._tells_quiet = True
        self.finishing = False
        self.recorded = False
        self._channel = channel
        self._recall = recall
        self._skipped: list[tuple[int, int]] = []
        self._changed = asyncio.Event()

    @property
    def began(self) -> bool:
        """Whether there was ever anything to hear."""
        return self.recorded or self.ring.end > 0

    def hear(self, run: int, sample: int, pcm: bytes) -> None:
        """Take audio from the source; empty where a run is over."""
        self.ring.add(Chunk(run, sample, pcm))
        self.wake()

    def finish(self) -> None:
        """No more comes."""
        self.finishing = True
        self.wake()

    def wake(self) -> None:
        """Let who waits for audio, or for room to send it, look again."""
        self._changed.set()

    def begin(self, sample: int, *, tells_quiet: bool = True) -> None:
        """A worker begins at a sample."""
        self.heard = self.sent_end = sample
        self.sent.begin(sample)
        self._tells_quiet = tells_quiet

    def progress(self, sample: int, settled: int) -> None:
        """The worker has heard through one sample, and everything before the other is settled."""
        self.heard = max(self.heard, min(sample, self.sent_end))
        self.ring.release(min(settled, self.sent_end))
        self.wake()

    async def audio(self, cursor: int) -> AsyncIterator[Chunk]:
        """Yield audio from a sample on, as the worker makes room for it; ends when no more will come."""
        async for chunk in self._chunks(cursor):
            while self.sent_end - self.heard > WINDOW:
                await self._wait()
            self.heard += max(0, chunk.sample - self.sent_end)  # where there is no audio, there is nothing to hear
            self.sent_end = max(self.sent_end, chunk.end)
            if self._tells_quiet:
                self.sent.add(chunk)
            yield chunk

    def reason(self, missing: Gap) -> GapReason:
        """Say why audio did not reach the worker: it was skipped here, or never recorded."""
        if missing.reason == "unheard":
            return missing.reason
        t0, t1 = missing.t0 * SAMPLES_PER_MS, missing.t1 * SAMPLES_PER_MS
        return "overload" if any(begin < t1 and t0 < end for begin, end in self._skipped) else "not-recorded"

    async def _chunks(self, cursor: int) -> AsyncIterator[Chunk]:
        async for chunk in self._recorded(cursor):
            yield chunk
            cursor = chunk.end
        place = self.ring.place(cursor)
        while True:
            if found := self.ring.after(place):
                chunk, place = found
                cursor = self._skip(cursor)
                if chunk.end > cursor or not chunk.pcm:
                    yield chunk.since(cursor)
                    cursor = max(cursor, chunk.end)
            elif self.finishing:
                return
            else:
                await self._wait()

    async def _recorded(self, cursor: int) -> AsyncIterator[Chunk]:
        """Yield what the recording has from a sample on, until the ring goes on from there or there is no more."""
        reached = -1
        while self.recorded and cursor > reached and (self.ring.first is None or cursor < self.ring.first):
            cursor = reached = self._skip(cursor)
            async for run, sample, pcm in self._recall(self._channel, cursor, self.ring.first):
                chunk = Chunk(run, sample, pcm).since(cursor)
                if chunk.pcm:
                    yield chunk
                    cursor = chunk.end

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _skip(self, cursor: int) -> int:
        """Return where to go on: at the cursor, or near the live edge where it is too far behind."""
        if self.ring.end - cursor <= MAX_BEHIND:
            return cursor
        near = self.ring.end - _CATCH_UP
        self._skipped.append((cursor, near))
        return near
