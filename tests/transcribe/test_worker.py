"""A worker against a real relay, over a real WebSocket: every word once, through kills and broken connections."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hearing.config import Config
from hearing.events import RATE_HZ
from hearing.transcribe.engine import Hypothesis, Sound
from hearing.transcribe.local import keep_worker
from hearing.transcribe.models import ModelChoice
from hearing.transcribe.words import Word
from hearing.transcribe.worker import WorkerSettings, work, worker_url
from tests.transcribe.fakes import FakeEngine, name, raw, silence
from tests.transcribe.relaying import bench
from tests.transcribe.route import FRAME, TOKEN, make, play, said, serving, talk


def settings(url: str) -> WorkerSettings:
    return WorkerSettings(worker_url(url), TOKEN)


async def test_a_worker_says_every_word_of_every_channel_once() -> None:
    pcm = talk(3)
    async with bench(("en", "fr")) as one, serving(one) as url:
        working = asyncio.create_task(work(settings(url), FakeEngine(), 2, make))
        await play(one, pcm, 0, len(pcm))
        await play(one, pcm, 0, len(pcm), "fr")
        await one.ears.drain(20)
        expected = [name(number) for number in range(1, 37)]
        assert await one.words("en") == expected
        assert await one.words("fr") == expected
        assert not (await one.folded()).channel("en").open_segments()
        working.cancel()


async def test_between_what_is_said_the_record_tells_of_silence_and_nowhere_else() -> None:
    pcm = np.concatenate([talk(2), silence(60), talk(3)[len(talk(2)) :], silence(12), talk(1), silence(30)])
    async with bench() as one, serving(one) as url:
        working = asyncio.create_task(work(settings(url), FakeEngine(), 1, make))
        await play(one, pcm, 0, len(pcm))
        await one.ears.drain(60)
        spoken = (await one.folded()).channel("en")
        assert len([word for segment in spoken.segments for word in segment.words]) == 48
        assert not spoken.gaps
        ends = [(segment.t0 or 0, segment.t1 or 0) for segment in spoken.segments]
        for quiet in spoken.quiets:
            assert not any(t0 < quiet.t1 and quiet.t0 < t1 for t0, t1 in ends), "no word is said in it"
        begin, last = len(talk(2)) // 16, len(pcm) // 16
        between, after = spoken.quiets
        assert begin - 1000 <= between.t0 <= begin
        assert begin + 59_000 <= between.t1 <= begin + 60_000
        assert (last - 32_000 <= after.t0 <= last - 29_000, after.t1) == (True, last)
        working.cancel()


async def test_words_stand_once_though_workers_are_lost_again_and_again() -> None:
    pcm = talk(6)
    async with bench() as one, serving(one) as url:
        for turn in range(6):
            working = asyncio.create_task(work(settings(url), FakeEngine(), 1, make))
            await play(one, pcm, turn * len(pcm) // 6 // FRAME * FRAME, (turn + 1) * len(pcm) // 6 // FRAME * FRAME)
            await said(one, turn * 9)
            working.cancel()
            await asyncio.wait([working])
        working = asyncio.create_task(work(settings(url), FakeEngine(), 1, make))
        await play(one, pcm, 6 * len(pcm) // 6 // FRAME * FRAME, len(pcm))
        await one.ears.drain(20)
        assert await one.words() == [name(number) for number in range(1, 73)]
        assert not (await one.folded()).channel("en").gaps
        working.cancel()


async def test_what_a_worker_more_than_ten_minutes_behind_leaves_out_is_a_gap_to_the_millisecond() -> None:
    before, missed, after = talk(1), silence(640), np.concatenate([silence(2), talk(3)[len(talk(1)) :]])
    async with bench() as one, serving(one) as url:
        working = asyncio.create_task(work(settings(url), FakeEngine(), 1, make))
        await play(one, before, 0, len(before))
        await said(one, 12)
        for sample in range(len(before), len(before) + len(missed), FRAME):
            one.ears.hear("en", 1, sample, bytes(2 * FRAME))
        one.ears.hear("en", 1, len(before) + len(missed), raw(after))
        await one.ears.drain(60)
        assert await one.words() == [name(number) for number in range(1, 37)]
        end = len(before) + len(missed) + len(after)
        gaps = (await one.folded()).channel("en").gaps
        assert [(gap.t0, gap.t1, gap.reason) for gap in gaps] == [
            (len(before) // 16, (end - 30 * RATE_HZ) // 16, "overload")
        ]
        working.cancel()


class Slow(FakeEngine):
    """Computes for longer than the heartbeat."""

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        time.sleep(0.8)
        return super().guess(sound, language, prompt=prompt, forced=forced)


async def test_a_worker_pulses_while_it_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hearing.transcribe.peer.SILENCE_S", 0.7)
    pcm = talk(2)
    async with bench() as one, serving(one) as url:
        working = asyncio.create_task(work(settings(url), Slow(), 1, make))
        await play(one, pcm, 0, len(pcm))
        await one.ears.drain(20)
        assert await one.words() == [name(number) for number in range(1, 25)]
        working.cancel()


async def test_without_the_token_nobody_gets_in() -> None:
    async with bench() as one, serving(one) as url:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            with pytest.raises(InvalidStatus, match="403"):
                await connect(worker_url(url), additional_headers=headers)
        assert one.dispatch.workers.count == 0


async def child(line: bytes) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hearing.transcribe.worker",
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(line)
    return process


async def test_a_worker_says_which_model_is_missing_and_leaves(tmp_path: Path) -> None:
    wrong = WorkerSettings("ws://127.0.0.1:9/worker", TOKEN, ModelChoice(str(tmp_path)))
    process = await child(msgspec.json.encode(wrong) + b"\n")
    _, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 3
    assert b"lacks model.bin" in errors
    assert TOKEN.encode() not in errors


async def test_a_worker_refuses_settings_that_are_none() -> None:
    process = await child(b"{}\n")
    _, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 2
    assert b"settings" in errors


@pytest.mark.model
async def test_the_local_worker_leaves_when_its_server_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio; from hearing.config import Config; from hearing.transcribe.local import keep_worker;"
        "asyncio.run(keep_worker('http://127.0.0.1:9', 't' * 40, Config()))",
        stderr=asyncio.subprocess.PIPE,
    )
    assert parent.stderr is not None
    while b"model_loaded" not in await asyncio.wait_for(parent.stderr.readline(), 120):
        pass
    (child,) = _children(parent.pid)
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(60):
        while Path(f"/proc/{child}").exists() and not _zombie(child):
            await asyncio.sleep(0.05)


@pytest.mark.model
async def test_a_local_worker_that_dies_is_started_again() -> None:
    states: list[str] = []
    changed = asyncio.Event()

    def on_state(state: str) -> None:
        states.append(state)
        changed.set()

    others = _children()
    keeping = asyncio.create_task(keep_worker("http://127.0.0.1:9", TOKEN, Config(), on_state))
    for count in (1, 3):
        async with asyncio.timeout(60):
            while len(states) < count:
                changed.clear()
                await changed.wait()
        for pid in _children() - others:
            os.kill(pid, signal.SIGKILL)
    keeping.cancel()
    await asyncio.wait([keeping])
    assert states[:3] == ["running", "stopped", "running"]


@pytest.mark.model
async def test_a_local_worker_that_froze_is_replaced_though_another_is_connected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hearing.transcribe.local._LOST_S", 0.3)
    monkeypatch.setattr("hearing.transcribe.local._LOOK_S", 0.1)
    async with bench() as one, serving(one) as url:
        await one.carrying()
        others = _children()
        keeping = asyncio.create_task(keep_worker(url, TOKEN, Config(), workers=one.dispatch.workers.named))
        try:
            frozen: set[int] = set()
            for _ in range(2):
                async with asyncio.timeout(120):
                    while one.dispatch.workers.count < 2 or _children() & frozen:
                        await asyncio.sleep(0.05)
                if not frozen:
                    frozen = _children() - others
                    for pid in frozen:
                        os.kill(pid, signal.SIGSTOP)
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])


def _children(pid: int | None = None) -> set[int]:
    """Return a process's children; without one, ours, and some of those are other tests'."""
    pid = pid or os.getpid()
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True
