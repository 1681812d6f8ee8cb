"""The document tells every address under /api and no other, and what it tells of the answers is so."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.routing import Route

from hearing.events import GapMarked, PassageHidden, QuietMarked, encode, public_stream
from hearing.site import openapi, readiness
from hearing.site.operations import EVENTS, OPERATIONS
from tests.site.schemas import faults
from tests.site.serving import MEETING, Speaker, hold_meeting, serving
from tests.site.test_feed import Heard, listen
from tests.site.walking import OPEN, Whole, whole

DOCUMENT: dict[str, Any] = json.loads(openapi.encoded())
DOCS = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Whole]:
    async with whole(tmp_path) as running:
        yield running


def told() -> set[str]:
    return {f"{method.upper()} {path}" for path, of in DOCUMENT["paths"].items() for method in of}


def every(node: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    """Return every object in a document."""
    match node:
        case dict():
            return [node, *(one for value in node.values() for one in every(value))]
        case list():
            return [one for value in node for one in every(value)]
        case _:
            return []


async def test_every_address_of_the_api_is_in_the_document_and_no_other(app: Whole) -> None:
    routes = [route for route in app.site.routes if isinstance(route, Route) and route.path.startswith("/api")]
    served = {f"{method} {route.path}" for route in routes for method in (route.methods or set()) - {"HEAD"}}
    assert served - told() == set(), "add these to hearing/site/operations.py"
    assert told() - served == set(), "these are gone: take them out of hearing/site/operations.py"


async def test_it_is_served_as_it_is_made_and_answers_304(app: Whole) -> None:
    async with app.client() as anybody:
        first = await anybody.get(openapi.PATH)
        assert (first.status_code, first.headers["Content-Type"]) == (200, "application/json")
        assert first.json() == DOCUMENT
        again = await anybody.get(openapi.PATH, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_every_reference_leads_somewhere_and_nothing_is_left_over() -> None:
    refs = {one["$ref"].rpartition("/")[2] for one in every(DOCUMENT) if "$ref" in one}
    assert refs - set(DOCUMENT["components"]["schemas"]) == set()
    derived = {"CreateMeetingBody"}
    assert set(DOCUMENT["components"]["schemas"]) - refs <= derived - refs


def test_it_is_what_openapi_31_asks_for() -> None:
    """The rules of the specification that readers stumble over: unique ids, parameters of every path, responses."""
    assert DOCUMENT["openapi"] == "3.1.0"
    operations = [(path, one) for path, of in DOCUMENT["paths"].items() for one in of.values()]
    ids = [one["operationId"] for _, one in operations]
    assert len(ids) == len(set(ids))
    tags = {one["name"] for one in DOCUMENT["tags"]}
    for path, one in operations:
        named = [part["name"] for part in one.get("parameters", []) if part["in"] == "path"]
        assert named == re.findall(r"\{(\w+)\}", path)
        assert all(part["required"] for part in one.get("parameters", []) if part["in"] == "path")
        assert set(one["tags"]) <= tags
        assert all(
            re.fullmatch(r"[1-5]\d\d", code) and answer["description"] for code, answer in one["responses"].items()
        )
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in DOCUMENT["components"]["schemas"])


def test_only_staff_are_asked_for_a_token() -> None:
    for one in OPERATIONS:
        made = DOCUMENT["paths"][one.path][one.method.lower()]
        assert ("security" in made) is (one.tag == "staff")
        assert ("401" in made["responses"]) >= (one.tag == "staff")


def test_what_only_the_server_sets_is_not_asked_for() -> None:
    body = DOCUMENT["components"]["schemas"]["CreateMeetingBody"]
    assert {"type", "created_ms", "rehearses"} & set(body["properties"]) == set()
    assert {"meeting", "dialogue", "title", "source"} <= set(body["required"])


async def check(answer: httpx.Response, method: str, path: str) -> None:
    """Fail where an answer is not what the document says."""
    responses = DOCUMENT["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in responses, (method, path, answer.status_code, answer.text)
    content = responses[str(answer.status_code)].get("content")
    if content is None:
        assert answer.content == b""
        return
    kind = answer.headers["Content-Type"].partition(";")[0]
    assert kind in content, (method, path, kind)
    if kind == "application/json":
        assert faults(answer.json(), content[kind]["schema"], DOCUMENT) == [], (method, path)


QUERIES = {"/api/search": "?q=article", "/api/meetings/{meeting}/export": "?channel=en&format=docx"}
BODIES: dict[str, Any] = {
    "createMeeting": {
        "meeting": "third",
        "dialogue": "third",
        "title": "Third",
        "profile": "open",
        "channels": [{"id": "en", "language": "en", "track": 0}],
        "source": "/a.mkv",
        "agenda": [{"id": "a", "title": "A", "minutes": 4}],
    },
    "inviteStaff": {"role": "staff"},
    "inviteToDialogue": {"role": "moderator"},
}


async def test_every_answer_of_the_api_is_as_the_document_says(app: Whole) -> None:
    await Speaker(app.log, app.known["meeting"]).speak()
    async with app.client(bearer="s" * 40) as wrong, await app.everybody() as staff, app.client() as nobody:
        for one in OPERATIONS:
            if one.answer == ("text/event-stream",):
                continue
            address = app.address(one.path) + QUERIES.get(one.path, "")
            body = BODIES.get(one.name)
            for client in (nobody, wrong, staff):
                sent = {"json": body} if body is not None or one.method != "GET" else {}
                await check(await client.request(one.method, address, **sent), one.method, one.path)  # type: ignore[arg-type]
        created = await staff.post("/api/meetings", json=BODIES["createMeeting"])
        assert created.status_code == 409


async def test_what_is_not_there_and_what_is_not_understood_is_said_as_the_document_says(app: Whole) -> None:
    app.known |= {"meeting": "nowhere", "dialogue": "nowhere", "item": "f" * 32}
    async with await app.everybody() as staff:
        for one in OPERATIONS:
            if 404 in one.faults or 400 in one.faults:
                sent = {} if one.method == "GET" else {"json": {"auth": "0" * 64, "role": "moderator"}}
                answer = await staff.request(one.method, app.address(one.path) + "?limit=x", **sent)  # type: ignore[arg-type]
                assert answer.status_code in (400, 404), one.name
                await check(answer, one.method, one.path)


async def test_an_item_can_be_sent_and_asked_about_by_the_document(app: Whole) -> None:
    path = "/api/dialogues/{dialogue}/items/{item}"
    schemas = DOCUMENT["components"]["schemas"]
    app.known["item"] = "398b2571a0aae51034f15803dc25b8a7"
    proof = {"auth": "f9872c03ffdb15fe6db9dbc00bffaa474064e902b893281f3ac817a831da52fd"}
    sent = {**proof, "kind": "question", "text": "What of the wells?", "language": "en", "ceiling": "public-text"}
    assert faults(sent, schemas["SentItem"], DOCUMENT) == []
    async with app.client() as anybody:
        answer = await anybody.put(app.address(path), json=sent)
        assert answer.status_code == 200
        await check(answer, "PUT", path)
        for act, more in (("status", {}), ("narrow", {"ceiling": "secretariat"}), ("withdraw", {}), ("status", {})):
            app.known["act"] = act
            assert faults({**proof, **more}, schemas["Proof"], DOCUMENT) == []
            answer = await anybody.post(app.address(path + "/{act}"), json={**proof, **more})
            assert answer.status_code == 200, act
            await check(answer, "POST", path + "/{act}")
        assert (await anybody.get(f"/api/dialogues/{OPEN}/public")).status_code == 200


async def test_every_event_that_is_sent_is_as_the_document_says() -> None:
    async with serving() as site:
        await hold_meeting(site)
        told = [
            PassageHidden("a" * 16, 0, 2000),
            QuietMarked("en", 60_000, 90_000),
            GapMarked("en", 90_000, 91_000, "unheard"),
        ]
        await site.log.append(public_stream(MEETING), [encode(event) for event in told])
        heard: list[Heard] = []
        async with asyncio.timeout(60), contextlib.aclosing(listen(site.url, "7.1")) as events:
            async for one in events:
                heard.append(one)
                if one.name == "gap":
                    break
    assert {one.name for one in heard} >= {"reset", "words", "segment", "state", "gap", "quiet", "hidden"}
    for one in heard:
        assert faults(one.body, DOCUMENT["x-events"][one.name]["data"], DOCUMENT) == [], one.name


def test_the_check_of_answers_can_fail() -> None:
    schema = {"$ref": "#/components/schemas/Fault"}
    good = {"code": "gone", "text": "It is gone."}
    assert faults(good, schema, DOCUMENT) == []
    broken: list[Any] = [{"code": "gone"}, {**good, "more": 1}, {**good, "code": 3}, [], {**good, "text": None}]
    for bad in broken:
        assert faults(bad, schema, DOCUMENT), bad


def test_a_finding_s_values_are_told_whatever_they_are() -> None:
    finding = readiness.FindingAnswer("disk", "go", "disk-enough", {"free": 1.5, "hours": 2, "where": "x"}, "a", "b")
    answer = readiness.ReadinessAnswer("go", [finding])
    value = json.loads(msgspec.json.encode(answer))
    assert faults(value, {"$ref": "#/components/schemas/ReadinessAnswer"}, DOCUMENT) == []


def test_the_events_of_the_document_are_those_of_the_docs() -> None:
    table = DOCS.partition("## Events")[2].partition("\n\n")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(EVENTS)
    assert set(DOCUMENT["x-events"]) == set(EVENTS)
