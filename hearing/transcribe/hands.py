"""The threads of one worker, shared by all its relays: how many jobs run, at which pace, and how many channels fit."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar

from hearing.transcribe.batching import MOST, Batching
from hearing.transcribe.engine import Engine
from hearing.transcribe.pace import LOOK_S, Meter, Pace, observe

Said = TypeVar("Said")

_MEASURED_LOOKS = 8
"""Before so many looks nothing is told of what they take: the first ones load code."""
_SMOOTHING = 0.1
_LOOK_EVERY_S = 3.0
"""At the slowest pace a channel takes the time of a look every 3.5 to 4.4 s of speech (base, English and French); the
rest is kept free."""


class Hearer(Protocol):
    """One relay's share of the threads."""

    @property
    def carried(self) -> int:
        """Count its channels."""
        ...

    @property
    def due_s(self) -> float:
        """Return when the first of them wants a thread; infinity where none does."""
        ...

    def wake(self) -> None:
        """Look again: a thread may be free."""
        ...


def fitting(look_s: float, threads: int) -> int:
    """Return how many channels keep the slowest pace where a look takes one thread so long."""
    return int(threads * _LOOK_EVERY_S / max(look_s, 0.001))


def jobs_at_once(engine: Engine, threads: int, channels: int) -> int:
    """Return how many jobs run at once: a thread each. Where calls are batched a job mostly waits: a channel each."""
    return min(channels, 2 * MOST) if isinstance(engine, Batching) else threads


class Hands:
    """The threads, and who uses them. `channels` is the most that are carried at once, for all relays together."""

    def __init__(self, threads: int, channels: int, name: str = "") -> None:
        self.name = name
        self.threads = threads
        self.channels = channels
        self.pace = Pace()
        self.failures = 0
        """Jobs in a row, of all channels, at which the engine failed."""
        self._meter: Meter | None = None
        self._looks, self._look_s = 0, 0.0
        self._looking = threading.Lock()
        self._jobs = 0
        self._hearers: list[Hearer] = []
        self._pool = ThreadPoolExecutor(threads, "engine")

    @property
    def free(self) -> int:
        """Return how many more jobs may run now."""
        return self.threads - self._jobs

    @property
    def carried(self) -> int:
        """Count the channels of all relays."""
        return sum(hearer.carried for hearer in self._hearers)

    @property
    def full(self) -> bool:
        """Tell whether no further channel may be taken."""
        return self.carried >= self.channels

    @property
    def measured(self) -> bool:
        """Tell whether enough was heard to know what a channel takes."""
        return self._looks >= _MEASURED_LOOKS

    def room(self, hearer: Hearer) -> int:
        """Return how many channels one relay's share can be: what fits, less what the others have."""
        fit = fitting(self._look_s, self.threads) if self.measured else self.channels
        return max(0, min(fit, self.channels) - (self.carried - hearer.carried))

    def join(self, hearer: Hearer) -> None:
        """Begin to share."""
        self._hearers.append(hearer)

    def leave(self, hearer: Hearer) -> None:
        """Share no more; its channels are nobody's here."""
        self._hearers.remove(hearer)
        self.let_go()

    def let_go(self) -> None:
        """A channel is over. Without any, what was measured says nothing about the next ones."""
        self.failures = 0  # what failed may have been what left
        if not self.carried:
            self.pace, self._meter, self._looks = Pace(), None, 0
        self._wake()

    def looked(self, seconds: float) -> None:
        """Take the time of one look into account. Comes from any thread."""
        with self._looking:
            self._look_s += (seconds - self._look_s) * (_SMOOTHING if self._looks else 1.0)
            self._looks += 1

    def run(self, job: Callable[[], Said]) -> "asyncio.Future[Said]":
        """Run a job in a thread, which is taken until the job ends, whoever still waits for it."""
        loop = asyncio.get_running_loop()
        self._jobs += 1
        running: Future[Said] = self._pool.submit(job)

        def over(_: "Future[Said]") -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(self._over)

        running.add_done_callback(over)
        return asyncio.wrap_future(running)

    def count(self, took_s: float, *, draft: bool, late_s: float) -> bool:
        """Take a job into account, for which `late_s` of audio waited; tell whether the pace has changed."""
        now_s, before = asyncio.get_running_loop().time(), self.pace.level
        meter = self._meter = self._meter or Meter(now_s - took_s)
        meter.count(took_s, draft=draft, late_s=late_s)
        if now_s - meter.since_s >= LOOK_S:
            self.pace = observe(self.pace, meter, now_s, places=min(self.threads, max(1, self.carried)))
            self._meter = Meter(now_s)
        return self.pace.level != before

    def close(self) -> None:
        """Begin no more jobs. Those that run cannot be stopped, and nobody waits for what they say."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _over(self) -> None:
        self._jobs -= 1
        self._wake()

    def _wake(self) -> None:
        for hearer in sorted(self._hearers, key=lambda one: one.due_s):
            hearer.wake()
