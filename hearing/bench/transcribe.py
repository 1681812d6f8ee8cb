"""Measure how many channels this machine captions: a worker of its own, and the packaged dialogue on every channel.

The worker is the child that `hearing serve` runs, on the same protocol; everything is timed where words arrive at the
relay, on its clock. Channels of one language begin at different places of the dialogue.
"""

import asyncio
import logging
import os
from pathlib import Path

import msgspec

from hearing.bench import shape
from hearing.bench.heard import Watch, part
from hearing.bench.playing import (
    Overhearing,
    check_alive,
    dialogue,
    joined,
    meeting_of,
    nothing,
    play,
    serving,
    working,
)
from hearing.board.memory import MemoryBoard
from hearing.events import RunStarted, encode, public_stream
from hearing.log.memory import MemoryLog
from hearing.transcribe.dispatch import Dispatch
from hearing.transcribe.models import ModelChoice
from hearing.transcribe.pace import LATE_S
from hearing.transcribe.worker import thread_count

logger = logging.getLogger(__name__)

LADDER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_DRAIN_S = 60.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Spoken(msgspec.Struct, frozen=True):
    """What is asked of the machine: these numbers of channels one after another, each for so long."""

    channels: tuple[int, ...] = LADDER
    seconds: float = 45.0
    model: ModelChoice = ModelChoice()
    shape: str = ""


class Rung(msgspec.Struct, frozen=True):
    """So many channels at once. Latencies are seconds from the end of a word until it was final, or first shown.

    `cpu_share` is the worker's part of all cores, `others_share` that of all other processes, `gpu_share` the device's
    busy part, as its driver says; `cpu_per_audio_s` what a second of one channel costs. `tick_ms` is the pace at the
    end, `drafts_per_s` those of a channel; `late_s` the most unheard audio of the second half.
    `keeps_up`: it stayed under the limit.
    """

    channels: int
    words: int
    commit_p50_s: float | None
    commit_p95_s: float | None
    shown_p50_s: float | None
    shown_p95_s: float | None
    cpu_share: float
    others_share: float
    cpu_per_audio_s: float
    gpu_share: float | None
    tick_ms: int
    drafts_per_s: float
    late_s: float
    gaps: int
    keeps_up: bool


class TranscribeFigures(msgspec.Struct, frozen=True, tag_field="bench", tag="transcribe"):
    """`carried` is the most channels that kept up; `rungs` stop after the first that did not."""

    model: str
    threads: int
    cores: int
    seconds: float
    carried: int
    rungs: list[Rung]
    load_average: float
    limited_by: str


def measure(folder: Path, spoken: Spoken) -> TranscribeFigures | shape.ShapeFigures:
    """Measure rung after rung; with a `shape`, how fast a model of that shape is instead, its weights at random."""
    if spoken.shape:
        return shape.measure(folder, spoken.shape, spoken.model)
    return asyncio.run(_measure(spoken))


class _Bench(msgspec.Struct, frozen=True):
    """A relay in memory, the worker's process id, and the dialogue as s16le, a language each."""

    log: MemoryLog
    board: MemoryBoard
    relay: Dispatch
    door: Overhearing
    pid: int
    dialogue: list[bytes]


async def _measure(spoken: Spoken) -> TranscribeFigures:
    sound = dialogue()
    rungs: list[Rung] = []
    async with MemoryLog() as log, MemoryBoard() as board, asyncio.TaskGroup() as group:
        relay = Dispatch(log, board)
        overhearing = Overhearing(relay.workers)
        running = group.create_task(relay.run())
        async with serving(overhearing, group) as (url, token), working(url, token, spoken.model, max(LADDER)) as child:
            await joined(relay, child)
            bench = _Bench(log, board, relay, overhearing, child.pid, sound)
            for count in spoken.channels:
                logger.info("measuring channels=%d seconds=%.0f", count, spoken.seconds)
                rungs.append(await _rung(bench, count, spoken.seconds))
                check_alive(child)
                logger.info("measured %s", msgspec.json.encode(rungs[-1]).decode())
                if not rungs[-1].keeps_up:
                    break
        running.cancel()
    return TranscribeFigures(
        model=overhearing.model,
        threads=thread_count(0),
        cores=_cores(),
        seconds=spoken.seconds,
        carried=max([0, *(rung.channels for rung in rungs if rung.keeps_up)]),
        rungs=rungs,
        load_average=round(os.getloadavg()[0], 2),
        limited_by=_what_limits(rungs[-1]),
    )


async def _rung(bench: _Bench, count: int, seconds: float) -> Rung:
    meeting = meeting_of(count)
    stream = public_stream(meeting.id)
    await bench.log.append(stream, [encode(RunStarted(1, 0))])
    watch = bench.door.watch = Watch(seconds)
    async with asyncio.TaskGroup() as group:
        ears = await bench.relay.attach(meeting, nothing)
        before_s, all_before_s, began = _cpu_s(bench.pid), _all_cpu_s(), watch.begin()
        watching = [
            group.create_task(watch.words(bench.log, stream)),
            group.create_task(watch.drafts(bench.board, meeting.id)),
            group.create_task(watch.graphics()),
        ]
        await play(ears, bench.dialogue, count, seconds, began)
        cpu_s, all_s = _cpu_s(bench.pid) - before_s, _all_cpu_s() - all_before_s
        await ears.drain(_DRAIN_S)
        for task in watching:
            task.cancel()
    await ears.detach()
    bench.door.watch = None
    commit, shown, late_s = watch.commit_s(), watch.shown_s(), watch.late_s()
    drafts_per_s = round(watch.drafted / count / seconds, 2)
    return Rung(
        channels=count,
        words=len(commit),
        commit_p50_s=part(commit, 50),
        commit_p95_s=part(commit, 95),
        shown_p50_s=part(shown, 50),
        shown_p95_s=part(shown, 95),
        cpu_share=round(cpu_s / seconds / _cores(), 3),
        others_share=round(max(0.0, all_s - cpu_s) / seconds / (os.cpu_count() or 1), 3),
        cpu_per_audio_s=round(cpu_s / seconds / count, 3),
        gpu_share=watch.gpu_share(),
        tick_ms=watch.tick_ms,
        drafts_per_s=drafts_per_s,
        late_s=round(late_s, 2),
        gaps=watch.gaps,
        keeps_up=late_s <= LATE_S and drafts_per_s > 0,
    )


def _what_limits(last: Rung) -> str:
    if last.keeps_up:
        return "Nothing yet: all the channels asked for keep up."
    if last.gpu_share is not None and last.gpu_share > 0.8:
        return "The GPU, which is busy all the time."
    if last.cpu_share > 0.8:
        return "The processor's cores, which the worker fills."
    if last.others_share > 0.2:
        return "Other processes of this machine: the worker gets too little of the processor."
    return "The engine's threads: each does one job at a time, and jobs wait."


def _cpu_s(pid: int) -> float:
    """Return the processor seconds that a process has used (proc(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _all_cpu_s() -> float:
    """Return the processor seconds that were not idle (proc(5), /proc/stat), of all processes."""
    user, nice, system, _, _, *interrupts = Path("/proc/stat").read_text("ascii").split("\n")[0].split()[1:9]
    return sum(map(int, (user, nice, system, *interrupts))) / _TICKS_PER_S


def _cores() -> int:
    return len(os.sched_getaffinity(0))
