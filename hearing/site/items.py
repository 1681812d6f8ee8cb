"""Sending and asking by program: what a receipt stands for goes over the wire, the receipt itself does not.

Every route takes JSON and answers with the item's status. The address names the item; `auth` proves whose it is.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing.desk_events import Ceiling
from hearing.errors import Refused
from hearing.qa.intake import Submission
from hearing.qa.receipt import Keys
from hearing.qa.status import Status
from hearing.site.dialogue import Rooms
from hearing.site.forms import read_body
from hearing.site.session import NO_STORE

MAX_BODY = 64 * 1024


class SentItem(Submission, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of PUT: what is sent, and the proof (64 hex digits)."""

    auth: str


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of what is asked about an item. `text` is for a reply, `ceiling` for narrowing."""

    auth: str
    text: str = ""
    ceiling: Ceiling | None = None


_sent = msgspec.json.Decoder(SentItem)
_proof = msgspec.json.Decoder(Proof)
_WRONG = "This is not what docs/api.md describes."


def routes(rooms: Rooms) -> list[Route]:
    """Serve the API of senders."""

    async def put(request: Request) -> Response:
        await rooms.office.rules(request.path_params["dialogue"])
        sent = _decode_sent(await _body(request))
        keys = Keys(request.path_params["item"], sent.auth)
        fields = {name: value for name, value in msgspec.structs.asdict(sent).items() if name != "auth"}
        wanted = msgspec.convert(fields, Submission)
        return _json(await rooms.office.submit(request.path_params["dialogue"], keys, wanted))

    async def act(request: Request) -> Response:
        proof = _decode_proof(await _body(request))
        keys = Keys(request.path_params["item"], proof.auth)
        match request.path_params["act"]:
            case "status":
                return _json(await rooms.office.status(keys))
            case "withdraw":
                return _json(await rooms.office.withdraw(keys))
            case "reply":
                return _json(await rooms.office.reply(keys, proof.text))
            case "narrow" if proof.ceiling:
                return _json(await rooms.office.narrow(keys, proof.ceiling))
            case _:
                raise Refused(_WRONG)

    one = "/api/dialogues/{dialogue}/items/{item}"
    return [Route(one, put, methods=["PUT"]), Route(one + "/{act}", act, methods=["POST"])]


async def _body(request: Request) -> bytes:
    return await read_body(request, MAX_BODY)


def _decode_sent(body: bytes) -> SentItem:
    try:
        return _sent.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(_WRONG) from None  # what was sent stays out of the answer and out of every log


def _decode_proof(body: bytes) -> Proof:
    try:
        return _proof.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(_WRONG) from None


def _json(status: Status) -> Response:
    return Response(msgspec.json.encode(status), 200, NO_STORE, "application/json")
