"""What was said in each meeting, folded once and shared by every page: caught up from the log when somebody looks."""

import asyncio
from collections import OrderedDict
from typing import Protocol

import msgspec

from hearing import hidden
from hearing.archive.record import Numbered, renumbered
from hearing.events import RecordCorrected, ReleasesGiven, decode_public, public_stream
from hearing.hidden import Hidden
from hearing.log.base import Log, Record
from hearing.transcript import Transcript, without_text

_MEETINGS = 32


class Window(Protocol):
    """Recent records, shared by all readers; see hearing.log.window."""

    async def read(self, stream: str, after: int, limit: int = 256) -> list[Record]: ...

    async def wait(self, stream: str, after: int) -> None: ...

    async def epoch(self, stream: str) -> int: ...


class Fold:
    """One meeting, folded up to `position` of `epoch`. Read it without awaiting in between: it grows in place.

    It holds no word of a passage that is hidden: what forgets to ask shows nothing. `release` is the number of the
    record as it stands (hearing.archive.record); `made` tells with which one a version of a segment came. Numbers in
    `lost` were given in a history that a restore did not bring back.
    """

    def __init__(self) -> None:
        self.transcript = Transcript()
        self.hidden = Hidden()
        self.made: dict[tuple[str, int], int] = {}
        self.lost: list[range] = []
        self.epoch = 0
        self.position = 0
        self.lock = asyncio.Lock()
        self._void: set[int] = set()
        self.numbered = Numbered()

    @property
    def release(self) -> int:
        """The number of the record as it stands."""
        return self.numbered.number

    @property
    def cursor(self) -> str:
        """Where a reader who has read all of it goes on."""
        return f"{self.epoch}.{self.position}"

    def restart(self, epoch: int) -> None:
        """Forget what was folded: the stream has another incarnation, or a record of it counts no more."""
        if epoch != self.epoch:
            self._void.clear()
        self.transcript, self.hidden, self.epoch, self.position = Transcript(), Hidden(), epoch, 0
        self.numbered = Numbered()
        self.made, self.lost = {}, []

    def follow(self, record: Record) -> bool:
        """Fold the next record in; False where an older one is void since, so that all must be folded again."""
        event = None if record.position in self._void else decode_public(record.body)
        self.position = record.position
        older = self._void.union(hidden.voids(self.hidden, event))
        if older != self._void:
            self._void = older
            return False
        hidden.apply(self.transcript, self.hidden, event, record.position)
        if isinstance(event, ReleasesGiven):
            self.lost.append(range(self.release + 1, event.through + 1))
        self.numbered = renumbered(self.numbered, record, event)
        if isinstance(event, RecordCorrected):
            self.made.update({(one.segment, one.version): self.release for one in event.made})
        return True


class Glance(msgspec.Struct, frozen=True):
    """What was seen of a meeting at (epoch, position)."""

    at: tuple[int, int]
    transcript: Transcript


class Folds:
    """The folds of the meetings looked at last; the one longest not looked at goes first."""

    def __init__(self, log: Log, window: Window, limit: int = _MEETINGS) -> None:
        self._log = log
        self._window = window
        self._limit = limit
        self._folds: OrderedDict[str, Fold] = OrderedDict()
        self._glances: dict[str, Glance] = {}

    async def of(self, meeting_id: str) -> Fold:
        """Return a meeting's fold, caught up with its stream."""
        fold = self._folds.setdefault(meeting_id, Fold())
        self._folds.move_to_end(meeting_id)
        while len(self._folds) > self._limit:
            self._folds.popitem(last=False)
        async with fold.lock:
            await self._catch_up(fold, public_stream(meeting_id))
        return fold

    async def past(self, meeting_id: str, position: int) -> Fold:
        """Return a meeting's fold once it is as far as a record that is in the log: what is read after that has it."""
        while (fold := await self.of(meeting_id)).position < position:
            await self._window.wait(public_stream(meeting_id), fold.position)
        return fold

    async def glance(self, meeting_id: str) -> Transcript:
        """Return what lists need to know of a meeting: its state and clock, and no text.

        A meeting that has not changed since is not folded again, however many there are.
        """
        stream = public_stream(meeting_id)
        at = await self._log.epoch(stream), await self._log.head(stream)
        known = self._glances.get(meeting_id)
        if known is None or known.at != at:
            fold = await self.of(meeting_id)
            known = self._glances[meeting_id] = Glance((fold.epoch, fold.position), without_text(fold.transcript))
        return known.transcript

    def forget(self, meeting_id: str) -> None:
        """Let go of what was folded of a meeting that is purged."""
        self._folds.pop(meeting_id, None)
        self._glances.pop(meeting_id, None)

    async def _catch_up(self, fold: Fold, stream: str) -> None:
        epoch = await self._window.epoch(stream)
        if epoch != fold.epoch:
            fold.restart(epoch)
        while records := await self._window.read(stream, fold.position):
            if await self._window.epoch(stream) != epoch:  # these may be of the next one already
                await self._catch_up(fold, stream)
                return
            if not all(map(fold.follow, records)):
                fold.restart(epoch)
