"""Every fact of a desk stream: what participants sent and what staff did about it. Never public.

No text of anybody stands here in the clear: every `body` is ciphertext in base64, sealed by hearing.qa.vault under a
key of its own. Staff acts name their actor and carry `at_ms` (UTC since the Unix epoch); what participants do carries
at most `bucket`, the beginning of five minutes. Released events never change: add an optional field or a new event.
"""

from typing import Literal, get_args

import msgspec

from hearing.access import Actor

Kind = Literal["question", "information"]
Ceiling = Literal["secretariat", "committee", "public-theme", "public-text"]
SourceClass = Literal["undisclosed", "individual", "cso", "nhri", "academic", "state", "other"]
Reason = Literal[
    "off-mandate",
    "other-state",
    "individual-complaint",
    "identifies-a-person",
    "abusive",
    "duplicate",
    "too-late",
    "unclear",
    "other",
]
Turn = Literal["queued", "next", "now"]

CEILINGS: tuple[Ceiling, ...] = get_args(Ceiling)
"""Who may see an item at the most, lowest first."""

ACT_SETTLES_MS = 10_000
"""An act of staff can be undone for so long, and has no effect outside the desk before."""

BUCKET_MS = 5 * 60_000


class _Fact(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """A fact of the desk."""


# --- an item's life, subject `item:{item}` ---------------------------------------------------------------------------


class ItemReceived(_Fact, frozen=True, tag="item.received"):
    """A participant sent it. `auth` is the hash of what the receipt proves itself with; `body` holds text and name.

    `block` is a block of the agenda, `meeting` the meeting it was sent from, `call` the call it answers.
    """

    item: str
    auth: str
    kind: Kind
    language: str
    source_class: SourceClass
    ceiling: Ceiling
    bucket: int
    body: str
    block: str = ""
    meeting: str = ""
    call: str = ""


class ItemAccepted(_Fact, frozen=True, tag="item.accepted"):
    item: str
    actor: Actor
    at_ms: int


class ItemDeclined(_Fact, frozen=True, tag="item.declined"):
    """`body` is an explanation for the sender."""

    item: str
    actor: Actor
    at_ms: int
    reason: Reason
    body: str = ""


class ItemPublished(_Fact, frozen=True, tag="item.published"):
    """`body` is the cleaned text; empty: as sent. `named`: with the name its sender gave.

    With `theme` the public sees the theme (itself sealed) and no text.
    """

    item: str
    actor: Actor
    at_ms: int
    body: str = ""
    theme: bool = False
    named: bool = False


class ItemUnpublished(_Fact, frozen=True, tag="item.unpublished"):
    """Staff took it out of the public view again, at once."""

    item: str
    actor: Actor
    at_ms: int


class ItemRouted(_Fact, frozen=True, tag="item.routed"):
    """`to` holds invitations of members, or `committee` for all of them; it replaces an earlier routing."""

    item: str
    actor: Actor
    at_ms: int
    to: tuple[str, ...]


class ItemAnswered(_Fact, frozen=True, tag="item.answered"):
    """It was spoken to in these segments of a meeting, or answered in writing: `body`."""

    item: str
    actor: Actor
    at_ms: int
    meeting: str = ""
    segments: tuple[str, ...] = ()
    body: str = ""


class ActUndone(_Fact, frozen=True, tag="act.undone"):
    """The act at this position was taken back within its ten seconds."""

    item: str
    actor: Actor
    at_ms: int
    act: int


class CeilingLowered(_Fact, frozen=True, tag="ceiling.lowered"):
    """Fewer may see it from now on; without an actor its sender lowered it."""

    item: str
    ceiling: Ceiling
    actor: Actor | None = None
    at_ms: int = 0


class ItemTurned(_Fact, frozen=True, tag="item.turned"):
    """A published question waits, comes next, or is being answered now."""

    item: str
    actor: Actor
    at_ms: int
    turn: Turn


class ItemNoted(_Fact, frozen=True, tag="item.noted"):
    """A note among staff."""

    item: str
    actor: Actor
    at_ms: int
    body: str


class SenderAsked(_Fact, frozen=True, tag="sender.asked"):
    """Staff ask the sender something; the answer comes by receipt."""

    item: str
    actor: Actor
    at_ms: int
    body: str


class SenderReplied(_Fact, frozen=True, tag="sender.replied"):
    item: str
    bucket: int
    body: str


class ItemWithdrawn(_Fact, frozen=True, tag="item.withdrawn"):
    """Its sender took it back; its key is destroyed. Nothing changes it any more."""

    item: str


ItemEvent = (
    ItemReceived
    | ItemAccepted
    | ItemDeclined
    | ItemPublished
    | ItemUnpublished
    | ItemRouted
    | ItemAnswered
    | ActUndone
    | CeilingLowered
    | ItemTurned
    | ItemNoted
    | SenderAsked
    | SenderReplied
    | ItemWithdrawn
)


# --- what the desk tells everybody, subject `notice:{notice}` --------------------------------------------------------


class NoticePosted(_Fact, frozen=True, tag="notice.posted"):
    """`body` holds its wordings by language. A call asks for information and is open until it is closed."""

    notice: str
    actor: Actor
    at_ms: int
    body: str
    call: bool = False
    block: str = ""


class NoticeWithdrawn(_Fact, frozen=True, tag="notice.withdrawn"):
    """Taken away; within ten seconds of posting nobody has seen it."""

    notice: str
    actor: Actor
    at_ms: int


class CallClosed(_Fact, frozen=True, tag="call.closed"):
    notice: str
    actor: Actor
    at_ms: int


# --- what was hidden from the live, subject `passage:{passage}` -------------------------------------------------------


class PassageActed(_Fact, frozen=True, tag="passage.acted"):
    """Somebody hid a passage of a meeting, showed it again, or redacted it. The public stream said so before, not who.

    `hidden` names the passage, or the redaction.
    """

    hidden: str
    act: Literal["hide", "show", "redact"]
    actor: Actor
    at_ms: int
    meeting: str


# --- who speaks, subjects `turn:{turn}`, `names:{meeting}`, `glossary:{meeting}` --------------------------------------


class TurnActed(_Fact, frozen=True, tag="turn.acted"):
    """Somebody set, changed or removed a speaker's turn. The public stream said so before, and not who did."""

    turn: str
    act: Literal["begin", "change", "remove"]
    actor: Actor
    at_ms: int
    meeting: str


class NamesListed(_Fact, frozen=True, tag="names.listed"):
    """The list of who may speak in a meeting is this one now: `body`, sealed under the key of `list`, its id."""

    meeting: str
    list: str
    actor: Actor
    at_ms: int
    body: str

    @property
    def sealed_as(self) -> str:
        return f"names-{self.list}"


class GlossaryWritten(_Fact, frozen=True, tag="glossary.written"):
    """These are the words that a meeting's workers know: `body`, sealed under the key of `glossary`, its id."""

    meeting: str
    glossary: str
    actor: Actor
    at_ms: int
    body: str

    @property
    def sealed_as(self) -> str:
        return f"glossary-{self.glossary}"


# --- what was corrected, subject `correction:{meeting}` ---------------------------------------------------------------


class CorrectionMade(_Fact, frozen=True, tag="correction.made"):
    """Somebody corrected segments of a meeting, each to this version. The public stream says in whose role, not who."""

    meeting: str
    made: tuple[tuple[str, int], ...]
    actor: Actor
    at_ms: int


# --- what the publisher intends, subject `placed:{...}` --------------------------------------------------------------


class Placed(_Fact, frozen=True, tag="placed"):
    """What the act at `version` says goes to this meeting's public stream. Written before it is appended there.

    So a publisher that starts again sends it to the same stream, where its key finds it.
    """

    version: int
    meeting: str


class Displaced(_Fact, frozen=True, tag="displaced"):
    """It is out of the public streams again, its bytes erased."""

    version: int


# --- stream `support:{dialogue}` -------------------------------------------------------------------------------------


class QuestionSupported(_Fact, frozen=True, tag="question.supported"):
    """A reader wants the answer to this published question too. `voice` is an HMAC that tells one reader once."""

    question: str
    voice: str


NoticeEvent = NoticePosted | NoticeWithdrawn | CallClosed
SpeakerEvent = TurnActed | NamesListed | GlossaryWritten
DeskEvent = ItemEvent | NoticeEvent | PassageActed | CorrectionMade | SpeakerEvent | Placed | Displaced


class _Tag(msgspec.Struct):
    type: str


_encoder = msgspec.json.Encoder()
encode_desk = _encoder.encode
_desk: msgspec.json.Decoder[DeskEvent] = msgspec.json.Decoder(DeskEvent)
_support: msgspec.json.Decoder[QuestionSupported] = msgspec.json.Decoder(QuestionSupported)
encode_support = _encoder.encode
_tag = msgspec.json.Decoder(_Tag)
_TAGS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(DeskEvent))


