"""Acts of staff from the command line: through the server that runs on a folder, or on the folder itself."""

import asyncio
import contextlib
import http.client
import json
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from hearing.access import Capability, Role
from hearing.app import office_of, utc_ms
from hearing.archive.feeder import Feeder
from hearing.archive.index import Index
from hearing.archive.search import Search
from hearing.board.memory import MemoryBoard
from hearing.config import Config, from_environ, is_loopback
from hearing.erasing import erase_meeting
from hearing.errors import Conflict, HearingError, NotFound, Refused, Unavailable
from hearing.home import check_own_log
from hearing.house import HouseKeeper
from hearing.house_events import MeetingCreated
from hearing.listen import hold, presence
from hearing.log.sqlite import SqliteLog
from hearing.names import Name
from hearing.qa.invites import Invites, Place
from hearing.qa.lists import Kept
from hearing.qa.office import Office
from hearing.qa.rooms import Rooms
from hearing.readiness import Workers, check
from hearing.site import exporting
from hearing.site.captioning import AskedCaptioner, InvitedCaptioner
from hearing.site.folds import Folds
from hearing.site.i18n import english
from hearing.site.lists import Listed
from hearing.site.readiness import ReadinessAnswer, answer
from hearing.site.searching import SearchAnswer, wanted_of
from hearing.site.searching import answer as found_answer
from hearing.site.wire import meeting_answer
from hearing.sources import rules_of
from hearing.store.folder import FolderStore
from hearing.stream.address import check_form, is_address

T = TypeVar("T")

_STAFF = Capability("staff", "")
_TIMEOUT_S = 30
_CHECK_S = 90
_STARTING_S = 10.0
_STRANGER = "What answers is not a server of this kind. Is the address right?"


class Wire(msgspec.Struct, frozen=True):
    """An error as the API sends it."""

    code: str = "error"
    text: str = "The server gave no reason."


class Target(msgspec.Struct, frozen=True):
    """Where staff acts go: a server's URL with a token, or a data folder."""

    data: Path
    server: str = ""
    token: str = ""


def target(data: Path, server: str, token_file: str, *, public: bool = False) -> Target:
    """Work out where to act. Raises Refused for a server without its token or over a readable line.

    What is `public` needs no token.
    """
    if not server:
        return Target(data)
    try:
        parts = urlsplit(server)
        scheme, host, _ = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        scheme, host = "", ""
    if scheme not in {"http", "https"} or not host or not re.fullmatch(r"[!-~]+", server):
        raise Refused("--server takes an address such as https://hearing.example.org")
    if scheme == "http" and not is_loopback(host):
        raise Refused("--server must be https:// for another machine, or the token could be read on the way.")
    return Target(data, server.rstrip("/"), "" if public else _token(token_file))


def create(where: Target, wanted: MeetingCreated) -> None:
    """Create a meeting. Whether its source is allowed is for the server that runs, or the next one to start."""
    _act(where, "/api/meetings", wanted, lambda keeper: keeper.create(_stamped(wanted)))


def setup(where: Target, meeting: str) -> MeetingCreated:
    """Return how a meeting is set up. Raises NotFound."""
    found = _reach(where)
    if found:
        answer = _request(found, "GET", f"/api/meetings/{quote(meeting, safe='')}/setup")
        return msgspec.convert(answer, MeetingCreated)

    async def read(keeper: HouseKeeper) -> MeetingCreated:
        return keeper.house().meeting(meeting).created

    return asyncio.run(_on_folder(where.data, read))


def open_meeting(where: Target, meeting: str) -> None:
    """Open a meeting; with no server running, the next one to start follows its source."""
    _act(where, f"/api/meetings/{quote(meeting, safe='')}/open", None, lambda keeper: keeper.open(meeting))


def close_meeting(where: Target, meeting: str) -> None:
    """Close a meeting."""
    _act(where, f"/api/meetings/{quote(meeting, safe='')}/close", None, lambda keeper: keeper.close(meeting))


def rehearse(where: Target, meeting: str) -> str:
    """Rehearse a meeting; return the id of the rehearsal."""
    found = _reach(where)
    if found:
        return str(_request(found, "POST", f"/api/meetings/{quote(meeting, safe='')}/rehearse", b"{}")["id"])
    return asyncio.run(_on_folder(where.data, lambda keeper: keeper.rehearse(meeting)))


