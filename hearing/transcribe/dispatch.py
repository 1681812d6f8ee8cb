"""Give channels to workers, and store what they hear: the relay's side of the worker protocol."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import msgspec

from hearing.board.base import Board
from hearing.errors import Conflict, HearingError, Refused, Unavailable
from hearing.events import SAMPLES_PER_MS, Cut
from hearing.log.base import Log
from hearing.meeting import Meeting
from hearing.transcribe.assignment import Seat, choose, unheard
from hearing.transcribe.carried import Carried
from hearing.transcribe.connection import REST_S, Connection, WorkerSocket, draft_name
from hearing.transcribe.supply import Recall
from hearing.transcribe.typed import Hand, Line

logger = logging.getLogger(__name__)

MAX_WORKERS = 64
LATE_MS = 5000
QUIET_MS = 20_000
"""So much was heard without a word, and it is said that nobody is heard to speak: music, applause or a pause."""
STUCK_S = 30.0
"""A channel that its worker has heard nothing of for so long goes to another, where one has room."""
OVERLOADED_S = 5.0
"""A worker that has had more than it can carry for so long gives one channel up; the next after as long again."""
_MOST_DOUBLINGS = 6
"""A channel rests longer after each such move: where all are overloaded it soon stays where it is."""
_STATE_S = 1.0
_STATE_LIFE_S = 10.0
_STARTING_S = 60.0
_LINGER_S = 5.0
"""So long after the end a captioner's last lines are waited for."""

CaptionState = Literal["starting", "live", "quiet", "late", "paused", "off", "no-sound", "typed"]


class Captions(msgspec.Struct, frozen=True):
    """How captions of a channel are doing: on the board under `captions:{meeting}:{channel}`."""

    state: CaptionState
    late_ms: int


class Ears:
    """The channels of one meeting, as its relay hears them."""

    def __init__(self, dispatch: "Dispatch", channels: Sequence[Carried], tasks: Sequence[asyncio.Task[None]]) -> None:
        self._dispatch = dispatch
        self._channels = {carried.id: carried for carried in channels}
        self._tasks = tasks

    def hear(self, channel: str, run: int, sample: int, pcm: bytes) -> None:
        """Take s16le mono 16 kHz PCM; `sample` is the media sample of its first one. Never waits."""
        carried = self._channels[channel]
        carried.has_sound = True
        carried.supply.hear(run, sample, pcm)

    def silence(self, channel: str, sample: int) -> None:
        """The run is over: no audio until a later run's first sample."""
        self._channels[channel].supply.hear(0, sample, b"")

    def missing(self, channel: str) -> None:
        """What plays now has no sound for this channel: its captions say so."""
        self._channels[channel].has_sound = False

    async def drain(self, timeout_s: float, end: int = 0) -> None:
        """Return when all audio is heard and all words have their times; what is not by then is marked as a gap.

        Nobody is heard after that. `end` is the media time up to which there is a recording.
        """
        for carried in self._channels.values():
            carried.supply.finish()
            if carried.hand.assumed:
                await self._dispatch.hand_back(carried)
        wanted = [one for one in self._channels.values() if one.hand.holds or not self._dispatch.is_unheard(one)]
        try:
            async with asyncio.timeout(timeout_s):
                for carried in wanted:
                    if carried.hand.holds:
                        await self._dispatch.linger(carried)
                    await carried.drained.wait()
        except TimeoutError:
            for carried in wanted:
                await self._dispatch.give_up(carried, end)

    async def detach(self) -> None:
        """Let go: workers are told that the channels are over, and nothing more is stored."""
        await self._dispatch.forget(list(self._channels.values()))
        for task in self._tasks:
            task.cancel()


