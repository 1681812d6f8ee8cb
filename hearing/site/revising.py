"""Second passes over the API: what was heard again comes in piece by piece, and staff read what is proposed."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing.archive import record
from hearing.archive.record import clean, tidy
from hearing.errors import Refused
from hearing.qa import revisions
from hearing.revision import Heard, Piece, Proposal, Standing
from hearing.site import api, forms, geneva
from hearing.site.dialogue import Rooms
from hearing.site.session import NO_STORE

MAX_BODY = 256 * 1024
"""Five minutes of the fastest speech, with the times of its words."""

MAX_MODEL, MAX_LANGUAGE = 80, 16
_MAX_WORD = 200


class AskedWord(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A word as it was heard again: its text, and when it begins and ends, in ms of media time."""

    text: str
    t0: int
    t1: int


class AskedPiece(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch of a channel that was heard again from `t0` to `t1`, whole, and by which model.

    `language` is what it was heard as, on a floor of several; empty: the channel's.
    """

    channel: str
    t0: int
    t1: int
    model: str
    words: tuple[AskedWord, ...]
    language: str = ""


class RevisionTaken(msgspec.Struct, frozen=True):
    """How many proposals a piece made."""

    proposed: int


class HeardAnswer(msgspec.Struct, frozen=True):
    """A stretch of a channel that was heard again."""

    channel: str
    t0: int
    t1: int
    model: str
    at: str | None


class ProposalAnswer(msgspec.Struct, frozen=True):
    """A passage that was heard with other words. `path` is its address; `version` counts its corrections."""

    segment: str
    version: int
    t0: int
    t1: int
    path: str
    before: str
    text: str
    model: str


class RevisionAnswer(msgspec.Struct, frozen=True):
    """What second passes of a meeting heard, and what of it staff can accept."""

    heard: list[HeardAnswer]
    proposals: list[ProposalAnswer]


def routes(rooms: Rooms) -> list[Route]:
    """Serve them; each asks for the staff token first."""

    async def read(request: Request) -> Response:
        api.check_staff(request, rooms.staff)
        meeting = rooms.house().meeting(request.path_params["meeting"])
        known = rooms.office.revisions
        proposals = await known.open(meeting, await rooms.folds.of(meeting.id))
        return _json(answer(meeting.id, await known.standing(meeting.id), proposals))

    async def take(request: Request) -> Response:
        api.check_staff(request, rooms.staff)
        body = await forms.read_body(request, MAX_BODY)
        meeting = rooms.house().meeting(request.path_params["meeting"])
        revisions.check(meeting)
        piece = piece_of(decode(body))
        proposed = await rooms.office.revisions.take(meeting, piece, lambda at: rooms.folds.past(meeting.id, at))
        return _json(RevisionTaken(proposed))

    path = "/api/meetings/{meeting}/revision"
    return [Route(path, read), Route(path, take, methods=["POST"])]


def decode(body: bytes) -> AskedPiece:
    """Read what was heard. Raises Refused."""
    try:
        return msgspec.json.decode(body, type=AskedPiece)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("What was heard again is written as docs/api.md shows it.") from error


def piece_of(asked: AskedPiece) -> Piece:
    """Return it as the record can hold it. Raises Refused for what has no model or no length."""
    model = tidy(clean(asked.model))[:MAX_MODEL]
    if not model or not 0 <= asked.t0 < asked.t1:
        raise Refused("Say which model heard it, and from when to when, in ms.")
    words = [Heard(tidy(clean(one.text))[:_MAX_WORD], one.t0, one.t1) for one in asked.words]
    kept = tuple(one for one in words if one.text and asked.t0 <= one.t0 <= one.t1 <= asked.t1)
    return Piece(asked.channel, asked.t0, asked.t1, model, kept, asked.language[:MAX_LANGUAGE])


def answer(meeting: str, standing: Standing, proposals: list[Proposal]) -> RevisionAnswer:
    """Tell about the second passes of a meeting."""
    heard = [HeardAnswer(one.channel, one.t0, one.t1, one.model, geneva.iso(one.at_ms)) for one in standing.heard]
    return RevisionAnswer(heard, [_proposal(meeting, one) for one in proposals])


def _proposal(meeting: str, one: Proposal) -> ProposalAnswer:
    said = one.said
    path = record.path(meeting, said.segment)
    return ProposalAnswer(said.segment, said.version, said.t0, said.t1, path, said.before, said.text, said.model)


def _json(told: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(told), 200, NO_STORE, "application/json")