def purge(where: Target, meeting: str) -> None:
    """Purge a rehearsal; on return its bytes are gone."""
    found = _reach(where)
    if found:
        _request(found, "POST", f"/api/meetings/{quote(meeting, safe='')}/purge", b"{}")
        return

    async def erase(log: SqliteLog) -> None:
        await (await HouseKeeper(log, utc_ms).start()).purge(meeting)
        async with FolderStore(where.data / "media") as store, MemoryBoard() as board:
            await erase_meeting(meeting, log=log, store=store, board=board)

    asyncio.run(_with_log(where.data, erase))


def readiness(where: Target, meeting: str, settings: Config) -> ReadinessAnswer:
    """Check whether a meeting can open: by the server, or here, by these settings, where none runs."""
    found = _reach(where)
    if found:
        answered = _request(found, "GET", f"/api/meetings/{quote(meeting, safe='')}/readiness", timeout_s=_CHECK_S)
        return msgspec.convert(answered, ReadinessAnswer)

    async def look(keeper: HouseKeeper) -> ReadinessAnswer:
        house = keeper.house()
        findings = await check(
            house.meeting(meeting),
            house=house,
            folder=where.data,
            workers=Workers(),
            now_ms=utc_ms(),
            rules=rules_of(settings),
        )
        return answer(findings)

    return asyncio.run(_on_folder(where.data, look))


def invite_captioner(where: Target, meeting: str, channel: str, label: str, *, url: bool) -> InvitedCaptioner:
    """Invite a captioner to a channel, or make the address for their software; `path` is whole where a server runs."""
    found = _reach(where)
    if found:
        body = msgspec.json.encode(AskedCaptioner(channel, url, label))
        answer = _request(found, "POST", f"/api/meetings/{quote(meeting, safe='')}/captioners", body)
        made = msgspec.convert(answer, InvitedCaptioner)
        return InvitedCaptioner(made.invite, f"{found.server}{made.path}")

    async def make(log: SqliteLog) -> InvitedCaptioner:
        dialogue = (await HouseKeeper(log, utc_ms).start()).house().meeting(meeting).created.dialogue
        place = Place(meeting, channel, url)
        token = await Invites(log, Rooms(log), utc_ms).create("captioner", dialogue, label, place)
        return InvitedCaptioner.of(token, dialogue, url=url)

    return asyncio.run(_with_log(where.data, make))


def end_captioner(where: Target, meeting: str, invite: str) -> None:
    """End a captioner's invitation or address. Raises NotFound."""
    found = _reach(where)
    if found:
        path = f"/api/meetings/{quote(meeting, safe='')}/captioners/{quote(invite, safe='')}/end"
        _request(found, "POST", path, b"{}")
        return

    async def end(log: SqliteLog) -> None:
        await Invites(log, Rooms(log), utc_ms).revoke(invite)

    asyncio.run(_with_log(where.data, end))


def invite(where: Target, dialogue: str, role: Role, label: str) -> str:
    """Invite somebody to a dialogue, or staff to the house; return the link that they open, once. Raises Refused."""
    if (role == "staff") != (dialogue == ""):
        raise Refused("Name the dialogue with --dialogue ID. Only staff are invited without one: to the whole house.")
    page = f"/staff/{quote(dialogue, safe='')}/accept" if dialogue else "/staff/accept"
    found = _reach(where)
    if found:
        body = msgspec.json.encode({"role": role, "label": label})
        path = f"/api/dialogues/{quote(dialogue, safe='')}/invites" if dialogue else "/api/invites"
        return f"{found.server}{page}#{_request(found, 'POST', path, body)['invite']}"

    async def make(log: SqliteLog) -> str:
        return await Invites(log, Rooms(log), utc_ms).create(role, dialogue, label)

    return f"{page}#{asyncio.run(_with_log(where.data, make))}"


def names(where: Target, meeting: str) -> Kept[tuple[Name, ...]]:
    """Return the list of who may speak in a meeting."""
    found = _reach(where)
    if found:
        listed = msgspec.convert(_request(found, "GET", _names_path(meeting)), Listed)
        return Kept(listed.names, listed.version)
    return asyncio.run(_on_office(where.data, lambda office, at: office.names.read(_STAFF, *at), meeting))