class Dispatch:
    """Every channel that wants a worker, and every worker that is connected.

    `takes_captions`: what captioners send comes here, so one who wrote a channel before is waited for.
    """

    def __init__(self, log: Log, board: Board, hand: Hand | None = None, *, takes_captions: bool = True) -> None:
        self._hand = hand or Hand()
        self._takes_captions = takes_captions
        self._log = log
        self._board = board
        self._carried: list[Carried] = []
        self._connections: list[Connection] = []
        self._glossaries: dict[str, tuple[str, ...]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._running = asyncio.Event()

    @property
    def workers(self) -> int:
        """Count the workers that are connected."""
        return len(self._connections)

    def named(self, name: str) -> int:
        """Count the connected workers of a name."""
        return sum(connection.name == name for connection in self._connections)

    @property
    def seats(self) -> list[Seat]:
        """What each connected worker can carry and carries."""
        return [connection.seat for connection in self._connections]

    async def run(self) -> None:
        """Store what workers say and tell how captions do, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._running.set()
            group.create_task(self._watch_hands())
            while True:
                for carried in list(self._carried):
                    await self._tell(carried)
                self._relieve(asyncio.get_running_loop().time())
                self._assign()
                await asyncio.sleep(_STATE_S)

    async def attach(self, meeting: Meeting, recall: Recall) -> Ears:
        """Take up a meeting's channels where its log left them. Waits for `run`."""
        await self._running.wait()
        channels = [Carried(meeting.id, channel, self._log, recall) for channel in meeting.created.channels]
        for carried in channels:
            carried.hand = msgspec.structs.replace(self._hand)
            await carried.fold()
            if self._takes_captions:
                carried.assume()
            else:
                with suppress(Conflict):  # somebody else wrote for it just now
                    await carried.let_go()
        for carried in channels:
            carried.rehearses = meeting.created.rehearses
            carried.glossary = self._glossaries.get(meeting.id, ())
        if self._group is None:
            raise Unavailable("The server is leaving.")
        tasks = [self._group.create_task(carried.write(), name=f"write {carried.id}") for carried in channels]
        self._carried += channels
        self._assign()
        return Ears(self, channels, tasks)

    async def serve(self, socket: WorkerSocket) -> None:
        """Serve one worker's connection until it breaks; its channels then go to others."""
        connection = Connection(socket, self._board, self._assign)
        try:
            await self._serve(connection)
        except* HearingError as errors:
            logger.info("worker_left model=%r reason=%s", connection.model, _reason(errors))
        finally:
            await socket.close()

    async def forget(self, channels: Sequence[Carried]) -> None:
        """Let go of channels: whoever carries them is told."""
        self._carried = [carried for carried in self._carried if carried not in channels]
        for carried in channels:
            await self._release(carried)
            await self._board.remove(draft_name(carried))
            await self._board.remove(_captions_name(carried))

    async def give_up(self, carried: Carried, end: int) -> None:
        """Take a channel from whoever carries it, for good, and say that the rest of it has no words."""
        if carried.drained.is_set():
            return
        carried.drained.set()
        if carried.hand.holds:
            await carried.rest(over=True)
            return
        reason: Literal["overload", "worker-lost"] = "overload" if carried.holder else "worker-lost"
        await self._release(carried)
        with suppress(Conflict):
            await carried.give_up(end, reason)

    async def redact(self, meeting: str, cuts: Sequence[Cut]) -> None:
        """Let go of what was taken out of the record; what a worker holds of it goes with its next words."""
        for carried in [one for one in self._carried if one.meeting == meeting]:
            for cut in cuts:
                if cut.channel == carried.id:
                    await carried.redact(cut.t0, cut.t1)

    def carried(self, meeting: str, channel: str) -> Carried:
        """Return a channel of a meeting that is on, or of its rehearsal. Raises Conflict."""
        found = [one for one in self._carried if one.id == channel and meeting in {one.meeting, one.rehearses}]
        if not found:
            raise Conflict("This meeting is not open. Captions are taken while it is.")
        return min(found, key=lambda one: one.meeting != meeting)

    async def type(self, carried: Carried, line: Line) -> bool:
        """Store a captioner's line; False where it was stored before. From now on the captioner writes the channel."""
        now_t = max(one.supply.ring.end for one in self._carried if one.meeting == carried.meeting) // SAMPLES_PER_MS
        stored = None
        while stored is None:
            if carried.drained.is_set() or not (now_t or carried.supply.began):
                raise Conflict("Nothing is heard of this meeting now. Captions are taken while it is.")
            if not carried.is_new(line):
                return False
            if line.text.strip():
                await self.take(carried)
            stored = await carried.type(line, now_t)
        return stored

    async def take(self, carried: Carried) -> None:
        """Let a captioner write the channel, in place of whoever carries it; until nothing has come for a while."""
        carried.hand.hold(asyncio.get_running_loop().time())
        holder, carried.holder = carried.holder, None  # from here on nothing that a worker says is stored
        if holder and isinstance(holder[0], Connection) and self._group:
            self._group.create_task(self._step_aside(holder[0], carried))
        await self._tell(carried)

    async def hand_back(self, carried: Carried) -> None:
        """Let the machine write the channel again."""
        if carried.hand.holds:
            await carried.let_go()
            self._assign()
        await self._tell(carried)

    async def linger(self, carried: Carried) -> None:
        """Wait for a captioner's last lines; then the channel is heard out, unless the machine has it again."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while (left := max(began_s, carried.hand.spoke_s) + _LINGER_S - loop.time()) > 0:  # noqa: ASYNC110 - a moment, no event
            await asyncio.sleep(left)
        await carried.rest(over=True)
        if carried.hand.holds:
            carried.drained.set()

    async def tell_glossary(self, meeting: str, words: tuple[str, ...]) -> None:
        """Let the workers of a meeting's channels, now and later, know its words."""
        self._glossaries[meeting] = words
        for carried in [one for one in self._carried if one.meeting == meeting]:
            before, carried.glossary = carried.glossary, words
            if words != before and carried.holder and isinstance(connection := carried.holder[0], Connection):
                with suppress(HearingError):
                    await connection.tell_glossary(carried)

    def forget_glossary(self, meeting: str) -> None:
        """Tell the words of a meeting to nobody who comes later."""
        self._glossaries.pop(meeting, None)

    def is_unheard(self, carried: Carried) -> bool:
        """Tell whether there are workers and none knows the channel's language."""
        return unheard(carried.language, self.seats)

    async def _watch_hands(self) -> None:
        """End captioners' passages after a pause, and give the channel back where nothing comes any more."""
        while True:
            for carried in list(self._carried):
                until_s = carried.hand.until_s
                with suppress(Conflict):
                    if until_s is not None and asyncio.get_running_loop().time() > until_s:
                        await self.hand_back(carried)
                    else:
                        await carried.rest()
            await asyncio.sleep(_STATE_S)

    async def _step_aside(self, connection: Connection, carried: Carried) -> None:
        """Tell a worker that a captioner writes its channel now."""
        await self._board.remove(draft_name(carried))
        with suppress(HearingError):
            await connection.release(carried, "moved")
        await self._board.remove(draft_name(carried))  # one that was on its way

    async def _release(self, carried: Carried) -> None:
        if carried.holder and isinstance(connection := carried.holder[0], Connection):
            with suppress(HearingError):
                await connection.release(carried)

    async def _serve(self, connection: Connection) -> None:
        if len(self._connections) >= MAX_WORKERS:
            raise Refused(f"At most {MAX_WORKERS} workers connect to one server.")
        await connection.greet()
        logger.info("worker_joined model=%r channels=%d", connection.model, connection.channels)
        self._connections.append(connection)
        try:
            await connection.run()
        finally:
            self._connections.remove(connection)
            self._assign()

    def _assign(self) -> None:
        """Give every channel that nobody carries to a worker with room for it."""
        for carried in self._carried:
            if carried.holder is None and not carried.hand.holds and not carried.drained.is_set():
                chosen = self._other(carried)
                if chosen is None:
                    chosen = choose(carried.language, self.seats)
                if chosen is not None:
                    self._connections[chosen].carry(carried)

    def _other(self, carried: Carried, *, spare: int = 0) -> int | None:
        """Return a worker for a channel that did not fail with it just now."""
        return choose(carried.language, [one.seat_for(carried) for one in self._connections], spare=spare)

    def _relieve(self, now_s: float) -> None:
        """Move channels to workers with room: from one that hears nothing of them, and from one that has too many."""
        for carried in self._carried:
            if carried.holder and carried.stuck_s(now_s) > STUCK_S and self._other(carried) is not None:
                self._move(carried, now_s, "stuck")
        for connection in self._connections:
            if not connection.seat.overloaded:
                connection.overloaded_since_s = None
            elif connection.overloaded_since_s is None:
                connection.overloaded_since_s = now_s
            elif now_s - connection.overloaded_since_s >= OVERLOADED_S:
                self._unburden(connection, now_s)

    def _unburden(self, connection: Connection, now_s: float) -> None:
        """Move one channel, unless it was moved just now, to a worker with room for it and for one more."""
        for carried in connection.latest:
            if carried.rests_until_s <= now_s and self._other(carried, spare=1) is not None:
                connection.overloaded_since_s = now_s
                carried.rests_until_s = now_s + REST_S * 2**carried.moves
                carried.moves = min(carried.moves + 1, _MOST_DOUBLINGS)
                self._move(carried, now_s, "overload")
                return

    def _move(self, carried: Carried, now_s: float, why: Literal["stuck", "overload"]) -> None:
        if carried.holder and isinstance(connection := carried.holder[0], Connection):
            logger.warning("channel_moved channel=%s why=%s", carried.id, why)
            carried.progress_s = now_s
            connection.move(carried)

    async def _tell(self, carried: Carried) -> None:
        captions = Captions(self._state(carried), carried.late_ms)
        await self._board.put(_captions_name(carried), msgspec.json.encode(captions), _STATE_LIFE_S)

    def _state(self, carried: Carried) -> CaptionState:
        if carried.hand.holds and not carried.hand.assumed:
            return "typed"
        if carried.has_sound is False:
            return "no-sound"
        if carried.holder is not None:
            return _held(carried)
        if carried.drained.is_set():
            return "live"
        if self.is_unheard(carried):
            return "off"
        age_s = asyncio.get_running_loop().time() - carried.since_s
        return "paused" if carried.ever_held or age_s > _STARTING_S else "starting"


def _held(carried: Carried) -> CaptionState:
    """Tell how a channel does that a worker carries."""
    if not carried.supply.began:
        return "starting"
    if carried.late_ms > LATE_MS:
        return "late"
    return "quiet" if carried.quiet_ms > QUIET_MS else "live"


def _captions_name(carried: Carried) -> str:
    return f"captions:{carried.meeting}:{carried.id}"


def _reason(errors: BaseExceptionGroup[HearingError]) -> str:
    """Say why, without what was said."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return f"{type(first).__name__}: {first}"
