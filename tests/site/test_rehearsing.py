"""A rehearsal is there for staff; for everybody else it is as if it never was, on every route there is."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from hearing.board.memory import MemoryBoard
from hearing.events import encode
from hearing.house import HouseKeeper
from hearing.house_events import HOUSE, InviteBound, InviteCreated
from hearing.log.memory import MemoryLog
from hearing.log.window import Windows
from hearing.qa.invites import hashed, new_token
from hearing.qa.office import Office
from hearing.site.app import build
from hearing.site.session import cookie_name
from hearing.store.folder import FolderStore
from hearing.stream.frames import Track
from hearing.stream.index import tracks_name
from hearing.transcribe.dispatch import Dispatch
from tests.site.serving import MEETING, TOKEN, ZERO_MS, Speaker, Staffing, meeting

HOST = "http://hearing.test"
NEVER = "arlandia-rehearsal-9"
KNOWN = {
    "channel": "en",
    "rendition": "audio-en",
    "file": "en.vtt",
    "kind": "vtt",
    "segment": "0",
    "invite": "0" * 16,
}
STAFF_ALONE = ("/readiness", "/setup", "/redactions", "/names", "/glossary", "/revision")
WAIT_S = 60.0


class Stage(msgspec.Struct):
    """The whole app with a planned meeting, a rehearsal of it that has spoken, and another meeting that is open."""

    app: ASGIApp
    log: MemoryLog
    keeper: HouseKeeper
    rehearsal: str

    def client(self, bearer: str = "", session: str = "") -> httpx.AsyncClient:
        """Be a stranger, or staff with a token, or with a session of the house."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url=HOST,
            headers={"Authorization": f"Bearer {bearer}"} if bearer else None,
            cookies={cookie_name(_Request(), ""): session} if session else None,  # type: ignore[arg-type]
        )

    def steps(self) -> list[tuple[str, str]]:
        """Return every route with a meeting in its address, with each of its methods."""
        site = self.app._app  # type: ignore[attr-defined]
        assert isinstance(site, Starlette)
        routes = [route for route in site.routes if isinstance(route, Route) and "{meeting}" in route.path]
        return [(method, route.path) for route in routes for method in sorted(route.methods or ())]

    async def house_session(self, role: str = "staff") -> str:
        """Return a session of somebody with this role in the whole house."""
        session = new_token()
        invite = session.split(".")[0]
        made = InviteCreated(invite, role, "", "x", at_ms=ZERO_MS, expires_ms=ZERO_MS + 1)  # type: ignore[arg-type]
        await self.log.append(HOUSE, [encode(made), encode(InviteBound(invite, hashed(session), ZERO_MS))])
        return session


class _Request:
    """As much of a request as names a cookie."""

    url = httpx.URL(HOST)
    headers: Mapping[str, str] = MappingProxyType({})


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    (tmp_path / "data").mkdir()
    async with (
        MemoryLog() as log,
        FolderStore(tmp_path / "media") as store,
        MemoryBoard() as board,
        Windows(log) as windows,
        Office(
            log,
            board,
            vault=tmp_path / "data" / "vault.db",
            key_file=tmp_path / "state" / "kek",
            now_ms=lambda: ZERO_MS + 1000,
        ) as office,
    ):
        keeper = await HouseKeeper(log, lambda: ZERO_MS).start()
        app = build(
            log=log,
            windows=windows,
            board=board,
            store=store,
            house=keeper.house,
            staff=Staffing(keeper),
            office=office,
            dispatch=Dispatch(log, board),
            worker_token="w" * 40,
            now_ms=lambda: ZERO_MS + 1000,
        )
        await keeper.create(meeting())
        rehearsal = await keeper.rehearse(MEETING)
        await keeper.create(meeting("other", title="Other"))
        await keeper.open("other")
        for spoken in (rehearsal, "other"):
            speaker = Speaker(log, spoken)
            await speaker.begin()
            await speaker.words("en", "Sound check, one, two.")
        await store.replace(tracks_name(rehearsal), msgspec.json.encode([Track("audio-en", "audio", "en")]))
        yield Stage(app, log, keeper, rehearsal)


def address(path: str, meeting_id: str) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: {**KNOWN, "meeting": meeting_id}[found[1]], path)


async def answered(client: httpx.AsyncClient, method: str, path: str) -> tuple[int, bytes, dict[str, str]]:
    async with asyncio.timeout(WAIT_S):  # an answer without end would be a rehearsal's feed
        answer = await client.request(method, path)
    return answer.status_code, answer.content, dict(answer.headers)


def of_no_meeting(answer: tuple[int, bytes, dict[str, str]], meeting_id: str) -> tuple[int, bytes, dict[str, str]]:
    status, content, headers = answer
    return status, content.replace(meeting_id.encode(), b"*"), headers | {"content-length": ""}


async def test_no_route_tells_the_public_a_rehearsal_from_an_id_that_never_was(stage: Stage) -> None:
    assert len(NEVER) == len(stage.rehearsal)
    steps = stage.steps()
    assert ("GET", "/listen/{meeting}/{channel}") in steps
    async with stage.client() as stranger:
        for method, path in steps:
            found = [
                of_no_meeting(await answered(stranger, method, address(path, one)), one)
                for one in (stage.rehearsal, NEVER)
            ]
            assert found[0] == found[1], f"{method} {path}"
            for_staff = method not in {"GET", "HEAD"} or path.startswith("/staff") or path.endswith(STAFF_ALONE)
            assert found[0][0] == (401 if for_staff else 404), path


