"""Take something out of a public stream: readers are told, then its bytes are erased."""

from hearing.events import (
    NoticePublished,
    NoticeRemoved,
    PublicEvent,
    QuestionAnswered,
    QuestionPublished,
    QuestionRemoved,
    Redacted,
    decode_public,
    encode,
    public_stream,
)
from hearing.log.base import Log, Record


async def tell_replaced(log: Log, meeting: str, answer: QuestionAnswered, key: str) -> list[int]:
    """Tell readers that every other answer to the same question is gone; return where those stand, to be erased."""
    stream = public_stream(meeting)
    replaced: list[int] = []
    told: set[int] = set()
    after = 0
    while records := await log.read(stream, after, 4096):
        for record in records:
            event = decode_public(record.body) if _concerns(record, answer.question) else None
            if isinstance(event, Redacted):
                told.add(event.position)
            elif isinstance(event, QuestionAnswered) and event.question == answer.question and event != answer:
                replaced.append(record.position)
        after = records[-1].position
    if untold := [at for at in replaced if at not in told]:
        await log.append(stream, [encode(Redacted(at)) for at in untold], key=f"{key} {untold[-1]}")
    return replaced


async def remove(log: Log, meeting: str, public_id: str, key: str) -> None:
    """Remove a question, with its answers, or a notice from a meeting's stream; a repeat finishes what was begun.

    Returns when the bytes are gone. Raises Unavailable where a reader of the files keeps them alive: repeat it.
    """
    stream = public_stream(meeting)
    found = _Found(public_id)
    after = 0
    while records := await log.read(stream, after, 4096):
        for record in records:
            found.look(record)
        after = records[-1].position
    if untold := [at for at in found.positions if at not in found.told]:
        told = [found.removal, *(Redacted(at) for at in untold)]
        await log.append(stream, [encode(event) for event in told if event], key=f"{key} {untold[-1]}")
    for at in {*found.positions, *found.told}:
        await log.erase(stream, at)


def _concerns(record: Record, public_id: str) -> bool:
    return b'"redacted"' in record.body or public_id.encode() in record.body


class _Found:
    """What a stream holds of something: where it stands, and where readers were told already that it is gone.

    What was told is erased again: a record that reads as erased may have its bytes in the files still.
    """

    def __init__(self, public_id: str) -> None:
        self._id = public_id
        self._telling = False
        self.removal: PublicEvent | None = None
        self.positions: list[int] = []
        self.told: list[int] = []

    def look(self, record: Record) -> None:
        if self._telling and b'"redacted"' in record.body:
            event = decode_public(record.body)
            self.told += [event.position] if isinstance(event, Redacted) else []
            return
        self._telling = False
        if self._id.encode() not in record.body:
            return
        event = decode_public(record.body)
        if isinstance(event, QuestionRemoved | NoticeRemoved):
            self._telling = True
        elif gone := _removal(event, self._id):
            self.removal = gone
            self.positions.append(record.position)


def _removal(event: PublicEvent | None, public_id: str) -> PublicEvent | None:
    """Return what tells readers that this is gone; None where it is about something else."""
    match event:
        case QuestionPublished() | QuestionAnswered() if event.question == public_id:
            return QuestionRemoved(public_id)
        case NoticePublished() if event.notice == public_id:
            return NoticeRemoved(public_id)
        case _:
            return None