def write_names(where: Target, meeting: str, listed: tuple[Name, ...], version: int) -> None:
    """Put a list in the place of the version that was seen. Raises Conflict."""
    found = _reach(where)
    if found:
        body = msgspec.json.encode({"names": listed, "version": version})
        _request(found, "PUT", _names_path(meeting), body)
        return
    asyncio.run(_on_office(where.data, lambda office, at: office.names.write(_STAFF, *at, listed, version), meeting))


def _names_path(meeting: str) -> str:
    return f"/api/meetings/{quote(meeting, safe='')}/names"


async def _on_office(data: Path, act: Callable[[Office, tuple[str, str]], Coroutine[Any, Any, T]], meeting: str) -> T:
    """Act at the desk of a folder that nobody serves, on one of its meetings; the vault's key is where it always is."""

    async def acted(log: SqliteLog) -> T:
        known = (await HouseKeeper(log, utc_ms).start()).house().meeting(meeting)
        settings = from_environ(None, {"data": str(data)})
        async with MemoryBoard() as board, office_of(settings, log, board) as office:
            return await act(office, (known.created.dialogue, known.id))

    return await _with_log(data, acted)


def meetings(where: Target) -> list[dict[str, Any]]:
    """Return the meetings as the API lists them."""
    found = _reach(where)
    if found:
        answer = _request(found, "GET", "/api/meetings")
        return list(answer["meetings"])
    if not (where.data / "log.db").exists():
        return []

    async def read(log: SqliteLog) -> list[dict[str, Any]]:
        house, folds = (await HouseKeeper(log, utc_ms).start()).house(), Folds(log, log)
        known = [meeting_answer(one, await folds.glance(one.id)) for one in house.meetings.values()]
        return [msgspec.to_builtins(one) for one in known]

    return asyncio.run(_with_log(where.data, read))


def export(where: Target, meeting: str, channel: str, kind: str, address: str) -> bytes:
    """Return one channel of a meeting as a file of this kind. `address` is the public one of the server."""
    address = exporting.checked(address)
    found = _reach(where)
    if found:
        wanted = {"channel": channel, "format": kind, **({"address": address} if address else {})}
        return _fetch(found, "GET", f"/api/meetings/{quote(meeting, safe='')}/export?{urlencode(wanted)}")
    if not (where.data / "log.db").exists():
        raise NotFound("There is no meeting in this folder. Name the right one with --data FOLDER.")

    async def read(log: SqliteLog) -> bytes:
        known = (await HouseKeeper(log, utc_ms).start()).house().meeting(meeting)
        fold = await Folds(log, log).of(known.id)
        return exporting.writer(known, fold, (channel, kind), exporting.catalogues(), address)()

    return asyncio.run(_with_log(where.data, read))


def search(where: Target, asked: Mapping[str, str]) -> SearchAnswer:
    """Search what was said: through the server, or in a folder where none runs. `asked` is as the API takes it."""
    found = _reach(where)
    if found:
        return msgspec.convert(_request(found, "GET", f"/api/search?{urlencode(asked)}"), SearchAnswer)
    if not (where.data / "log.db").exists():
        raise NotFound("There is no data in this folder. Name another with --data, or a server with --server.")

    async def look(log: SqliteLog) -> SearchAnswer:
        keeper = await HouseKeeper(log, utc_ms).start()
        async with Index(where.data / "index.db") as index:
            feeder = Feeder(keeper.house, log, index)
            await feeder.catch_up()
            wanted = wanted_of(asked)
            return found_answer(wanted, await Search(index, keeper.house, feeder).find(wanted), english())

    return asyncio.run(_with_log(where.data, look))


def server_of(where: Target) -> Target | None:
    """Return the server to ask for what everybody may read: without a token. None where the folder is free."""
    found = _reach(where)
    return Target(found.data, found.server) if found else None


