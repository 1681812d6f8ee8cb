"""One meeting as its public stream tells it now, and what of it changed since the index last heard. Pure."""

from hearing import hidden, turns
from hearing.events import (
    CallEnded,
    ClockStarted,
    Ended,
    GapMarked,
    NoticePublished,
    NoticeRemoved,
    PublicEvent,
    QuestionAnswered,
    QuestionPublished,
    QuestionRemoved,
    QuestionTurned,
    QuietMarked,
    RecordCorrected,
    RedactionEnded,
    RunEnded,
    RunStarted,
    SegmentClosed,
    SegmentCorrected,
    SegmentKept,
    TurnEvent,
    WordsCommitted,
    decode_public,
)
from hearing.hidden import Hidden
from hearing.log.base import Record
from hearing.transcript import Transcript

_MANY = 500
"""To look more segments up one by one takes longer than to feed the meeting anew."""

_SAYS_NOTHING = (
    ClockStarted,
    RunStarted,
    RunEnded,
    GapMarked,
    QuietMarked,
    Ended,
    QuestionPublished,
    QuestionTurned,
    QuestionAnswered,
    QuestionRemoved,
    NoticePublished,
    NoticeRemoved,
    CallEnded,
    RedactionEnded,
    RecordCorrected,
)


class Current:
    """A stream folded up to `position` of `epoch`. `touched` are the segments that changed past `known`.

    `whole` says that anything may have changed: the meeting is fed anew. `stale`: a record that was folded counts no
    more, so that all must be folded again (`restart`).
    """

    def __init__(self) -> None:
        self.transcript = Transcript()
        self.hidden = Hidden()
        self.epoch = 0
        self.position = 0
        self.known = 0
        self.touched: dict[str, None] = {}
        self.whole = False
        self.stale = False
        self._void: set[int] = set()
        self._empty: set[int] = set()

    def resume(self, epoch: int, known: int) -> None:
        """Go on, of this epoch, from what the index knows: less than was thought means that it lost all."""
        if epoch != self.epoch:
            self.forget()
            self.epoch = epoch
        self.whole = self.whole or known == 0 or known < self.known
        self.known = known

    def restart(self) -> None:
        """Fold again from the beginning, without the records that count no more."""
        self.transcript, self.hidden, self.position, self.stale = Transcript(), Hidden(), 0, False
        self._empty.clear()
        self.touched.clear()

    def forget(self) -> None:
        """Hold nothing: all is folded again when it is needed."""
        self.restart()
        self.epoch, self.known, self.whole = 0, 0, False
        self._void.clear()

    def follow(self, record: Record) -> None:
        """Fold the next record in."""
        event = None if record.position in self._void else decode_public(record.body)
        self.position = record.position
        if record.erased:
            self._empty.add(record.position)
        if older := hidden.voids(self.hidden, event):
            self.whole = True
            self.stale = self.stale or not self._void.union(self._empty).issuperset(older)
            self._void.update(older)
        span = turns.touched(self.transcript.turns, event) if isinstance(event, TurnEvent) else (0, 0)
        hidden.apply(self.transcript, self.hidden, event, record.position)
        if record.position > self.known:
            self._touch(event, span)

    def settled(self) -> None:
        """Note that the index has heard all of it."""
        self.known, self.whole = self.position, False
        self.touched.clear()

    def _touch(self, event: PublicEvent | None, span: tuple[int, int]) -> None:
        if isinstance(event, WordsCommitted | SegmentClosed | SegmentKept | SegmentCorrected):
            self.touched[event.segment] = None
        elif isinstance(event, TurnEvent):
            self._touch_within(*span)
        elif event is not None and not isinstance(event, _SAYS_NOTHING):
            self.whole = True  # only the fold knows what it changed: hiding a passage is such an event

    def _touch_within(self, t0: int, t1: int) -> None:
        """Touch what was said from t0 to t1 on all channels, where somebody else may be the speaker now."""
        said = [one for spoken in self.transcript.channels.values() for one in spoken.segments]
        for segment in () if self.whole else said:
            begins, ends = segment.span
            if begins <= t1 and ends >= t0:
                self.touched[segment.id] = None
        self.whole = self.whole or len(self.touched) > _MANY
