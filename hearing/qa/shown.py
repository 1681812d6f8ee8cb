"""What the public sees of questions and notices: a fold of the public streams of a dialogue's meetings."""

from collections.abc import Mapping, Sequence
from typing import get_args

import msgspec

from hearing.desk_events import Kind, Turn
from hearing.events import (
    CallEnded,
    NoticePublished,
    NoticeRemoved,
    PublicEvent,
    QuestionAnswered,
    QuestionPublished,
    QuestionRemoved,
    QuestionTurned,
    Redacted,
    Wording,
    decode_public,
    public_stream,
)
from hearing.log.base import Log

_TAGS = (b'"question.', b'"notice.', b'"call.', b'"redacted"')

# Where a record stands: its position, and the meeting whose stream it is in.
_Place = tuple[int, str]


class PublicAnswer(msgspec.Struct, frozen=True):
    """Where a question was spoken to, or what was answered in writing."""

    meeting: str
    segments: tuple[str, ...]
    text: str


class PublicQuestion(msgspec.Struct, frozen=True):
    """A published question. `meeting` is the one whose stream tells of it; `supporters` want the answer too."""

    question: str
    meeting: str
    kind: Kind
    language: str
    text: str
    theme: str
    name: str
    turn: Turn = "queued"
    answer: PublicAnswer | None = None
    supporters: int = 0


class PublicNotice(msgspec.Struct, frozen=True):
    """A notice, or a call for information that is `open` or not any more."""

    notice: str
    meeting: str
    texts: tuple[Wording, ...]
    call: bool
    block: str
    open: bool = True


class Shown(msgspec.Struct, frozen=True):
    """All of it, by meeting, and within a meeting in the order it was published."""

    questions: tuple[PublicQuestion, ...] = ()
    notices: tuple[PublicNotice, ...] = ()

    def by_turn(self) -> dict[Turn, list[PublicQuestion]]:
        """Return the questions that wait for an answer, by whose turn it is."""
        waiting = [one for one in self.questions if one.answer is None]
        return {turn: [one for one in waiting if one.turn == turn] for turn in get_args(Turn)}

    def supported(self, counts: Mapping[str, int]) -> "Shown":
        """Return it with how many support each question; the order stays."""
        questions = (msgspec.structs.replace(one, supporters=counts.get(one.question, 0)) for one in self.questions)
        return Shown(tuple(questions), self.notices)


class PublicFold:
    """What one dialogue shows, caught up with its streams when asked, in whichever order those are read.

    What happened to a question may stand in another meeting's stream than the question, and be read before it: turns
    and answers are kept apart, and what was removed stays removed.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._positions: dict[str, int] = {}
        self._questions: dict[str, tuple[_Place, PublicQuestion]] = {}
        self._turns: dict[str, tuple[int, _Place, Turn]] = {}
        self._answers: dict[_Place, tuple[str, PublicAnswer]] = {}
        self._removed: set[str] = set()
        self._notices: dict[str, tuple[_Place, PublicNotice]] = {}

    async def read(self, meetings: Sequence[str]) -> Shown:
        """Fold what has come since in these meetings, and return what is shown, in their order."""
        for meeting in meetings:
            await self._catch_up(meeting)
        ranks = {meeting: rank for rank, meeting in enumerate(meetings)}

        def order(held: tuple[_Place, object]) -> tuple[int, _Place]:
            return ranks.get(held[0][1], len(ranks)), held[0]

        answers = dict(self._answers[place] for place in sorted(self._answers))
        questions = (self._joined(one, answers) for _, one in sorted(self._questions.values(), key=order))
        return Shown(tuple(questions), tuple(one for _, one in sorted(self._notices.values(), key=order)))

    async def _catch_up(self, meeting: str) -> None:
        stream = public_stream(meeting)
        while records := await self._log.read(stream, self._positions.get(meeting, 0), 4096):
            for record in records:
                if record.position > self._positions.get(meeting, 0):
                    self._positions[meeting] = record.position
                    if any(tag in record.body for tag in _TAGS):
                        self._follow((record.position, meeting), decode_public(record.body))

    def _follow(self, place: _Place, event: PublicEvent | None) -> None:
        match event:
            case QuestionPublished() | QuestionTurned() | QuestionAnswered():
                if event.question not in self._removed:
                    self._hold(place, event)
            case QuestionRemoved():
                self._remove(event.question)
            case Redacted():
                self._answers.pop((event.position, place[1]), None)
            case NoticePublished():
                notice = PublicNotice(event.notice, place[1], event.texts, event.call, event.block)
                self._notices[event.notice] = (place, notice)
            case NoticeRemoved():
                self._notices.pop(event.notice, None)
            case CallEnded() if event.notice in self._notices:
                published, notice = self._notices[event.notice]
                self._notices[event.notice] = (published, msgspec.structs.replace(notice, open=False))
            case _:
                pass

    def _hold(self, place: _Place, event: QuestionPublished | QuestionTurned | QuestionAnswered) -> None:
        match event:
            case QuestionPublished():
                self._questions[event.question] = (place, _question(place[1], event))
            case QuestionTurned():
                turned = (event.nth, place, event.turn)
                self._turns[event.question] = max(self._turns.get(event.question, turned), turned)
            case QuestionAnswered():
                self._answers[place] = (event.question, PublicAnswer(event.meeting, event.segments, event.text))

    def _remove(self, question: str) -> None:
        self._removed.add(question)
        self._questions.pop(question, None)
        self._turns.pop(question, None)
        self._answers = {place: held for place, held in self._answers.items() if held[0] != question}

    def _joined(self, one: PublicQuestion, answers: Mapping[str, PublicAnswer]) -> PublicQuestion:
        _, _, turn = self._turns.get(one.question, (0, (0, ""), one.turn))
        return msgspec.structs.replace(one, turn=turn, answer=answers.get(one.question))


def _question(meeting: str, event: QuestionPublished) -> PublicQuestion:
    return PublicQuestion(event.question, meeting, event.kind, event.language, event.text, event.theme, event.name)