def get(server: Target, path: str) -> bytes:
    """Return what a server answers."""
    return _fetch(server, "GET", path)


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Do it to its end."""
    return asyncio.run(work)


def with_log(data: Path, act: Callable[[SqliteLog], Coroutine[Any, Any, T]]) -> T:
    """Act on the log of a folder that nobody serves. Raises NotFound where there is none."""
    return asyncio.run(_with_log(data, act))


def _stamped(wanted: MeetingCreated) -> MeetingCreated:
    if is_address(wanted.source):
        check_form(wanted.source)
    return msgspec.structs.replace(wanted, created_ms=utc_ms())


def _act(
    where: Target,
    path: str,
    body: MeetingCreated | None,
    act: Callable[[HouseKeeper], Coroutine[Any, Any, None]],
) -> None:
    found = _reach(where)
    if found:
        _request(found, "POST", path, msgspec.json.encode(body) if body else b"{}")
    else:
        asyncio.run(_on_folder(where.data, act, may_make=body is not None))


async def _on_folder(data: Path, act: Callable[[HouseKeeper], Coroutine[Any, Any, T]], *, may_make: bool = False) -> T:
    async def kept(log: SqliteLog) -> T:
        return await act(await HouseKeeper(log, utc_ms).start())

    return await _with_log(data, kept, may_make=may_make)


async def _with_log(data: Path, act: Callable[[SqliteLog], Coroutine[Any, Any, T]], *, may_make: bool = False) -> T:
    """Act on a folder that nobody serves. Raises NotFound where there is none yet: a typo makes no folder."""
    check_own_log(data)
    if not may_make and not (data / "log.db").exists():
        raise NotFound("There is no data in this folder yet. Name the right one with --data FOLDER.")
    with hold(data):
        async with SqliteLog(data / "log.db") as log:
            return await act(log)


def _reach(where: Target) -> Target | None:
    """Return the server to ask, None where the folder is free. Waits for one that is starting or leaving.

    Raises Refused where none runs and the log lies in Redis.
    """
    if where.server:
        return where
    deadline = time.monotonic() + _STARTING_S
    while True:
        try:
            found = presence(where.data)
            if found is None:
                check_own_log(where.data)
            return Target(where.data, found.url, found.token) if found else None
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _request(where: Target, method: str, path: str, body: bytes | None = None, *, timeout_s: float = _TIMEOUT_S) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(_fetch(where, method, path, body, timeout_s) or b"null")
    except ValueError as error:
        raise Unavailable(_STRANGER) from error


def _fetch(where: Target, method: str, path: str, body: bytes | None = None, timeout_s: float = _TIMEOUT_S) -> bytes:
    request = urllib.request.Request(where.server + path, body, method=method)  # noqa: S310 - scheme was checked
    if where.token:
        request.add_header("Authorization", f"Bearer {where.token}")
    if body is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with _opener(where.server).open(request, timeout=timeout_s) as answered:
            return bytes(answered.read())
    except urllib.error.HTTPError as error:
        raise _refusal(error) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise Refused(
                "The server's certificate is not trusted here. For one of your own, name it in the environment: "
                "SSL_CERT_FILE=cert.pem"
            ) from error
        raise Unavailable("The server does not answer. Is it running, and is the address right?") from error
    except TimeoutError as error:
        raise Unavailable("The server does not answer in time. Is it busy, or stopped?") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(_STRANGER) from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the address that was given, and to no other."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - urllib's
        return None


def _opener(server: str) -> urllib.request.OpenerDirector:
    """Make what asks. A proxy of the environment is not for this machine, and would be told the token."""
    proxies = urllib.request.ProxyHandler({}) if server.startswith("http:") else urllib.request.ProxyHandler()
    return urllib.request.build_opener(proxies, _NoRedirect())


def _refusal(error: urllib.error.HTTPError) -> HearingError:
    if 300 <= error.code < 400:
        return Refused("The server sends elsewhere. Give the address it sends to as --server, if you trust it.")
    wire = Wire()
    with contextlib.suppress(msgspec.DecodeError, OSError):
        wire = msgspec.json.decode(error.read(), type=Wire)
    kinds: dict[int, type[HearingError]] = {404: NotFound, 409: Conflict, 503: Unavailable}
    return kinds.get(error.code, Refused)(wire.text)


def _token(file: str) -> str:
    token = os.environ.get("HEARING_STAFF_TOKEN", "")
    if file or not token:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            token = Path(file).read_text("ascii")
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise Refused(
            "--server needs a staff token, one line of text: --token-file FILE, or the environment variable "
            "HEARING_STAFF_TOKEN."
        )
    return token
