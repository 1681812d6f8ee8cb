"""Workers are killed, frozen and cut off under a channel that is live: final words stay, stand once, none are lost.

Takes a quarter of an hour: scripts/slow tests/chaos/test_workers.py --log-cli-level=INFO. Its last line tells how soon
another worker held the channel, and how soon it said something.
"""

import asyncio
import itertools
import json
import logging
import os
import random
import resource
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hearing.events import SegmentClosed, WordsCommitted, decode_public
from hearing.log.base import tail
from hearing.transcribe.connection import draft_name
from hearing.transcribe.engine import Pcm
from hearing.transcribe.protocol import SILENCE_S
from tests.chaos.passages import Passage, doubled, error_rate, lost, parted
from tests.speech import pcm, speech
from tests.transcribe.fakes import raw
from tests.transcribe.lines import Lines
from tests.transcribe.relaying import PUBLIC, Bench, bench
from tests.transcribe.route import FRAME, TOKEN, serving
from tests.transcribe.worker_process import WorkerProcess, token_file

pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.audio]

logger = logging.getLogger(__name__)

KILLS, FREEZES, HOLDS = 20, 10, 4
DEADLINE_S = 300.0
LATEST_S = SILENCE_S + 10.0
"""A channel is another's once its worker has said nothing for SILENCE_S; the rest is for a machine that is busy."""
CLOSED = "relay has closed the connection"
RATE = 16_000
LONGEST_LOST, MOST_LOST = 2, 0.03
"""Two undisturbed hearings differ by so much: words that one has and the other lacks, in a row, and of all."""


class Takeover(msgspec.Struct, frozen=True):
    """A disturbance, and when another held the channel, in seconds of the loop's clock."""

    kind: str
    began_s: float
    held_s: float


class Shown(msgspec.Struct):
    """What a reader of the log has been shown as final, by segment, in order; `changed` if any of that ever changes.

    `told_s` is when there were new words, final ones or a draft, by the loop's clock.
    """

    words: dict[str, list[str]] = {}
    closed: set[str] = set()
    changed: str = ""
    told_s: list[float] = []

    @property
    def count(self) -> int:
        return sum(map(len, self.words.values()))

    async def follow(self, one: Bench) -> None:
        async for record in tail(one.log, PUBLIC, 0):
            event = decode_public(record.body)
            if isinstance(event, WordsCommitted):
                known = self.words.setdefault(event.segment, [])
                if event.first_word != len(known) or event.segment in self.closed:
                    self.changed = f"word {event.first_word} of {event.segment} after {len(known)}"
                known.extend(event.words)
                self.told_s.append(_now())
            elif isinstance(event, SegmentClosed):
                if event.segment in self.closed or len(event.word_times) != len(self.words[event.segment]):
                    self.changed = f"times of {event.segment}"
                self.closed.add(event.segment)

    async def watch(self, one: Bench) -> None:
        async for _, draft in one.board.watch(draft_name(one.dispatch.carried("m", "en"))):
            if draft is not None:
                self.told_s.append(_now())


class Hearing(msgspec.Struct, frozen=True):
    """What came of hearing the recording again and again under disturbances.

    `cpu_per_s`: processor seconds a second of the workers, and of the relay with its test.
    """

    passages: list[Passage]
    shown: Shown
    takeovers: list[Takeover]
    late: dict[str, int]
    cpu_per_s: dict[str, float]


async def until(condition: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"waited {DEADLINE_S:.0f} s for {what}")


