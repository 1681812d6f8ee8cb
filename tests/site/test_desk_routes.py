"""The route table, walked: every route is public by name here, or refuses whoever has no right to it.

A new route fails the first test until it asks for its capability, or stands in PUBLIC with all who read this file.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from tests.site.walking import BRIEFING, HOST, MEETING, OPEN, QUIET, READING, SEATS, Step, Whole, whole

READ = {
    "/static/{version}/{name:path}",
    "/favicon.ico",
    "/api/openapi.json",
    "/api/meetings",
    "/api/meetings/{meeting}",
    "/api/meetings/{meeting}/events",
    "/api/meetings/{meeting}/segments",
    "/api/dialogues/{dialogue}/public",
    "/media/{meeting}/master.m3u8",
    "/media/{meeting}/{rendition}/index.m3u8",
    "/media/{meeting}/{rendition}/{file}",
    "/listen/{meeting}/{channel}",
    "/",
    "/m/{meeting}",
    "/m/{meeting}/text",
    "/m/{meeting}/{channel}.{kind}",
    "/m/{meeting}/{channel}/{segment}",
    "/api/meetings/{meeting}/export",
    "/search",
    "/api/search",
    "/m/{meeting}/ask",
    "/m/{meeting}/asked",
    "/d/{dialogue}/ask",
    "/d/{dialogue}/mine",
    "/d/{dialogue}/wall",
    "/staff/{dialogue}/accept",
    "/staff/accept",
    "/closedcaption/seq",
}
SENT = {
    "POST /d/{dialogue}/ask",
    "POST /d/{dialogue}/mine",
    "POST /d/{dialogue}/support",
    "POST /staff/{dialogue}/accept",
    "POST /staff/accept",
    "POST /closedcaption",
    "PUT /api/dialogues/{dialogue}/items/{item}",
    "POST /api/dialogues/{dialogue}/items/{item}/{act}",
}
PUBLIC = SENT | {f"{method} {path}" for path in READ for method in ("GET", "HEAD")}
"""What anybody may ask for, with nothing in their hands."""


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Whole]:
    async with whole(tmp_path) as running:
        yield running


async def answer(client: httpx.AsyncClient, app: Whole, step: Step, **more: object) -> int:
    """Return the status that a route answers a form without fields with."""
    form = {} if step.method in READING else {"data": {"act": "none"}}
    sent = await client.request(step.method, app.address(step.path), **{**form, **more})  # type: ignore[arg-type]
    return sent.status_code


async def unguarded(app: Whole) -> list[str]:
    """Return what is neither public nor refused: 401 without a capability, 403 with any of another dialogue."""
    guarded = [step for step in app.steps() if str(step) not in PUBLIC]
    found: list[str] = []
    async with app.client() as nobody:
        found += [f"{step}: {status}" for step in guarded if (status := await answer(nobody, app, step)) != 401]
    for role in SEATS:
        session = await app.session(role, QUIET)
        async with app.client(session, session) as stranger:
            tried = [(step, await answer(stranger, app, step)) for step in guarded]
            found += [f"{step} as {role} of another: {status}" for step, status in tried if status != 403]
    return found


async def test_every_route_is_public_by_name_or_asks_for_a_capability_of_its_dialogue(app: Whole) -> None:
    assert all(isinstance(route, Route | WebSocketRoute) for route in app.site.routes)
    steps = {str(step) for step in app.steps()}
    assert PUBLIC - steps == set(), "these are gone: take them out of PUBLIC"
    assert len(steps - PUBLIC) >= 14
    assert await unguarded(app) == []


async def test_the_walk_finds_a_route_that_somebody_forgot_to_guard(app: Whole) -> None:
    async def forgot(_request: Request) -> Response:
        return PlainTextResponse("every secret")

    app.site.router.routes.insert(0, Route("/d/{dialogue}/forgotten", forgot))
    assert len(await unguarded(app)) == 2 * (1 + len(SEATS))


async def test_a_dialogue_that_does_not_exist_is_no_more_open_than_others(app: Whole) -> None:
    app.known["dialogue"] = "nowhere"
    assert await unguarded(app) == []


async def test_a_seat_of_the_dialogue_opens_the_pages_of_its_role_alone(app: Whole) -> None:
    pages = {"queue": ["moderator"], "queue/position": ["moderator"], "member": ["member"]}
    pages |= {"notices": ["moderator", "chair"], "chair": ["moderator", "chair"], "caption": ["captioner"]}
    for role in SEATS:
        async with app.client(await app.session(role, OPEN)) as client:
            for page, roles in pages.items():
                asked = await client.get(f"/d/{OPEN}/{page}")
                assert asked.status_code == (200 if role in roles else 403), (role, page)
                assert (asked.headers["Cache-Control"] == "no-store") is (role in roles)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": HOST.replace("http", "https") + ".elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": HOST, "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_nothing_that_changes_something_is_taken_from_a_page_of_another_site(
    app: Whole, headers: dict[str, str]
) -> None:
    async with await app.everybody() as client:
        for step in [step for step in app.steps() if step.method not in READING]:
            assert await answer(client, app, step, headers=headers) == 403, step
    assert app.known["item"] in (await app.office._desks.of(OPEN)).desk.state.items
    async with app.client() as anybody:
        phases = {one["id"]: one["phase"] for one in (await anybody.get("/api/meetings")).json()["meetings"]}
    assert phases == {MEETING: "open", BRIEFING: "open"}


@pytest.mark.parametrize("headers", [{}, {"Origin": HOST, "Sec-Fetch-Site": "same-origin"}, {"Origin": "null"}])
async def test_our_own_pages_and_browsers_that_say_nothing_are_let_through(app: Whole, headers: dict[str, str]) -> None:
    closing = ("POST /api/meetings/{meeting}/close", "POST /staff/meetings/{meeting}/close")
    async with await app.everybody() as client:
        for step in [step for step in app.steps() if step.method not in READING and str(step) not in closing]:
            assert await answer(client, app, step, headers=headers) not in (401, 403, 405, 500), step


async def test_every_body_has_a_bound(app: Whole) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"a=" + b"x" * 10_000

    async with await app.everybody() as client:
        for step in [step for step in app.steps() if step.method not in READING]:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            assert await answer(client, app, step, content=endless(), headers=kind, data=None) == 413, step


async def test_a_page_that_is_refused_says_so_in_words_and_the_api_in_json(app: Whole) -> None:
    async with app.client() as nobody:
        page = await nobody.get(f"/d/{OPEN}/queue")
        assert "By invitation" in page.text
        told = await nobody.post(f"/api/dialogues/{OPEN}/invites", json={"role": "moderator"})
        assert (told.status_code, told.json()["code"]) == (401, "unauthorized")
