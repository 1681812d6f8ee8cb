"""Relay one meeting: keep its source playing, say in the public log how that goes, record it, and let the ear hear."""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import msgspec

from hearing.errors import NotFound, Unavailable
from hearing.events import (
    SAMPLES_PER_MS,
    ClockStarted,
    RunEnded,
    RunEndReason,
    RunStarted,
    encode,
    public_stream,
)
from hearing.log.base import Log
from hearing.meeting import Meeting
from hearing.store.base import Store
from hearing.stream import clock, past
from hearing.stream.address import Rules
from hearing.stream.child import Child, source_child
from hearing.stream.frames import Failed, FailReason, Go, Init, Open, Over, Part, Pcm, Ready, Silence, Track
from hearing.stream.index import tracks_name
from hearing.stream.past import Past
from hearing.stream.recorder import Recorder
from hearing.stream.repair import repair

logger = logging.getLogger(__name__)

T = TypeVar("T")

_OPEN_S = 20.0
_QUIET_S = 10.0
_RETRY_FIRST_S, _RETRY_MOST_S = 0.5, 10.0
_GOOD_RUN_MS = 10_000
_RETRY_OFTEN_S = 2.0

_PUBLIC: dict[FailReason, RunEndReason] = {
    "missing": "missing",
    "unreadable": "unreadable",
    "no-audio": "no-audio",
    "refused": "unreadable",
    "unreachable": "missing",
}
"""What the public is told of a reason; more exactly it is for staff."""


class Ear(Protocol):
    """What hears a meeting. Called from the loop; must not block."""

    def hear(self, channel: str, run: int, sample: int, pcm: bytes) -> None:
        """Take about 200 ms of s16le mono 16 kHz; `sample` is the media sample of its first one."""
        ...

    def silence(self, channel: str, sample: int) -> None:
        """No sound from `sample` on, until a later first sample."""
        ...

    def missing(self, channel: str) -> None:
        """What plays now has no sound for this channel."""
        ...


def retry_most_s(away_s: float) -> float:
    """Return the longest wait for a source that has been away so long: a tenth of that, so that it is soon back."""
    return min(max(_RETRY_OFTEN_S, away_s / 10), _RETRY_MOST_S)


