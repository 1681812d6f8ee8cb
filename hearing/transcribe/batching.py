"""Hear many channels at once: calls of several threads are collected and given to the engine together.

Alike calls make a batch: one kind, one window, one length of prompt, with or without forced words, or one language to
align in. The earliest deadline goes first, and takes along what is like it. A call waits for others only while others
are on their way; there is no thread here, whoever waits runs the next batch. Where a batch fails its calls are tried
one by one, so that only the bad one fails.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import msgspec

from hearing.transcribe.engine import Asked, BatchEngine, EngineFailedError, Hypothesis, Pcm, Sound
from hearing.transcribe.words import Word

MOST = 32
"""Calls in one batch."""
PATIENCE_S = 0.03
"""A call waits so long for others, at the most."""

_due_s: ContextVar[float] = ContextVar("due_s")


class Call(msgspec.Struct, eq=False):
    """A call that waits: what it can be batched by, when it is wanted and since when it waits, in monotonic seconds."""

    key: tuple[Hashable, ...]
    due_s: float
    asked_s: float
    what: Any = None
    answer: Any = None
    failure: Exception | None = None
    done: bool = False


def pick(
    waiting: Sequence[Call], now_s: float, *, most: int, patience_s: float, expected: int
) -> tuple[list[Call], float | None]:
    """Return the batch to run now; where it is better to wait, none, and for how long (None: for news). Pure.

    `expected` counts callers that may be back in a moment. While there are any, nobody waits longer than `patience_s`.
    """
    if not waiting:
        return [], None
    first = min(waiting, key=_order)
    batch = sorted((call for call in waiting if call.key == first.key), key=_order)[:most]
    left_s = min(call.asked_s for call in waiting) + patience_s - now_s
    if len(batch) == most or not expected or left_s <= 0:
        return batch, 0.0
    return [], left_s


@contextlib.contextmanager
def wanted_at(due_s: float) -> Iterator[None]:
    """Let the calls of this thread be wanted at a time, in monotonic seconds; without it they are wanted at once."""
    before = _due_s.set(due_s)
    try:
        yield
    finally:
        _due_s.reset(before)


class Batching:
    """An engine for many threads, on one that hears several at once. It runs `runners` batches at the same time."""

    def __init__(
        self, engine: BatchEngine, *, most: int = MOST, patience_s: float = PATIENCE_S, runners: int = 1
    ) -> None:
        self._engine = engine
        self._most = most
        self._patience_s = patience_s
        self._free = runners
        self._changed = threading.Condition()
        self._waiting: list[Call] = []
        self._left_s: dict[int, float] = {}
        self.batches = self.calls = 0

    @property
    def name(self) -> str:
        return self._engine.name

    def hears(self, language: str) -> bool:
        return self._engine.hears(language)

    def encode(self, pcm: Pcm) -> Sound:
        prepared = self._engine.prepare(pcm)
        sound: Sound = self._ask(("encode", self._engine.window(prepared.samples)), prepared)
        return sound

    def detect(self, sound: Sound, languages: Sequence[str]) -> Mapping[str, float]:
        told: Mapping[str, float] = self._ask(("detect", self._engine.window(sound.samples)), (sound, languages))
        return told

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        asked = Asked(sound, language, tuple(prompt), tuple(forced))
        key = ("guess", self._engine.window(sound.samples), len(prompt), bool(forced))
        heard: Hypothesis = self._ask(key, asked)
        return heard

    def align(self, sound: Sound, language: str, words: Sequence[Word]) -> list[tuple[int, int]]:
        if not words:
            return []
        key = ("align", self._engine.window(sound.samples), language)
        spans: list[tuple[int, int]] = self._ask(key, (sound, words))
        return spans

    def spell(self, written: Sequence[str], language: str) -> list[Word]:
        return self._engine.spell(written, language)

    def _ask(self, key: tuple[Hashable, ...], what: Any) -> Any:  # noqa: ANN401 - each kind of call has its own
        """Wait until the call is answered; meanwhile run batches, this one or those that are wanted before."""
        now_s, me = time.monotonic(), threading.get_ident()
        call = Call(key, _due_s.get(now_s), now_s, what)
        with self._changed:
            self._left_s.pop(me, None)
            self._waiting.append(call)
            self._changed.notify_all()
            try:
                while not call.done:
                    self._run_or_wait()
            finally:
                self._left_s[me] = time.monotonic()
        if call.failure is not None:
            raise call.failure
        return call.answer

    def _run_or_wait(self) -> None:
        """Run the next batch, if there is one and a runner is free; else wait for news. The lock is held."""
        batch: list[Call] = []
        wait_s: float | None = None
        if self._free:
            now_s = time.monotonic()
            expected = self._expected(now_s)
            batch, wait_s = pick(self._waiting, now_s, most=self._most, patience_s=self._patience_s, expected=expected)
        if not batch:
            self._changed.wait(wait_s)
            return
        self._waiting = [call for call in self._waiting if call not in batch]
        self._free -= 1
        self._changed.release()
        try:
            self._run(batch)
        finally:
            self._changed.acquire()
            self._free += 1
            self.batches, self.calls = self.batches + 1, self.calls + len(batch)
            for call in batch:
                call.done = True
            self._changed.notify_all()

    def _expected(self, now_s: float) -> int:
        """Count the threads whose last call ended a moment ago: their job may go on with another."""
        self._left_s = {one: at_s for one, at_s in self._left_s.items() if now_s - at_s < self._patience_s}
        return len(self._left_s)

    def _run(self, batch: list[Call]) -> None:
        """Answer every call of a batch, or say why not."""
        answer = self._answering(batch[0].key)
        try:
            for call, one in zip(batch, answer([call.what for call in batch]), strict=True):
                call.answer = one
        except EngineFailedError as error:
            if len(batch) == 1:
                batch[0].failure = error
                return
            for call in batch:
                self._run([call])
        except Exception as error:
            for call in batch:
                call.failure = error

    def _answering(self, key: tuple[Hashable, ...]) -> Callable[[list[Any]], list[Any]]:
        match key:
            case ("encode", _):
                return self._engine.encode_all
            case ("detect", _):
                return self._engine.detect_all
            case ("align", _, language):
                return lambda what: self._engine.align_all(what, str(language))
            case _:
                return self._engine.guess_all


def _order(call: Call) -> tuple[float, float]:
    return call.due_s, call.asked_s