def desk_stream(dialogue: str) -> str:
    """Name the stream of a dialogue's desk."""
    return f"desk:{dialogue}"


def support_stream(dialogue: str) -> str:
    """Name the stream of the support that a dialogue's published questions have."""
    return f"support:{dialogue}"


def item_subject(item: str) -> str:
    """Name the subject whose last position is the item's version."""
    return f"item:{item}"


def notice_subject(notice: str) -> str:
    """Name the subject of a notice or call."""
    return f"notice:{notice}"


def passage_subject(passage: str) -> str:
    """Name the subject of a passage that was hidden."""
    return f"passage:{passage}"


def acted_subject(turn: str) -> str:
    """Name the subject of a speaker's turn."""
    return f"turn:{turn}"


def glossary_subject(meeting: str) -> str:
    """Name the subject whose last position is the version of a meeting's glossary."""
    return f"glossary:{meeting}"


def names_subject(meeting: str) -> str:
    """Name the subject whose last position is the version of a meeting's list of names."""
    return f"names:{meeting}"


def correction_subject(meeting: str) -> str:
    """Name the subject of the corrections to a meeting's record."""
    return f"correction:{meeting}"


def bucket_of(at_ms: int) -> int:
    """Return the beginning of the five minutes that hold this instant."""
    return at_ms - at_ms % BUCKET_MS


def decode_desk(body: bytes) -> DeskEvent | None:
    """Decode a record of a desk; None for an erased record or an event of a later release."""
    if not body or _tag.decode(body).type not in _TAGS:
        return None
    return _desk.decode(body)


def decode_support(body: bytes) -> QuestionSupported | None:
    """Decode a record of support; None for an erased record or an event of a later release."""
    if not body or _tag.decode(body).type != QuestionSupported.__struct_config__.tag:
        return None
    return _support.decode(body)