async def play(one: Bench, sound: Pcm, enough: asyncio.Event) -> int:
    """Play as a webcast does, in real time, again and again until it is enough; return how often it was played."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for passes in itertools.count():
        if passes and enough.is_set():
            return passes
        for sample in range(0, len(sound), FRAME):
            at = passes * len(sound) + sample
            await asyncio.sleep(max(0.0, began + at / RATE - loop.time()))
            one.ears.hear("en", 1, at, raw(sound[sample : sample + FRAME]))
    return 0


class Crew:
    """Two real workers, told apart by the channels they say they carry."""

    def __init__(self, one: Bench, url: str, lines: Lines, folder: Path) -> None:
        self._one = one
        self._lines = lines
        options = ("--relay", url, "--token-file", str(token_file(folder, TOKEN)), "--threads", "1")
        self.workers = {
            channels: WorkerProcess(folder / f"{channels}.err", *options, "--channels", str(channels))
            for channels in (3, 4)
        }

    @property
    def connected(self) -> set[int]:
        return {connection.channels for connection in self._one.dispatch.workers._connections}

    @property
    def holder(self) -> int | None:
        """Return which one carries the channel."""
        held = [one.channels for one in self._one.dispatch.workers._connections if one.seat.carried]
        return held[0] if held else None

    async def both(self) -> None:
        await until(lambda: self.connected == {3, 4} and self.holder is not None, "both workers")

    async def disturb(self, what: str) -> Takeover:
        """Kill -9 the one that carries the channel, freeze it, or hold back what it says, until the other has it.

        Then it is started, thawed or let go. Where it still runs it finds its connection closed.
        """
        victim = self.holder
        assert victim is not None
        worker = self.workers[victim]
        acts: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
            "kill": (worker.kill, worker.start),
            "freeze": (worker.freeze, worker.thaw),
            "hold": (lambda: self._lines.hold(victim), self._lines.let_go),
        }
        disturb, undo = acts[what]
        closed, began_s = worker.said().count(CLOSED), _now()
        disturb()
        await until(lambda: self.holder not in {None, victim}, f"the other to take over after a {what}")
        held_s = _now()
        undo()
        if what != "kill":
            await until(lambda: worker.said().count(CLOSED) > closed, f"its connection to be closed after a {what}")
        return Takeover(what, began_s, held_s)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def hear(sound: Pcm, folder: Path, disturbances: Sequence[str]) -> Hearing:
    """Hear the recording live with two workers; return each of its passages, and what was shown meanwhile."""
    folder.mkdir()
    lines, takeovers, before_s, began_s = Lines(), list[Takeover](), _cpu_s(), _now()
    async with bench() as one, serving(one, lines.protocol()) as url:
        crew, shown, enough = Crew(one, url, lines, folder), Shown(), asyncio.Event()
        with ExitStack() as processes:
            for worker in crew.workers.values():
                processes.enter_context(worker)
            await crew.both()
            following = [asyncio.create_task(shown.follow(one)), asyncio.create_task(shown.watch(one))]
            playing = asyncio.create_task(play(one, sound, enough))
            for number, what in enumerate(disturbances, 1):
                await crew.both()
                before = shown.count
                await until(lambda before=before: shown.count >= before + 3, "three more words")  # type: ignore[misc]
                assert not playing.done()
                takeovers.append(await crew.disturb(what))
                took_s, late = takeovers[-1].held_s - takeovers[-1].began_s, sum(lines.late.values())
                row = (number, what, shown.count, took_s, late)
                logger.info("disturbance=%d kind=%s words=%d held_s=%.2f too_late=%d", *row)
            enough.set()
            passes = await playing
            await one.ears.drain(DEADLINE_S, len(sound) * passes * 1000 // RATE)
        final = await one.words()
        await until(lambda: shown.count == len(final), "the last words")
        for task in following:
            task.cancel()
        await asyncio.wait(following)
        assert [word for words in shown.words.values() for word in words] == final
        spoken = (await one.folded()).channel("en")
    assert not spoken.open_segments()
    seconds = _now() - began_s
    cpu_per_s = {whose: round((used_s - before_s[whose]) / seconds, 3) for whose, used_s in _cpu_s().items()}
    return Hearing(parted(spoken, len(sound) * 1000 // RATE, passes), shown, takeovers, dict(lines.late), cpu_per_s)


def _cpu_s() -> dict[str, float]:
    """Return the processor seconds used by workers that have ended, and by this process."""
    whose = {"workers": resource.RUSAGE_CHILDREN, "relay": resource.RUSAGE_SELF}
    return {one: (used := resource.getrusage(who)).ru_utime + used.ru_stime for one, who in whose.items()}


def summary(heard: Hearing, undisturbed: Passage) -> dict[str, Any]:
    """Return what a reader wants to know: p50 and worst of takeovers, in s, and what became of the words."""
    took: dict[str, Any] = {}
    for kind in sorted({one.kind for one in heard.takeovers}):
        some = [one for one in heard.takeovers if one.kind == kind]
        held = [one.held_s - one.began_s for one in some]
        later = [(one, [at for at in heard.shown.told_s if at >= one.held_s]) for one in some]
        said = [min(at) - one.began_s for one, at in later if at]
        took[kind] = {"count": len(some), "held_s": middle_and_worst(held), "said_s": middle_and_worst(said)}
    runs = [lost(undisturbed, passage) for passage in heard.passages]
    return {
        "takeovers": took,
        "too_late": heard.late,
        "passages": len(heard.passages),
        "gaps": sum(len(passage.gaps) for passage in heard.passages),
        "gap_ms": sum(t1 - t0 for passage in heard.passages for t0, t1 in passage.gaps),
        "lost": [sum(some) for some in runs],
        "longest_lost": max(itertools.chain([0], *runs)),
        "doubled": sum(len(doubled(undisturbed, passage)) for passage in heard.passages),
        "changed": heard.shown.changed,
        "error_rate": [round(error_rate(passage), 3) for passage in heard.passages],
        "undisturbed_error_rate": round(error_rate(undisturbed), 3),
        "words": len(undisturbed.words),
        "cpu_per_s": heard.cpu_per_s,
        "load": os.getloadavg()[0],
    }


def middle_and_worst(seconds: Sequence[float]) -> list[float]:
    return [round(statistics.median(seconds), 2), round(max(seconds), 2)]


async def test_twenty_kills_and_ten_freezes_lose_no_word_and_change_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What a worker still says after another took over is refused: its connection was its right, and is closed.

    A frozen one has hardly anything to say by then. One whose words are held back on their way says all of them late.
    """
    caplog.set_level(logging.INFO, logger.name)
    caplog.set_level(logging.INFO, "hearing.transcribe.workers")
    sound = pcm(speech("bench/ref_en.flac"))
    sound = sound[: len(sound) // FRAME * FRAME]
    disturbances = ["kill"] * KILLS + ["freeze"] * FREEZES + ["hold"] * HOLDS
    random.Random(5).shuffle(disturbances)
    heard = await hear(sound, tmp_path / "disturbed", disturbances)
    silent = sum("said nothing" in record.getMessage() for record in caplog.records)
    [undisturbed] = (await hear(sound, tmp_path / "undisturbed", ())).passages
    told = {**summary(heard, undisturbed), "closed_for_silence": silent}
    logger.info("%s", json.dumps(told))
    assert heard.shown.changed == ""
    assert all(one.held_s - one.began_s <= LATEST_S for one in heard.takeovers)
    assert silent >= FREEZES + HOLDS
    assert heard.late.get("Words")
    for passage in heard.passages:
        runs = lost(undisturbed, passage)
        assert max(runs, default=0) <= LONGEST_LOST
        assert sum(runs) <= MOST_LOST * len(undisturbed.words)
        assert doubled(undisturbed, passage) == []
