"""Measure how many channels this machine captions: a worker of its own, and the packaged dialogue on every channel.

The worker is the child that `hearing serve` runs, on the same protocol; everything is timed where words arrive at the
relay, on its clock. Channels of one language begin at different places of the dialogue.
"""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import numpy as np
import uvicorn
from starlette.applications import Starlette

from hearing import children
from hearing.bench import shape
from hearing.bench.heard import Watch, part
from hearing.board.memory import MemoryBoard
from hearing.errors import Unavailable
from hearing.events import RATE_HZ, RunStarted, encode, public_stream
from hearing.house_events import Channel, MeetingCreated
from hearing.log.memory import MemoryLog
from hearing.meeting import Meeting
from hearing.site import worker as door
from hearing.stream.demo import LANGUAGES, packaged
from hearing.stream.tap import decode_file
from hearing.transcribe.connection import WorkerSocket
from hearing.transcribe.dispatch import Dispatch, Ears
from hearing.transcribe.models import ModelChoice
from hearing.transcribe.pace import LATE_S
from hearing.transcribe.protocol import FRAME_MS, Hello, Pulse, from_worker
from hearing.transcribe.worker import WorkerSettings, thread_count, worker_url
from hearing.transcribe.workers import Workers

logger = logging.getLogger(__name__)

LADDER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_FRAME = FRAME_MS * RATE_HZ // 1000
_APART_S = 37
_LOAD_S = 600.0
_DRAIN_S = 60.0
_LEAVE_S = 10.0
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


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: Ctrl-C is the command's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Overhearing:
    """A relay's door for workers, where what they say of themselves is noted."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self.watch: Watch | None = None
        self.model = ""

    async def serve(self, socket: WorkerSocket) -> None:
        await self._workers.serve(_Overheard(socket, self))


class _Overheard:
    """A worker's socket, read along."""

    def __init__(self, socket: WorkerSocket, by: _Overhearing) -> None:
        self._socket = socket
        self._by = by
        self.send = socket.send
        self.close = socket.close

    async def receive(self) -> str | bytes:
        frame = await self._socket.receive()
        match from_worker(frame):
            case Hello(model=model):
                self._by.model = model
            case Pulse(heard=heard) if self._by.watch:
                self._by.watch.progress(heard)
        return frame


class _Bench(msgspec.Struct, frozen=True):
    """A relay in memory, the worker's process id, and the dialogue as s16le, a language each."""

    log: MemoryLog
    board: MemoryBoard
    relay: Dispatch
    door: _Overhearing
    pid: int
    dialogue: list[bytes]


async def _measure(spoken: Spoken) -> TranscribeFigures:
    dialogue = [_sound(language) for language in LANGUAGES]
    rungs: list[Rung] = []
    async with MemoryLog() as log, MemoryBoard() as board, asyncio.TaskGroup() as group:
        relay = Dispatch(log, board)
        overhearing = _Overhearing(relay.workers)
        running = group.create_task(relay.run())
        async with _serving(overhearing, group) as (url, token), _working(url, token, spoken.model) as child:
            await _joined(relay, child)
            bench = _Bench(log, board, relay, overhearing, child.pid, dialogue)
            for count in spoken.channels:
                logger.info("measuring channels=%d seconds=%.0f", count, spoken.seconds)
                rungs.append(await _rung(bench, count, spoken.seconds))
                _alive(child)
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
    meeting = _meeting(count)
    stream = public_stream(meeting.id)
    await bench.log.append(stream, [encode(RunStarted(1, 0))])
    watch = bench.door.watch = Watch(seconds)
    async with asyncio.TaskGroup() as group:
        ears = await bench.relay.attach(meeting, _nothing)
        before_s, all_before_s, began = _cpu_s(bench.pid), _all_cpu_s(), watch.begin()
        watching = [
            group.create_task(watch.words(bench.log, stream)),
            group.create_task(watch.drafts(bench.board, meeting.id)),
            group.create_task(watch.graphics()),
        ]
        await _play(ears, bench.dialogue, count, seconds, began)
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


async def _play(ears: Ears, dialogue: list[bytes], count: int, seconds: float, began: float) -> None:
    """Play every channel as it would come, in frames of 200 ms."""
    loop = asyncio.get_running_loop()
    for sample in range(0, int(seconds * RATE_HZ) // _FRAME * _FRAME, _FRAME):
        await asyncio.sleep(max(0.0, began + (sample + _FRAME) / RATE_HZ - loop.time()))
        for number in range(count):
            ears.hear(f"c{number}", 1, sample, _frame(dialogue[number % len(dialogue)], number, sample))


def _frame(sound: bytes, number: int, sample: int) -> bytes:
    """Return 200 ms of a channel; it begins anew where the dialogue ends."""
    whole = len(sound) // 2 // _FRAME
    at = (sample // _FRAME + number // len(LANGUAGES) * _APART_S * 1000 // FRAME_MS) % whole
    return sound[2 * at * _FRAME : 2 * (at + 1) * _FRAME]


def _meeting(count: int) -> Meeting:
    channels = tuple(Channel(f"c{n}", LANGUAGES[n % len(LANGUAGES)], n) for n in range(count))
    return Meeting(MeetingCreated(f"bench{count}", "bench", "Bench", "open", channels, "-"))


async def _nothing(_channel: str, _begin: int, _end: int | None) -> AsyncIterator[tuple[int, int, bytes]]:
    """Recall nothing: the bench records nothing."""
    return
    yield


def _sound(language: str) -> bytes:
    return np.round(np.clip(decode_file(packaged(language)), -1, 1) * 32767).astype("<i2").tobytes()


@contextlib.asynccontextmanager
async def _serving(overhearing: _Overhearing, group: asyncio.TaskGroup) -> AsyncIterator[tuple[str, str]]:
    """Let workers dial in on a free port of this machine; yield the address and the token."""
    token = secrets.token_urlsafe(32)
    server = _Server(
        uvicorn.Config(
            Starlette(routes=door.routes(overhearing, token)),
            port=0,
            log_level="warning",
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
    )
    task = group.create_task(server.serve())
    while not server.started and not task.done():  # noqa: ASYNC110 - a start-up wait
        await asyncio.sleep(0.01)
    if task.done():
        raise Unavailable("No port of this machine could be opened for the worker.")
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", token
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def _working(url: str, token: str, model: ModelChoice) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a worker while the context lives; it leaves when its standard input ends."""
    child = await asyncio.create_subprocess_exec(
        *children.command("hearing.transcribe.worker"),
        stdin=asyncio.subprocess.PIPE,
        env=children.environ(),
        start_new_session=True,
    )
    settings = WorkerSettings(worker_url(url), token, model, channels=max(LADDER))
    try:
        assert child.stdin is not None  # noqa: S101 - it is a pipe
        child.stdin.write(msgspec.json.encode(settings) + b"\n")
        yield child
    finally:
        await children.leave(child, _LEAVE_S)


async def _joined(relay: Dispatch, child: asyncio.subprocess.Process) -> None:
    """Wait for the worker. Raises Unavailable where it cannot load its model; it says why on standard error."""
    try:
        async with asyncio.timeout(_LOAD_S):
            while not relay.workers.count:
                _alive(child)
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise Unavailable(f"The worker did not load its model within {_LOAD_S:.0f} s.") from error


def _alive(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        raise Unavailable("The worker left before it could be measured; what it said stands above.")


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
