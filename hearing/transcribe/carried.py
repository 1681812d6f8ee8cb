"""One channel of one meeting at the relay: its words so far, who may speak for it, and what is stored of that."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec

from hearing import transcript
from hearing.errors import Conflict, HearingError
from hearing.events import (
    SAMPLES_PER_MS,
    GapMarked,
    GapReason,
    QuietMarked,
    SegmentClosed,
    SegmentKept,
    WordsCommitted,
    decode_public,
)
from hearing.house_events import Channel
from hearing.log.base import Log
from hearing.transcribe import quiet, typed, verify
from hearing.transcribe.assignment import assignment
from hearing.transcribe.protocol import Assign, Closed, Gap, Words
from hearing.transcribe.subject import Subject
from hearing.transcribe.supply import Recall, Supply
from hearing.transcribe.typed import Counts, Hand, Line, Written
from hearing.transcript import Spoken, Transcript

_QUEUE = 64
_TRIES = 3
_PAUSE_S = 4.0
"""A captioner's passage ends when nothing was added to it for so long."""

Fact = WordsCommitted | SegmentClosed | GapMarked | QuietMarked
Holder = tuple[object, int]
"""A connection and its handle: who may speak for a channel."""


class _Job(msgspec.Struct):
    """What its holder says; None: that all was said."""

    holder: Holder
    said: Words | Closed | Gap | None
    done: "asyncio.Future[bool]"


