"""Decide corrections: who wants which text for a segment, seen in which version, and what comes of it. Pure.

Texts come free of controls, as hearing.archive.record.clean leaves them.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import msgspec

from hearing import realign, transcript
from hearing.access import Role
from hearing.errors import Conflict, Refused
from hearing.events import HumanMark, Made, SegmentCorrected
from hearing.lang import TAKEN
from hearing.meeting import Meeting
from hearing.transcript import Segment, Transcript

MAX_TEXT = 4000
MAX_REASON = 200

Why = Literal["gone", "hidden", "open", "same", "empty", "long", "reason", "mark", "taken"]
Result = Literal["corrected", "stands", "overtaken"] | Why

_WHY: Mapping[Why, str] = {
    "gone": "There is no such passage in this meeting, or it is not final yet.",
    "hidden": "This passage was hidden or taken out of the record. What is not shown is not corrected.",
    "open": "This passage is not over yet. Correct it once it has its times, a few seconds from now.",
    "same": "Nothing was changed: neither the text nor what it is marked as.",
    "empty": "A correction has a text. To take words out of the record, have them redacted.",
    "long": f"A text has {MAX_TEXT} characters at the most, and the reason for it {MAX_REASON}.",
    "reason": "Say in a few words why: readers see it beside the correction.",
    "mark": "Say what the text is now: corrected, or compared with the floor.",
    "taken": f"{TAKEN} stands where words were taken out of the record. Leave each where it is, and add none.",
}


class Declined(Refused):
    """It cannot be corrected so; `why` says it in one word."""

    def __init__(self, why: Why) -> None:
        super().__init__(_WHY[why])
        self.why = why


class Wanted(msgspec.Struct, frozen=True):
    """The text that somebody wants for a segment. `version` is the edition they saw."""

    segment: str
    version: int
    text: str
    mark: HumanMark
    reason: str


class Decided(msgspec.Struct, frozen=True):
    """What came of it, a result per segment: `stands` where it is so already, as after a second press."""

    events: tuple[SegmentCorrected, ...]
    made: tuple[Made, ...]
    results: dict[str, Result]


def decide(said: Transcript, meeting: Meeting, wanted: Iterable[Wanted], *, role: Role, at_ms: int) -> Decided:
    """Decide each on its own: what one meets does not hold up the others."""
    events: list[SegmentCorrected] = []
    made: list[Made] = []
    results: dict[str, Result] = {}
    for one in wanted:
        if one.segment in results:
            continue
        try:
            event = corrected(said, meeting, one, role=role, at_ms=at_ms)
        except Declined as error:
            results[one.segment] = error.why
        except Conflict:
            results[one.segment] = "overtaken"
        else:
            if event is None:
                results[one.segment] = "stands"
                continue
            results[one.segment] = "corrected"
            events.append(event)
            spare = found(said, one.segment).spare
            made.append(Made(one.segment, event.version, max([spare, *(n + 1 for n in event.ids)])))
    return Decided(tuple(events), tuple(made), results)


def corrected(said: Transcript, meeting: Meeting, wanted: Wanted, *, role: Role, at_ms: int) -> SegmentCorrected | None:
    """Return what makes a segment read as wanted; None where somebody made it so since, as the same form sent twice.

    Raises Conflict where it is in another version by now, Declined for what cannot be corrected.
    """
    segment = found(said, wanted.segment)
    language = segment.spoken(meeting.channel(segment.channel).language)
    text, reason = _checked(wanted)
    if segment.hidden or not segment.words:
        raise Declined("hidden")
    if not segment.closed:
        raise Declined("open")
    spare = max(segment.spare, len(segment.words))
    try:
        words = realign.realign(segment.said, text, language, spare, segment.heard)
    except Refused:
        raise Declined("taken") from None
    same = [word.text for word in words] == list(segment.shown)
    if same and (segment.mark == wanted.mark or (not segment.versions and wanted.mark == "corrected")):
        if segment.edition == wanted.version:
            raise Declined("same")
        return None
    if segment.edition != wanted.version:
        raise Conflict("Somebody corrected this passage while you did. Compare the two, and send yours again.")
    return SegmentCorrected(
        segment.channel,
        segment.id,
        segment.version + 1,
        tuple(word.text for word in words),
        tuple(word.n for word in words),
        wanted.mark,
        role,
        at_ms,
        reason,
    )


def found(said: Transcript, segment: str) -> Segment:
    """Return a segment by its id. Raises Declined."""
    known = transcript.find(said.channel(segment.rpartition(".")[0]), segment)
    if known is None:
        raise Declined("gone")
    return known


def _checked(wanted: Wanted) -> tuple[str, str]:
    if wanted.mark not in get_args(HumanMark):
        raise Declined("mark")
    text, reason = " ".join(wanted.text.split()), " ".join(wanted.reason.split())
    if not text:
        raise Declined("empty")
    if len(text) > MAX_TEXT or len(reason) > MAX_REASON:
        raise Declined("long")
    if not reason:
        raise Declined("reason")
    return text, reason