async def test_nothing_public_mentions_it(stage: Stage) -> None:
    async with stage.client() as stranger:
        for path in ("/", "/api/meetings", "/d/arl/wall", "/d/arl/ask", "/api/dialogues/arl/public", "/m/other"):
            status, content, _ = await answered(stranger, "GET", path)
            assert status == 200, path
            assert b"rehears" not in content.lower(), path


async def test_a_moderator_is_the_public_and_so_is_a_wrong_token(stage: Stage) -> None:
    for client in (stage.client("x" * 40), stage.client(session=await stage.house_session("moderator"))):
        async with client:
            assert (await answered(client, "GET", f"/m/{stage.rehearsal}"))[0] == 404
            assert b"rehears" not in (await answered(client, "GET", "/api/meetings"))[1]


async def test_staff_see_it_by_token_and_by_session_and_nothing_of_it_is_kept(stage: Stage) -> None:
    for client in (stage.client(TOKEN), stage.client(session=await stage.house_session())):
        async with client:
            for path in (
                "/m/{meeting}",
                "/m/{meeting}/asked",
                "/m/{meeting}/en.txt",
                "/api/meetings/{meeting}/segments",
            ):
                status, _, headers = await answered(client, "GET", address(path, stage.rehearsal))
                assert (status, headers["cache-control"]) == (200, "no-store"), path
            assert b"Sound check" in (await answered(client, "GET", f"/m/{stage.rehearsal}?channel=en"))[1]
            listed = msgspec.json.decode((await answered(client, "GET", "/api/meetings"))[1])["meetings"]
            assert [one.get("rehearses", "") for one in listed] == ["", MEETING, ""]
            home = (await answered(client, "GET", "/"))[1]
            assert b"rehears" not in home


async def test_what_staff_saw_does_not_stay_seen(stage: Stage) -> None:
    async with stage.client(TOKEN) as staff, stage.client() as stranger:
        for _ in range(3):
            assert (await answered(staff, "GET", f"/m/{stage.rehearsal}"))[0] == 200
            assert (await answered(stranger, "GET", f"/m/{stage.rehearsal}"))[0] == 404


async def test_staff_rehearse_check_and_purge_over_the_api(stage: Stage) -> None:
    async with stage.client(TOKEN) as staff:
        refused = await staff.post(f"/api/meetings/{MEETING}/rehearse")
        assert refused.status_code == 409
        assert (await staff.post(f"/api/meetings/{stage.rehearsal}/purge")).status_code == 204
        assert (await staff.post(f"/api/meetings/{stage.rehearsal}/purge")).status_code == 204
        assert (await staff.get(f"/m/{stage.rehearsal}")).status_code == 404
        assert (await staff.post(f"/api/meetings/{MEETING}/purge")).status_code == 409
        made = await staff.post(f"/api/meetings/{MEETING}/rehearse")
        assert (made.status_code, made.json()["rehearses"], made.json()["phase"]) == (201, MEETING, "open")
        checked = (await staff.get(f"/api/meetings/{MEETING}/readiness")).json()
        assert checked["verdict"] == "warn"
        assert checked["findings"][0]["text"] == "Track 2 (fr) is silent in its first seconds."


async def test_the_buttons_want_a_session_of_the_house_and_a_page_of_ours(stage: Stage) -> None:
    purge, rehearse = f"/staff/meetings/{stage.rehearsal}/purge", f"/staff/meetings/{MEETING}/rehearse"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with stage.client() as stranger, stage.client(session=await stage.house_session("moderator")) as moderator:
        assert (await stranger.post(purge, headers=form)).status_code == 401
        assert (await moderator.post(purge, headers=form)).status_code == 403
    async with stage.client(session=await stage.house_session()) as staff:
        assert (await staff.post(purge, headers={**form, "Origin": "https://evil.example"})).status_code == 403
        assert stage.rehearsal in stage.keeper.house().meetings
        done = await staff.post(f"{purge}?l=fr", headers=form)
        assert (done.status_code, done.headers["location"]) == (303, f"/staff/meetings/{MEETING}?l=fr")
        assert done.headers["cache-control"] == "no-store"
        again = await staff.post(rehearse, headers=form)
        assert (again.status_code, again.headers["location"]) == (303, f"/staff/meetings/{MEETING}")
        assert len(stage.keeper.house().rehearsals(MEETING)) == 1


async def test_the_real_meeting_is_the_dialogues_meeting_even_for_staff(stage: Stage) -> None:
    async with stage.client(TOKEN) as staff:
        page = (await staff.get(f"/m/{stage.rehearsal}/asked")).text
    assert "meeting=other" in page
    assert f"meeting={stage.rehearsal}" not in page


async def test_a_meeting_made_by_a_program_is_never_a_rehearsal(stage: Stage) -> None:
    wanted = msgspec.to_builtins(meeting("third", rehearses=MEETING))
    async with stage.client(TOKEN) as staff, stage.client() as stranger:
        assert (await staff.post("/api/meetings", json=wanted)).status_code == 201
        assert (await answered(stranger, "GET", "/api/meetings/third"))[0] == 200
