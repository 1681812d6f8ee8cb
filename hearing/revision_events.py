"""Every fact of a meeting's second pass: what was heard again, what it proposes, and what staff declined. Never public.

A stream of its own beside the public one, `revision:{meeting}`. A proposal holds words that were said, so a redaction
erases those of the passages that it takes. Released events never change: add an optional field or a new event.
"""

from typing import get_args

import msgspec

from hearing.access import Actor


class _Fact(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """A fact of a second pass. Times are media time in ms, `at_ms` is UTC."""


class RevisionHeard(_Fact, frozen=True, tag="revision.heard"):
    """A channel was heard again from t0 to t1: what was proposed before for segments that lie there is void.

    `language` is what it was heard as, on a floor of several: segments in others keep what they have.
    """

    channel: str
    t0: int
    t1: int
    model: str
    at_ms: int
    language: str = ""


class RevisionProposed(_Fact, frozen=True, tag="revision.proposed"):
    """A segment, seen in this version, was heard differently. `t0` and `t1` are the segment's.

    `language` is what it was said in, on a floor of several.
    """

    segment: str
    version: int
    t0: int
    t1: int
    before: str
    text: str
    model: str
    at_ms: int
    language: str = ""

    @property
    def channel(self) -> str:
        return self.segment.rpartition(".")[0]


class RevisionDeclined(_Fact, frozen=True, tag="revision.declined"):
    """Staff declined the proposal at this position of the stream: the same text is not proposed again."""

    proposal: int
    actor: Actor
    at_ms: int


RevisionEvent = RevisionHeard | RevisionProposed | RevisionDeclined


class _Tag(msgspec.Struct):
    type: str


encode_revision = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[RevisionEvent] = msgspec.json.Decoder(RevisionEvent)
_tag = msgspec.json.Decoder(_Tag)
_TAGS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(RevisionEvent))


def revision_stream(meeting: str) -> str:
    """Name the stream of a meeting's second pass."""
    return f"revision:{meeting}"


def decode_revision(body: bytes) -> RevisionEvent | None:
    """Decode a record of it; None for an erased record or an event of a later release."""
    if not body or _tag.decode(body).type not in _TAGS:
        return None
    return _decoder.decode(body)
