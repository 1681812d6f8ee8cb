"""What the API can be asked: one entry for each method of each address under /api. `openapi` makes a document of it.

Tests hold this table to the routes, and the answers of a running site to the types that are named here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from hearing.archive.exports import EXPORTS
from hearing.house_events import MeetingCreated
from hearing.lang import NAMES
from hearing.qa.shown import Shown
from hearing.qa.status import Status
from hearing.site import answers, captioning, inviting, items, lists, readiness, redactions, revising, searching, wire

Tag = Literal["meetings", "search", "questions", "staff"]

TAGS: tuple[tuple[Tag, str], ...] = (
    ("meetings", "What is said, live and afterwards."),
    ("search", "What was said in all public meetings."),
    ("questions", "Sending items, asking what became of them, and what of them is public. No account, no cookie."),
    ("staff", "Setting meetings up and running them, with the staff token."),
)


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of the query; those of the address are read from it."""

    name: str
    text: str
    schema: Mapping[str, Any] = MappingProxyType({"type": "string"})
    required: bool = False


class Operation(msgspec.Struct, frozen=True):
    """One method of one address. `answer` is a struct, or the media types of what is no JSON.

    `without` are fields of the body's struct that are not taken from outside. `faults` are the statuses that the
    operation has answers of its own for; what is true of all of them, the document says once. `later`: it may also
    answer 202, with the same.
    """

    method: Literal["GET", "POST", "PUT"]
    path: str
    name: str
    text: str
    tag: Tag
    answer: type[msgspec.Struct] | tuple[str, ...] | None
    status: int = 200
    body: type[msgspec.Struct] | None = None
    without: tuple[str, ...] = ()
    query: tuple[Parameter, ...] = ()
    faults: tuple[int, ...] = ()
    staff: bool = False
    later: bool = False


_CHANNEL = Parameter("channel", "The id of a channel; all of them without it.")
_NUMBER = {"type": "string", "pattern": r"^\d{1,6}$"}
_MEETING = "/api/meetings/{meeting}"
_ITEM = "/api/dialogues/{dialogue}/items/{item}"
_STAFF = (401, 403)

