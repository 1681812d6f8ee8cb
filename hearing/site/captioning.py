"""Captions that a captioner's software sends: the address that it posts to, and how programs make one.

The form is that of Zoom's caption URL, which such software knows: `POST URL&seq=N&lang=xx-YY` with the text as plain
UTF-8, and `GET` of its `/seq` for the last number. The address holds a secret, because the software has no other place
for one: it is answered here in plain text, and neither this server nor the proxies in infra/ write addresses down.
"""

import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing.access import Capability
from hearing.archive.record import clean
from hearing.errors import Conflict, Gone, HearingError, NotFound, Refused
from hearing.house_events import MeetingCreated
from hearing.meeting import House
from hearing.qa.invites import Place
from hearing.qa.office import Office
from hearing.site import api
from hearing.site.faults import PLAINLY, plainly, status_of
from hearing.site.forms import read_body
from hearing.site.session import NO_STORE
from hearing.transcribe.carried import Carried
from hearing.transcribe.dispatch import Dispatch
from hearing.transcribe.typed import MAX_LINE, MAX_SEQ, Line

PATH = PLAINLY
MAX_BODY = 4 * MAX_LINE + 256
_PER_S, _AT_ONCE = 10.0, 100.0
"""Posts of one URL: so many a second, and so many at once after a pause."""
_MOST_URLS = 1024

# What YouTube's caption URL wants before the text: the time, and a region that we have no use for.
_STAMP = re.compile(r"\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z?( region:\S{1,80})?[ \t]*")


class TooMany(HearingError):
    """More is sent than anybody can type."""

    code = "too-many"


class AskedCaptioner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to invite to a channel of a meeting; `url`: their software, by an address that it posts to."""

    channel: str
    url: bool = False
    label: str = ""


class InvitedCaptioner(msgspec.Struct, frozen=True):
    """The invitation's id, and the path on this server that holds its secret: told this once."""

    invite: str
    path: str

    @classmethod
    def of(cls, token: str, dialogue: str, *, url: bool) -> "InvitedCaptioner":
        page = f"/staff/{quote(dialogue, safe='')}/accept#{token}"
        return cls(token.partition(".")[0], address(token) if url else page)


class Pace:
    """How often each URL may post. What is beyond is not taken; nothing is queued."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._spent: dict[str, tuple[float, float]] = {}

    def count(self, invite: str) -> None:
        """Count a post. Raises TooMany."""
        now = self._now_s()
        spent, at = self._spent.pop(invite, (0.0, now))
        spent = max(0.0, spent - (now - at) * _PER_S)
        self._spent[invite] = (min(spent + 1, _AT_ONCE), now)
        while len(self._spent) > _MOST_URLS:
            del self._spent[next(iter(self._spent))]
        if spent + 1 > _AT_ONCE:
            raise TooMany(f"At most {_PER_S:.0f} captions a second are taken. Send this one again.")


def routes(office: Office, house: Callable[[], House], staff: api.Staff, dispatch: Dispatch) -> list[Route]:
    """Serve what the software speaks, and for staff the making and ending of captioners' invitations."""
    pace = Pace()

    async def post(request: Request) -> Response:
        return await _plainly(lambda: _posted(request, office, house, dispatch, pace))

    async def seq(request: Request) -> Response:
        return await _plainly(lambda: _last(request, office, house, dispatch))

    async def invite(request: Request) -> Response:
        api.check_staff(request, staff)
        asked = _asked(await api.body_of(request))
        meeting = house().meeting(request.path_params["meeting"])
        dialogue = meeting.created.dialogue
        place = Place(meeting.id, asked.channel, asked.url)
        token = await office.invite(Capability("staff", dialogue), dialogue, "captioner", asked.label, place)
        answer = InvitedCaptioner.of(token, dialogue, url=asked.url)
        return Response(msgspec.json.encode(answer), 201, NO_STORE, "application/json")

    async def end(request: Request) -> Response:
        api.check_staff(request, staff)
        await api.body_of(request)
        created: MeetingCreated = house().meeting(request.path_params["meeting"]).created
        who = Capability("staff", created.dialogue)
        await office.revoke(who, created.dialogue, request.path_params["invite"])
        return Response(status_code=204, headers=NO_STORE)

    return [
        Route(PATH, post, methods=["POST"]),
        Route(f"{PATH}/seq", seq),
        Route("/api/meetings/{meeting}/captioners", invite, methods=["POST"]),
        Route("/api/meetings/{meeting}/captioners/{invite}/end", end, methods=["POST"]),
    ]


def address(token: str) -> str:
    """Return a caption URL, from its path on."""
    return f"{PATH}?id={token}"


def read_text(body: bytes) -> tuple[str, bool]:
    """Return a body's text, and whether a line ends with it. Raises Refused."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused("Captions are text in UTF-8. Set your software to UTF-8.") from error
    first, _, rest = text.partition("\n")
    if _STAMP.fullmatch(first.rstrip("\r")):
        text = rest
    if len(text) > MAX_LINE:
        raise Refused(f"A caption has {MAX_LINE} characters at the most.")
    return clean(text), text.rstrip(" \t").endswith(("\n", "\r"))


async def _plainly(act: Callable[[], Awaitable[int]]) -> Response:
    """Answer with a number, or with what is wrong, in plain text: software shows it as it comes."""
    try:
        return Response(str(await act()), 200, NO_STORE, "text/plain")
    except HearingError as error:
        status = 429 if isinstance(error, TooMany) else status_of(error)
        status = 400 if isinstance(error, Conflict) else status  # as Zoom answers while a meeting is not on
        return plainly(status, str(error), {})


async def _posted(request: Request, office: Office, house: Callable[[], House], dispatch: Dispatch, pace: Pace) -> int:
    body = await read_body(request, MAX_BODY)
    who, carried = await _place(request, office, house, dispatch)
    pace.count(who.invite)
    number = _number(request.query_params.get("seq", ""))
    text, ends = read_text(body)
    language = request.query_params.get("lang", "")
    await dispatch.captioners.type(carried, Line(text, _source(who), number, ends=ends, language=language))
    return carried.last_seq(_source(who))


async def _last(request: Request, office: Office, house: Callable[[], House], dispatch: Dispatch) -> int:
    who, carried = await _place(request, office, house, dispatch)
    return carried.last_seq(_source(who))


async def _place(
    request: Request, office: Office, house: Callable[[], House], dispatch: Dispatch
) -> tuple[Capability, Carried]:
    """Return who posts, and where to. Raises NotFound, Gone, Conflict while the meeting is not on."""
    who = await office.captioner(request.query_params.get("id", ""))
    meeting = house().meetings.get(who.meeting)
    if meeting is None:
        raise NotFound("The meeting of this caption URL is not there any more.")
    if meeting.phase == "closed":
        raise Gone("This meeting is over, and its caption URL with it.")
    return who, dispatch.carried(meeting.id, who.channel, planned=meeting.phase == "planned")


def _source(who: Capability) -> str:
    """Name whose count it is, in the public record: not by the invitation's id, which is the desk's."""
    return hashlib.sha256(who.invite.encode()).hexdigest()[:8]


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 16 or int(text) > MAX_SEQ:
        raise Refused("A caption has a number: &seq=1, one more for each, the same again when it is sent again.")
    return int(text)


def _asked(body: bytes) -> AskedCaptioner:
    try:
        return msgspec.json.decode(body, type=AskedCaptioner)
    except msgspec.DecodeError as error:
        raise Refused("A captioner is invited to a channel: its id, and whether it is by a url.") from error