class Relay:
    """One meeting's relay. `rules` are for sources by address; `utc_ms` and `monotonic_s` are the clocks it takes."""

    def __init__(
        self,
        meeting: Meeting,
        *,
        log: Log,
        store: Store,
        ear: Ear,
        rules: Rules | None = None,
        utc_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meeting = meeting
        self._id = meeting.id
        self._log = log
        self._store = store
        self._ear = ear
        self._rules = rules or Rules()
        self._utc_ms = utc_ms
        self._monotonic_s = monotonic_s
        self._clock: clock.Clock | None = None
        self._past = Past()
        self._next_msn: dict[str, int] = {}
        self._said: RunEndReason | None = None
        self._passed = ""

    @property
    def end(self) -> int:
        """The media time up to which something may have played."""
        return self._past.end

    async def run(self) -> None:
        """Relay until the source has ended for good, or until cancelled. Losing the source is no error here."""
        await self._take_up()
        wait_s = _RETRY_FIRST_S
        played_s = self._monotonic_s()
        while not self._past.over:
            before = self._past.end
            await self._play_once()
            if self._past.over:
                return
            if self._past.end > before:
                played_s = self._monotonic_s()
            most_s = retry_most_s(self._monotonic_s() - played_s)
            wait_s = _RETRY_FIRST_S if self._past.end - before > _GOOD_RUN_MS else min(wait_s * 2, most_s)
            await asyncio.sleep(random.uniform(wait_s / 2, wait_s))  # noqa: S311 - jitter, not a secret

    async def _take_up(self) -> None:
        """Go on from what another process left: the clock, the runs, the recording."""
        await self._patiently(lambda: past.read_on(self._log, self._id, self._past))
        kept = await self._patiently(lambda: repair(self._store, self._id))
        self._next_msn = kept.next_msn
        self._past.end = max(self._past.end, int(kept.end))
        if self._past.zero_utc_ms is not None:
            self._clock = clock.resume(self._past.zero_utc_ms, self._past.end, self._utc_ms(), self._monotonic_s())
        if self._past.playing:
            await self._ended("restart")

    async def _play_once(self) -> None:
        """Connect once and play until that is over. What is told to the log is told before this returns."""
        created = self._meeting.created
        channels = tuple((channel.id, channel.track) for channel in created.channels)
        wanted = Open(created.source, channels, created.loop, self._rules, self._passed)
        try:
            async with source_child(wanted) as child:
                outcome = await self._open_and_play(child)
        except Unavailable:  # this machine can start no process now
            outcome = Failed("unreadable")
        if isinstance(outcome, Failed):
            await self._failed(_PUBLIC[outcome.reason], outcome.reason)
        else:
            await self._ended(outcome)

    async def _open_and_play(self, child: Child) -> RunEndReason | Failed:
        """Return why it is over, or why it never began."""
        try:
            answer = await child.read(_OPEN_S)
        except TimeoutError:
            answer = None
        match answer:
            case Ready():
                return await self._play(child, answer)
            case Failed():
                return answer
            case _:  # the media library died on it, or hangs
                return Failed("unreadable")

    async def _play(self, child: Child, ready: Ready) -> RunEndReason:
        """Let it play and follow it to its end."""
        t = self._now()
        if self._clock is None:
            self._clock = clock.start(self._utc_ms(), self._monotonic_s())
            await self._say(ClockStarted(self._clock.zero_utc_ms), "clock")
        run = self._past.run + 1
        await self._say(RunStarted(run, t), f"run.{run}.started")
        self._said = None
        for track in ready.tracks:
            if track.channel and track.kind == "audio" and track.state != "relayed":
                self._ear.missing(track.channel)
        child.tell(Go(t, self._clock.zero_s))
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self._patiently(lambda: self._keep_tracks(ready.tracks)))
            recorder = Recorder(self._store, self._id, run, self._next_msn, group)
            heard = {channel.id: t * SAMPLES_PER_MS for channel in self._meeting.created.channels}
            try:
                return await self._follow(child, recorder, heard)
            finally:
                for channel, sample in heard.items():
                    self._ear.silence(channel, sample)
                await recorder.finish()
                keeping.cancel()

    async def _follow(self, child: Child, recorder: Recorder, heard: dict[str, int]) -> RunEndReason:
        """Hand on what the source says; never waits for the disk. `heard` is kept up to date."""
        while True:
            try:
                frame = await child.read(_QUIET_S)
            except TimeoutError:
                return "lost"
            match frame:
                case Pcm():
                    self._ear.hear(frame.channel, self._past.run, frame.sample, frame.content)
                    heard[frame.channel] = frame.sample + len(frame.content) // 2
                    self._past.end = max(self._past.end, heard[frame.channel] // SAMPLES_PER_MS)
                case Init():
                    recorder.put(frame)
                case Part():
                    recorder.put(frame)
                    self._past.end = max(self._past.end, int(frame.t0 + frame.duration_ms))
                case Silence():
                    self._ear.silence(frame.channel, frame.sample)
                case Over():
                    self._passed = frame.mark
                    return frame.reason
                case None:
                    return "killed"

    async def _keep_tracks(self, found: tuple[Track, ...]) -> None:
        """Say in the store what the source has; tracks of earlier runs stay listed."""
        for track in found:
            if track.state != "relayed":
                logger.warning("track_not_relayed meeting=%s track=%s state=%s", self._id, track.name, track.state)
        name = tracks_name(self._id)
        try:
            before = msgspec.json.decode(await self._store.read(name), type=list[Track])
        except NotFound:
            before = []
        names = {track.name for track in found}
        tracks = [*found, *(track for track in before if track.name not in names)]
        await self._store.replace(name, msgspec.json.encode(tracks))

    async def _failed(self, reason: RunEndReason, why: FailReason) -> None:
        """Say once why nothing plays; `why` more exactly, for whoever runs the server.

        A source that was there and is not reached now is still interrupted: that is said already.
        """
        if why == "unreachable" and self._past.run:
            return
        if self._said != reason:
            logger.warning("source_failed meeting=%s reason=%s", self._id, why)
            await self._say(RunEnded(0, self._now(), reason), f"failed.{secrets.token_hex(8)}")
            self._said = reason

    def _now(self) -> int:
        """Return `t` now, never before what was played; 0 until the clock starts."""
        return max(self._clock.now_ms(self._monotonic_s()), self._past.end) if self._clock else 0

    async def _ended(self, reason: RunEndReason) -> None:
        logger.info("run_ended meeting=%s run=%d reason=%s t=%d", self._id, self._past.run, reason, self._past.end)
        await self._say(RunEnded(self._past.run, self._past.end, reason), f"run.{self._past.run}.ended")

    async def _say(self, event: ClockStarted | RunStarted | RunEnded, key: str) -> None:
        """Append to the public stream, however long the log takes to be there, and fold it."""
        body = encode(event)
        await self._patiently(lambda: self._log.append(public_stream(self._id), [body], key=key))
        past.apply(self._past, event)

    async def _patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        """Repeat what can be repeated while the log or the store is unavailable."""
        wait_s = _RETRY_FIRST_S
        while True:
            try:
                return await act()
            except Unavailable as error:
                logger.warning("waiting meeting=%s code=%s", self._id, error.code)
            await asyncio.sleep(random.uniform(wait_s / 2, wait_s))  # noqa: S311 - jitter, not a secret
            wait_s = min(wait_s * 2, _RETRY_MOST_S)
