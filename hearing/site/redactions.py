"""Redactions over the API: staff take words and sound out of the record, and see what was taken out. No word of it."""

from collections.abc import Callable
from typing import get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import redaction
from hearing.errors import NotFound, Refused
from hearing.events import Basis, Cut
from hearing.meeting import House, Meeting
from hearing.redaction import LEAST_MARGIN_MS, Account, Wanted
from hearing.site import geneva
from hearing.site.api import Staff, body_of, check_staff

_NO_STORE = {"Cache-Control": "no-store"}


class AskedCut(msgspec.Struct, frozen=True, omit_defaults=True):
    """What goes of a channel: words, as `en.5.3-en.5.4`, `en.5.3` or `en.5`, or a stretch of media time, or both."""

    channel: str
    words: tuple[str, ...] = ()
    t0: int = 0
    t1: int = 0


class AskedRedaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """What staff ask for. `redaction` makes a repeat the same: 16 hexadecimal digits of their own."""

    basis: str
    cuts: tuple[AskedCut, ...]
    redaction: str = ""
    picture: bool = False
    margin_ms: int = LEAST_MARGIN_MS


class RedactionAnswer(msgspec.Struct, frozen=True):
    """A redaction, as the API tells it: it can be asked for again as it is. `ended` is null while it is carried out.

    `stuck` is what the disk would not let go when it was last tried: the sound of a channel, or the picture, which is
    a channel without a name. It is tried again.
    """

    redaction: str
    meeting: str
    basis: str
    cuts: tuple[AskedCut, ...]
    picture: bool
    margin_ms: int
    asked: str | None
    ended: str | None
    stuck: tuple[AskedCut, ...] = ()


class RedactionsAnswer(msgspec.Struct, frozen=True):
    redactions: list[RedactionAnswer]


_asked = msgspec.json.Decoder(AskedRedaction)


def routes(house: Callable[[], House], staff: Staff, new_id: Callable[[], str]) -> list[Route]:
    """Serve them; each asks for the staff token first."""

    async def redact(request: Request) -> Response:
        check_staff(request, staff)
        meeting = house().meeting(request.path_params["meeting"])
        try:
            asked = _asked.decode(await body_of(request))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused(f"This is not a redaction: {error}. docs/api.md shows one.") from error
        wanted = wanted_of(meeting, await staff.account(meeting.id), asked, new_id)
        done = await staff.redact(meeting.id, wanted)
        told = answer(meeting.id, await staff.account(meeting.id), wanted.redaction)
        return Response(msgspec.json.encode(told), 201 if done else 202, _NO_STORE, "application/json")

    async def redactions(request: Request) -> Response:
        check_staff(request, staff)
        meeting = house().meeting(request.path_params["meeting"])
        told = listed(meeting.id, await staff.account(meeting.id))
        return Response(msgspec.json.encode(RedactionsAnswer(told)), 200, _NO_STORE, "application/json")

    return [
        Route("/api/meetings/{meeting}/redactions", redactions),
        Route("/api/meetings/{meeting}/redactions", redact, methods=["POST"]),
    ]


def wanted_of(meeting: Meeting, account: Account, asked: AskedRedaction, new_id: Callable[[], str]) -> Wanted:
    """Read what is asked against what was said. Raises NotFound, Refused."""
    if asked.redaction in account.asked:
        return redaction.again(account, asked.redaction)
    basis = next((one for one in get_args(Basis) if one == asked.basis), None)
    if basis is None:
        raise Refused(f"Say why it goes, with a basis: {', '.join(get_args(Basis))}.")
    cuts = tuple(_cut(meeting, account, one) for one in asked.cuts)
    return Wanted(asked.redaction or new_id(), basis, cuts, asked.picture, asked.margin_ms)


def answer(meeting: str, account: Account, one: str) -> RedactionAnswer:
    """Tell about one redaction. Raises NotFound."""
    if one not in account.asked:
        raise NotFound("There is no such redaction.")
    event, wanted = account.asked[one], redaction.again(account, one)
    cuts = tuple(AskedCut(cut.channel, _named(cut), cut.t0, cut.t1) for cut in wanted.cuts)
    ended = account.ended.get(one)
    stuck = tuple(AskedCut(cut.channel, t0=cut.t0, t1=cut.t1) for cut in account.stuck.get(one, ()))
    return RedactionAnswer(
        one,
        meeting,
        event.basis,
        cuts,
        event.picture,
        event.margin_ms,
        geneva.iso(event.at_ms),
        geneva.iso(ended),
        stuck,
    )


def listed(meeting: str, account: Account) -> list[RedactionAnswer]:
    """Tell about all redactions of a meeting, in the order they were asked for."""
    return [answer(meeting, account, one) for one in account.asked]


def _cut(meeting: Meeting, account: Account, asked: AskedCut) -> Cut:
    timed = asked.t1 > 0 or asked.t0 > 0
    cuts = [redaction.cut_words(meeting, account.said, asked.channel, words) for words in asked.words]
    cuts += [redaction.cut_time(meeting, asked.channel, asked.t0, asked.t1)] if timed else []
    if not cuts:
        raise Refused("Name what goes of each channel: its words, or a stretch of media time in ms.")
    return redaction.joined(cuts)


def _named(cut: Cut) -> tuple[str, ...]:
    return tuple(f"{one.segment}.{one.first}-{one.segment}.{one.last}" for one in cut.words)