_MEETINGS = (
    Operation("GET", "/api/meetings", "listMeetings", "Every meeting there is.", "meetings", answers.MeetingsAnswer),
    Operation("GET", _MEETING, "getMeeting", "One meeting.", "meetings", answers.MeetingAnswer, faults=(404,)),
    Operation(
        "GET",
        f"{_MEETING}/segments",
        "listSegments",
        "What was said so far. Go on with the events after `cursor`.",
        "meetings",
        answers.SegmentsAnswer,
        query=(_CHANNEL,),
        faults=(404,),
    ),
    Operation(
        "GET",
        f"{_MEETING}/events",
        "followMeeting",
        "Server-sent events without end, from a cursor on. `x-events` lists them. `Last-Event-ID` wins over `after`.",
        "meetings",
        ("text/event-stream",),
        query=(
            _CHANNEL,
            Parameter("after", "The id of the last event that was read; from the beginning without it."),
            Parameter("drafts", "`no` leaves out what may still change.", {"type": "string", "enum": ["yes", "no"]}),
        ),
        faults=(400, 404),
    ),
    Operation(
        "GET",
        f"{_MEETING}/export",
        "exportChannel",
        "What was said so far in one channel, as a file.",
        "meetings",
        tuple(kind.media_type for kind in EXPORTS.values()),
        query=(
            Parameter("channel", "The id of a channel.", required=True),
            Parameter("format", "The kind of file.", {"type": "string", "enum": list(EXPORTS)}, required=True),
            Parameter("address", "For staff: the public address of the server, for the links in the file."),
        ),
        faults=(400, *_STAFF, 404),
    ),
)
_SEARCH = (
    Operation(
        "GET",
        "/api/search",
        "search",
        "Moments at which the words were said.",
        "search",
        searching.SearchAnswer,
        query=(
            Parameter("q", "Words and “phrases”; all must stand in one passage.", {"type": "string", "maxLength": 200}),
            Parameter("language", "The language of the channel.", {"type": "string", "enum": [*NAMES, "other"]}),
            Parameter("body", "The committee, with or without its session."),
            Parameter("dialogue", "The id of a review."),
            Parameter("meeting", "The id of a meeting."),
            Parameter("speaker", "Words of the speaker's name.", {"type": "string", "maxLength": 200}),
            Parameter("from", "The first day, in Geneva.", {"type": "string", "format": "date"}),
            Parameter("to", "The last day, in Geneva.", {"type": "string", "format": "date"}),
            Parameter("order", "`closest` without it.", {"type": "string", "enum": ["closest", "newest"]}),
            Parameter("limit", "1 to 50; 10 without it.", _NUMBER),
            Parameter("offset", "0 to 1000: so many are left out.", _NUMBER),
        ),
        faults=(400,),
    ),
)
_QUESTIONS = (
    Operation(
        "GET",
        "/api/dialogues/{dialogue}/public",
        "listPublicQuestions",
        "Published questions and notices, in the order of publishing. With an ETag.",
        "questions",
        Shown,
        faults=(304, 404),
    ),
    Operation(
        "PUT",
        _ITEM,
        "sendItem",
        "Send an item. `item` and `auth` are derived from a receipt that its sender made. The same again is harmless.",
        "questions",
        Status,
        body=items.SentItem,
        faults=(400, 404, 409, 410, 413, 503),
    ),
    Operation(
        "POST",
        _ITEM + "/{act}",
        "askItem",
        "Ask what became of an item (`status`), answer what was asked (`reply`), let fewer see it (`narrow`), or take "
        "it back (`withdraw`).",
        "questions",
        Status,
        body=items.Proof,
        faults=(400, 404, 409, 410, 413, 503),
    ),
)
_BY_STAFF = (
    Operation(
        "POST",
        "/api/meetings",
        "createMeeting",
        "Create a meeting.",
        "staff",
        answers.MeetingAnswer,
        201,
        body=MeetingCreated,
        without=("type", "created_ms", "rehearses"),
        faults=(400, *_STAFF, 409, 413),
        staff=True,
    ),
    Operation(
        "GET",
        f"{_MEETING}/setup",
        "getSetup",
        "A meeting as it was created or changed last, its source too.",
        "staff",
        MeetingCreated,
        faults=(*_STAFF, 404),
        staff=True,
    ),
    Operation(
        "POST",
        f"{_MEETING}/open",
        "openMeeting",
        "Open a meeting: its source is relayed from now on.",
        "staff",
        answers.MeetingAnswer,
        faults=(*_STAFF, 404, 409),
        staff=True,
    ),
    Operation(
        "POST",
        f"{_MEETING}/close",
        "closeMeeting",
        "Close a meeting, for good.",
        "staff",
        answers.MeetingAnswer,
        faults=(*_STAFF, 404, 409),
        staff=True,
    ),
    Operation(
        "GET",
        f"{_MEETING}/readiness",
        "checkMeeting",
        "Whether a meeting can open. Takes up to a minute: its source is opened and heard.",
        "staff",
        readiness.ReadinessAnswer,
        faults=(*_STAFF, 404),
        staff=True,
    ),
    Operation(
        "POST",
        f"{_MEETING}/rehearse",
        "rehearseMeeting",
        "Open a rehearsal, which only staff see.",
        "staff",
        answers.MeetingAnswer,
        201,
        faults=(*_STAFF, 404, 409),
        staff=True,
    ),
    Operation(
        "POST",
        f"{_MEETING}/purge",
        "purgeRehearsal",
        "End a rehearsal; answered when no byte of it is left.",
        "staff",
        None,
        204,
        faults=(*_STAFF, 404, 409, 503),
        staff=True,
    ),
    Operation(
        "GET",
        f"{_MEETING}/names",
        "getNames",
        "Who may speak in a meeting. Not public until a turn uses a name.",
        "staff",
        lists.Listed,
        faults=(*_STAFF, 404, 409),
        staff=True,
    ),
    Operation(
        "PUT",
        f"{_MEETING}/names",
        "setNames",
        "Put another list in place of the one with this version.",
        "staff",
        lists.Listed,
        body=lists.NamesWanted,
        faults=(400, *_STAFF, 404, 409, 413),
        staff=True,
    ),
    Operation(
        "GET",
        f"{_MEETING}/glossary",
        "getGlossary",
        "The words that a meeting's workers are told how to spell. Public in no part.",
        "staff",
        lists.Written,
        faults=(*_STAFF, 404, 409),
        staff=True,
    ),
    Operation(
        "PUT",
        f"{_MEETING}/glossary",
        "setGlossary",
        "Put another glossary in place of the one with this version.",
        "staff",
        lists.Written,
        body=lists.GlossaryWanted,
        faults=(400, *_STAFF, 404, 409, 413),
        staff=True,
    ),
    Operation(
        "GET",
        f"{_MEETING}/redactions",
        "listRedactions",
        "What was taken out of a meeting's record, without a word of it.",
        "staff",
        redactions.RedactionsAnswer,
        faults=(*_STAFF, 404),
        staff=True,
    ),
    Operation(
        "POST",
        f"{_MEETING}/redactions",
        "redact",
        "Take words and their sound out of the record, for good. 202 while they are hidden and not erased yet.",
        "staff",
        redactions.RedactionAnswer,
        201,
        body=redactions.AskedRedaction,
        faults=(400, *_STAFF, 404, 413),
        staff=True,
        later=True,
    ),
    Operation(
        "GET",
        f"{_MEETING}/revision",
        "getRevision",
        "What second passes of a closed meeting heard, and the other texts that they propose. Not public.",
        "staff",
        revising.RevisionAnswer,
        faults=(*_STAFF, 404),
        staff=True,
    ),
    Operation(
        "POST",
        f"{_MEETING}/revision",
        "proposeRevision",
        "Send what a piece of a channel was heard as, once more: where it differs in words, that is proposed to staff.",
        "staff",
        revising.RevisionTaken,
        body=revising.AskedPiece,
        faults=(400, *_STAFF, 404, 409, 413),
        staff=True,
    ),
    Operation(
        "POST",
        "/api/dialogues/{dialogue}/invites",
        "inviteToDialogue",
        "Make an invitation to a dialogue; its token is told this once.",
        "staff",
        inviting.Invited,
        201,
        body=inviting.Asked,
        faults=(400, *_STAFF, 404),
        staff=True,
    ),
    Operation(
        "POST",
        "/api/invites",
        "inviteStaff",
        "Make an invitation of staff to the house; its token is told this once.",
        "staff",
        inviting.Invited,
        201,
        body=inviting.Asked,
        faults=(400, *_STAFF),
        staff=True,
    ),
)
_CAPTIONERS = (
    Operation(
        "POST",
        f"{_MEETING}/captioners",
        "inviteCaptioner",
        "Invite a captioner to a channel, or, with `url`, make the address that their software posts to. Told once.",
        "staff",
        captioning.InvitedCaptioner,
        201,
        body=captioning.AskedCaptioner,
        faults=(400, *_STAFF, 404, 413),
        staff=True,
    ),
    Operation(
        "POST",
        f"{_MEETING}/captioners/{{invite}}/end",
        "endCaptioner",
        "End a captioner's invitation or address.",
        "staff",
        None,
        204,
        faults=(*_STAFF, 404),
        staff=True,
    ),
)
OPERATIONS: tuple[Operation, ...] = (*_MEETINGS, *_SEARCH, *_QUESTIONS, *_BY_STAFF, *_CAPTIONERS)

EVENTS: dict[str, type[msgspec.Struct]] = {
    "words": wire.Said,
    "segment": wire.Timed,
    "state": wire.State,
    "gap": wire.Gap,
    "quiet": wire.Quiet,
    "hidden": wire.Hidden,
    "shown": wire.Shown,
    "kept": wire.Kept,
    "turn": wire.SpeakerTurn,
    "corrected": wire.Corrected,
    "erased": wire.Erased,
    "redacted": wire.Gone,
    "draft": wire.ChannelDraft,
    "captions": wire.ChannelCaptions,
    "reset": wire.Reset,
}
"""The events of a meeting, and what their data is."""
