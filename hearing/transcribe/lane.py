"""One channel in a worker: the audio that waits to be heard, and when it wants to be."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterable

import numpy as np

from hearing.events import RATE_HZ
from hearing.transcribe.engine import Pcm
from hearing.transcribe.protocol import Heard
from hearing.transcribe.session import Said, Session

_SLICE = 2 * RATE_HZ
"""One job hears at most this much new audio, so that a channel that catches up does not keep others waiting."""


class Lane:
    """An assigned channel. `busy` while a job hears it, `done` when it was heard to its end.

    `reached` is how far the last job came; `saying` is held by the job whose words are sent. Jobs run in threads,
    everything else in the loop.
    """

    def __init__(self, handle: int, session: Callable[[], Session], now_s: float) -> None:
        self.handle = handle
        self.busy = False
        self.finishing = False
        self.done = False
        self.saying = asyncio.Lock()
        self.failures = 0
        self.due_s = now_s
        self._make = session
        self._session: Session | None = None
        self._waiting: deque[tuple[int, int, bytes]] = deque()
        self._again: list[tuple[int, int, bytes]] = []
        self._samples = self._undrafted = 0
        self._ended = False
        self.reached = self._told = Heard(handle, 0, 0, 0)
        self.glossary: tuple[str, ...] | None = None
        self._preferred: tuple[str, ...] | None = None

    def add(self, run: int, sample: int, pcm: bytes, now_s: float) -> None:
        """Take a PCM frame; empty where the run is over."""
        if not self._waiting:
            self.due_s = now_s
        self._waiting.append((run, sample, pcm))
        self._samples += len(pcm) // 2
        self._undrafted += len(pcm) // 2
        self._ended |= not pcm

    @property
    def wants(self) -> bool:
        """Tell whether there is audio to hear, or an end to hear out."""
        return not self.busy and bool(self.finishing or self._waiting or self._again)

    @property
    def waiting_s(self) -> float:
        """Return the seconds of audio that wait."""
        return self._samples / RATE_HZ

    def draft_due(self, tick_ms: int) -> bool:
        """Tell whether a tick's audio has come since the last draft; the next is counted from now on."""
        due = self._undrafted * 1000 >= tick_ms * RATE_HZ
        if due:
            self._undrafted = self._samples
        return due

    @property
    def drained(self) -> bool:
        """Tell whether a finished channel has been heard to its end."""
        return self.finishing and not self._waiting and not self._again

    def heard(self, tick_ms: int) -> Heard:
        """Say how far the channel is, by what was `said`."""
        return Heard(self.handle, self._told.sample, self._told.settled, tick_ms)

    def said(self, reached: Heard) -> None:
        """All is said of what a job `reached`: before that, no word of it is called settled."""
        self._told = reached

    def take(self) -> list[tuple[int, int, bytes]]:
        """Take out what the next job hears."""
        taken, self._again = self._again, []
        samples = 0
        while self._waiting and samples < _SLICE:
            taken.append(self._waiting.popleft())
            samples += len(taken[-1][2]) // 2
        self._samples -= samples
        self._ended = any(not pcm for _, _, pcm in self._waiting)
        return taken

    def hear(self, frames: list[tuple[int, int, bytes]], *, draft: bool, last: bool) -> list[Said]:
        """Hear frames and return what there is to say. Blocks: runs in a thread, never twice at once.

        Raises EngineFailedError; what was not taken in by then comes again with the next job.
        """
        session = self._session = self._session or self._make()
        if (glossary := self.glossary) is not None and glossary != self._preferred:
            session.prefer(glossary)
            self._preferred = glossary
        self._again = list(frames)
        for run, sample, pcm in frames:
            session.hear(run, sample, to_pcm(pcm))
            self._again.pop(0)
        if last:
            session.end()
        said = session.step(draft=draft)
        self.reached = Heard(self.handle, session.heard, session.settled, 0)
        self.done = last
        return said

    def give_up(self) -> list[Said]:
        """Give up what has no words yet, which the engine cannot hear, and return what is to be said of that."""
        if self._session is None:
            return []
        said = self._session.give_up()
        self.reached = Heard(self.handle, self._session.heard, self._session.settled, 0)
        return said


def soonest(lanes: Iterable[Lane], count: int) -> list[Lane]:
    """Return as many lanes as there is room for, of those that want to be heard: the earliest deadline first."""
    return heapq.nsmallest(max(0, count), (lane for lane in lanes if lane.wants), key=lambda lane: lane.due_s)


def to_pcm(raw: bytes) -> Pcm:
    """Turn s16le bytes into samples."""
    return np.frombuffer(raw, "<i2").astype(np.float32) / 32768.0
