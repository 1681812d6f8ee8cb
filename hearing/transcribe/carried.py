"""One channel of one meeting at the relay: its words so far, who may speak for it, and what is stored of that."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import msgspec

from hearing import transcript
from hearing.errors import Conflict, HearingError, Unavailable
from hearing.events import (
    SAMPLES_PER_MS,
    GapMarked,
    GapReason,
    SegmentClosed,
    WordsCommitted,
    channel_subject,
    decode_public,
    encode,
    public_stream,
)
from hearing.house_events import Channel
from hearing.log.base import Log
from hearing.transcribe import verify
from hearing.transcribe.assignment import assignment
from hearing.transcribe.protocol import Assign, Closed, Gap, Words
from hearing.transcribe.supply import Recall, Supply
from hearing.transcript import Spoken, Transcript

_QUEUE = 64
_RETRY_S = (0.1, 5.0)

Fact = WordsCommitted | SegmentClosed | GapMarked
Holder = tuple[object, int]
"""A connection and its handle: who may speak for a channel."""


class _Job(msgspec.Struct):
    holder: Holder
    said: Words | Closed | Gap
    done: "asyncio.Future[bool]"


class Carried:
    """A channel's state. One task, `write`, appends for it, so that a lost connection leaves nothing half done."""

    def __init__(self, meeting: str, channel: Channel, log: Log, recall: Recall) -> None:
        self.meeting = meeting
        self.channel = channel
        self.supply = Supply(channel.id, recall)
        self.holder: Holder | None = None
        self.ever_held = False
        self.has_sound: bool | None = None
        self.since_s = self.progress_s = asyncio.get_running_loop().time()
        self.rests_until_s = 0.0
        self.moves = 0
        self.drained = asyncio.Event()
        self._log = log
        self._lock = asyncio.Lock()
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(_QUEUE)
        self._sent = verify.Sent(0, 0)
        self._settled = 0
        self._folded = Transcript()
        self._position = 0
        self._incarnation = secrets.token_hex(8)
        self._appended = 0

    @property
    def id(self) -> str:
        return self.channel.id

    @property
    def name(self) -> str:
        """Name it among the channels of all meetings."""
        return f"{self.meeting}:{self.id}"

    @property
    def language(self) -> str:
        return self.channel.language or self.channel.id

    @property
    def late_ms(self) -> int:
        """Return how far the words are behind the newest audio."""
        return max(0, self.supply.ring.end - max(self.supply.heard, self._settled)) // SAMPLES_PER_MS

    async def fold(self) -> None:
        """Read the stream from its beginning: what is final, and where the channel's subject stands."""
        stream, subject = public_stream(self.meeting), channel_subject(self.id)
        folded, after, position = Transcript(), 0, 0
        while records := await self._log.read(stream, after):
            for record in records:
                transcript.apply(folded, decode_public(record.body))
                position = record.position if record.subject == subject else position
            after = records[-1].position
        self._folded, self._position = folded, position
        self.supply.recorded = bool(folded.runs)

    async def redact(self, t0: int, t1: int) -> None:
        """Let go of words that were taken out of the record, and of the sound between two media times."""
        async with self._lock:
            await self.fold()
        self.supply.ring.silence(t0 * SAMPLES_PER_MS, t1 * SAMPLES_PER_MS)

    async def begin(self, handle: int) -> Assign:
        """Describe where a worker must begin: before the oldest word that has no time."""
        async with self._lock:
            assign = assignment(handle, self.language, self._spoken(), self._settled)
            self._settled = assign.from_sample
            self.supply.begin(assign.from_sample)
            self.progress_s = asyncio.get_running_loop().time()
            self._sent = verify.Sent(assign.from_sample, assign.from_sample)
            return assign

    def progress(self, sample: int, settled: int) -> None:
        """Its worker has heard through one sample; everything before the other is final and has its time."""
        self._settled = max(self._settled, min(settled, self.supply.sent_end))
        if sample > self.supply.heard:
            self.progress_s = asyncio.get_running_loop().time()
        self.supply.progress(sample, settled)

    def stuck_s(self, now_s: float) -> float:
        """Return for how long its worker has had audio and heard none of it. Asked about every second."""
        if self.supply.heard >= self.supply.sent_end:
            self.progress_s = now_s
        return now_s - self.progress_s

    async def say(self, holder: Holder, said: Words | Closed | Gap) -> bool:
        """Have it checked and stored; False where the speaker no longer holds the channel.

        Raises Refused for what cannot be, Conflict where another has written for this channel.
        """
        job = _Job(holder, said, asyncio.get_running_loop().create_future())
        await self._jobs.put(job)
        return await job.done

    async def write(self) -> None:
        """Store what is said, in order, until cancelled."""
        while True:
            job = await self._jobs.get()
            async with self._lock:
                await self._answer(job)

    async def give_up(self, end: int, reason: GapReason) -> None:
        """Store as a gap what has no words and will get none, up to the end of the audio."""
        async with self._lock:
            t0 = max(self._settled // SAMPLES_PER_MS, self._spoken().through_t)
            t1 = max(max(self.supply.ring.end, self.supply.sent_end) // SAMPLES_PER_MS, end)
            if t0 < t1:
                await self._append(GapMarked(self.id, t0, t1, reason))

    async def _answer(self, job: _Job) -> None:
        stored, problem = False, None
        if job.holder == self.holder:
            try:
                await self._append(self._verified(job.said))
                stored = True
            except HearingError as error:
                problem = error
        if job.done.done():
            return
        if problem is None:
            job.done.set_result(stored)
        else:
            job.done.set_exception(problem)

    def _verified(self, said: Words | Closed | Gap) -> Fact:
        self._sent.end = self.supply.sent_end
        match said:
            case Words():
                fact = verify.words(said, self.id, self._spoken(), self._sent)
                self._sent.through = fact.through_sample
                self._sent.words += len(fact.words)
                return fact
            case Closed():
                return verify.closed(said, self.id, self._spoken(), self._sent)
            case Gap():
                return verify.gap(said, self.id, self._sent, self.supply.reason(said))

    async def _append(self, fact: Fact) -> None:
        """Store one fact, once, whatever it takes. Raises Conflict, after folding anew what another wrote."""
        self._appended += 1
        key = f"{self._incarnation}:{self.id}:{self._appended}"
        try:
            self._position = await _insist(lambda: self._store(fact, key))
        except Conflict:
            await self.fold()
            raise
        transcript.apply(self._folded, fact)

    async def _store(self, fact: Fact, key: str) -> int:
        stream, subject = public_stream(self.meeting), channel_subject(self.id)
        return await self._log.append(stream, [encode(fact)], subject=subject, expect=self._position, key=key)

    def _spoken(self) -> Spoken:
        return self._folded.channel(self.id)


async def _insist(append: Callable[[], Awaitable[int]]) -> int:
    """Repeat an append, which carries a key, until the log can say that it is durable."""
    wait_s, most_s = _RETRY_S
    while True:
        try:
            return await append()
        except Unavailable:
            await asyncio.sleep(wait_s)
            wait_s = min(most_s, wait_s * 2)