class Carried:
    """A channel's state. One task, `write`, appends for it, so that a lost connection leaves nothing half done."""

    def __init__(self, meeting: str, channel: Channel, log: Log, recall: Recall) -> None:
        self.meeting = meeting
        self.rehearses = ""
        self.channel = channel
        self.supply = Supply(channel.id, recall)
        self.holder: Holder | None = None
        self.ever_held = False
        self.has_sound: bool | None = None
        self.since_s = self.progress_s = asyncio.get_running_loop().time()
        self.rests_until_s = 0.0
        self.moves = 0
        self.drained = asyncio.Event()
        self.hand = Hand()
        self._counts = Counts()
        self.glossary: tuple[str, ...] = ()
        self._log = log
        self._lock = asyncio.Lock()
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(_QUEUE)
        self._sent = verify.Sent(0, 0)
        self._settled = 0
        self._folded = Transcript()
        self._subject = Subject(log, meeting, channel.id)

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
        """Return how far the words are behind the newest audio; a captioner is as late as they are."""
        if self.hand.holds:
            return 0
        return max(0, self.supply.ring.end - max(self.supply.heard, self._settled)) // SAMPLES_PER_MS

    @property
    def quiet_ms(self) -> int:
        """Return how much was heard since the last word, or the last gap."""
        return max(0, self.supply.heard // SAMPLES_PER_MS - self._spoken().through_t)

    async def fold(self) -> None:
        """Read the stream from its beginning: what is final, and where the channel's subject stands."""
        stream, subject = self._subject.stream, self._subject.name
        folded, after, position = Transcript(), 0, 0
        while records := await self._log.read(stream, after):
            for record in records:
                event = decode_public(record.body)
                transcript.apply(folded, event)
                if isinstance(event, WordsCommitted | SegmentKept) and event.channel == self.id:
                    self._counts.know(event)
                position = record.position if record.subject == subject else position
            after = records[-1].position
        self._folded, self._subject.position = folded, position
        self.supply.recorded = bool(folded.runs)

    async def redact(self, t0: int, t1: int) -> None:
        """Let go of words that were taken out of the record, and of the sound between two media times."""
        async with self._lock:
            await self.fold()
        self.supply.ring.silence(t0 * SAMPLES_PER_MS, t1 * SAMPLES_PER_MS)

    @property
    def languages(self) -> tuple[str, ...]:
        """What may be spoken, where that is more than one language."""
        return self.channel.languages if len(self.channel.languages) > 1 else ()

    async def begin(self, handle: int, languages: tuple[str, ...] = (), *, tells_quiet: bool = True) -> Assign:
        """Describe where a worker must begin: before the oldest word that has no time.

        `languages` are those it is to tell apart. `tells_quiet`: it calls nothing settled before it has said its words.
        """
        async with self._lock:
            assign = assignment(
                handle, self.language, self._spoken(), self._settled, languages=languages, glossary=self.glossary
            )
            self._settled = assign.from_sample
            self.supply.begin(assign.from_sample, tells_quiet=tells_quiet)
            self.progress_s = asyncio.get_running_loop().time()
            self._sent = verify.Sent(
                assign.from_sample, assign.from_sample, languages=self.languages, language=assign.language
            )
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
        return await self._put(holder, said)

    async def hear_out(self, holder: Holder) -> None:
        """Its worker has heard all there is, and said all of it: have stored what was quiet at the end."""
        await self._put(holder, None)

    async def write(self) -> None:
        """Store what is said, in order, until cancelled."""
        while True:
            job = await self._jobs.get()
            async with self._lock:
                await self._answer(job)

    def is_new(self, line: Line) -> bool:
        """Tell whether a captioner's line was not stored before.

        Raises Refused for a number used for another, and for a language that is not the channel's.
        """
        if self._counts.name(line) is None:
            return False
        typed.language_of(line, self.channel, self._spoken())
        return True

    async def type(self, line: Line, now_t: int) -> bool | None:
        """Store a captioner's line as the channel's words; False where it was stored before.

        None where the channel went back to the machine before it was this line's turn: it is to be taken again.
        The machine's words that have no times get them first, spread over where they were heard. Raises Refused, and
        Conflict where the channel was over before it was this line's turn.
        """
        async with self._lock:
            name = self._counts.name(line)
            if name is None:
                return False
            if self.drained.is_set():
                raise Conflict("This meeting is over. Captions are taken while it is on.")
            channel = (self.id, self.language)
            line = msgspec.structs.replace(line, language=typed.language_of(line, self.channel, self._spoken()))
            if line.text.strip() and not self.hand.holds:
                return None
            if self.hand.holds:
                await self._write(lambda: typed.written(self.hand, line, name, channel, self._spoken(), now_t=now_t))
            self._counts.take(name)
            return True

    async def rest(self, *, over: bool = False) -> None:
        """End a captioner's passage that nothing was added to for a while, or that is `over`."""
        async with self._lock:
            if self.hand.segment and (over or asyncio.get_running_loop().time() > self.hand.spoke_s + _PAUSE_S):
                await self._write(lambda: typed.closed(self.hand, self.id, self._spoken()))

    async def let_go(self) -> None:
        """Leave the channel to the machine: it begins after the last word that was typed."""
        async with self._lock:
            if self._is_typed():
                await self._write(lambda: typed.closed(self.hand, self.id, self._spoken()))
            self.hand.let_go()

    def assume(self) -> None:
        """Hold the channel for a captioner who wrote it before a restart, and will go on if they are still there."""
        if self._is_typed():
            self.hand.hold(asyncio.get_running_loop().time(), assumed=True)

    def last_seq(self, source: str) -> int:
        """Return the highest number a captioner's source used, 0 before the first."""
        return self._counts.last(source)

    async def give_up(self, end: int, reason: GapReason) -> None:
        """Store as a gap what has no words and will get none, up to the end of the audio."""
        async with self._lock:
            t0 = max(self._settled // SAMPLES_PER_MS, self._spoken().through_t)
            t1 = max(max(self.supply.ring.end, self.supply.sent_end) // SAMPLES_PER_MS, end)
            if t0 < t1:
                await self._append(*self._quiet(self._settled), GapMarked(self.id, t0, t1, reason))

    def _is_typed(self) -> bool:
        """Tell whether a captioner wrote the last words."""
        return any(segment.by for segment in self._spoken().segments[-1:])

    async def _write(self, decide: Callable[[], Written]) -> None:
        """Store what is decided, on what is final by then: others may have written in between."""
        for left in reversed(range(_TRIES)):
            written = decide()
            try:
                await self._append(*written.facts)
            except Conflict:
                if not left:
                    raise
                continue
            self.hand.segment, self.hand.times = written.segment, written.times
            if written.facts:
                self.hand.spoke_s = asyncio.get_running_loop().time()
                self._settled = max(self._settled, self._spoken().through_t * SAMPLES_PER_MS)
                self.supply.ring.release(self._settled)
            return

    async def _put(self, holder: Holder, said: Words | Closed | Gap | None) -> bool:
        job = _Job(holder, said, asyncio.get_running_loop().create_future())
        await self._jobs.put(job)
        return await job.done

    async def _answer(self, job: _Job) -> None:
        stored, problem = False, None
        if job.holder == self.holder:
            try:
                await (self._store(job.said) if job.said else self._end())
                stored = True
            except HearingError as error:
                problem = error
        if job.done.done():
            return
        if problem is None:
            job.done.set_result(stored)
        else:
            job.done.set_exception(problem)

    async def _store(self, said: Words | Closed | Gap) -> None:
        fact = self._verified(said)
        await self._append(*self._quiet(quiet.until(fact, self._settled)), fact)

    async def _end(self) -> None:
        self._settled = max(self._settled, self.supply.sent_end)
        for _ in range(_TRIES):
            with suppress(Conflict):
                return await self._append(*self._quiet(self._settled))

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

    def _quiet(self, through: int) -> list[QuietMarked]:
        """Return where nobody was heard to speak since the last word, up to a sample before which all is settled."""
        spoken = self._spoken()
        heard = (quiet.since(spoken), through // SAMPLES_PER_MS)
        return list(quiet.marks(self.id, heard, self.supply.sent.spans, spoken.taken))

    async def _append(self, *facts: Fact) -> None:
        """Store facts, all or none, once, whatever it takes. Raises Conflict, after folding what another wrote."""
        if not facts:
            return
        try:
            await self._subject.append(facts)
        except Conflict:
            await self.fold()
            raise
        for fact in facts:
            transcript.apply(self._folded, fact)
        self.supply.sent.forget(self._spoken().through_t * SAMPLES_PER_MS)

    def _spoken(self) -> Spoken:
        return self._folded.channel(self.id)
