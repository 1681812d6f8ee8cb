"""Nothing that is not public is in anything public: every public route is read, beside items in every state."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.types import Message

from hearing.access import Capability
from hearing.events import public_stream
from hearing.qa import receipt
from hearing.qa.acts import Accept, Act, Answer, Ask, Decline, Note, Publish, Route, TurnTo, Unpublish
from hearing.qa.intake import Submission
from hearing.qa.receipt import Keys
from hearing.site import media
from tests.site.test_desk_routes import PUBLIC
from tests.site.walking import BRIEFING, MEETING, OPEN, QUIET, Whole, whole

ENDLESS = {"/api/meetings/{meeting}/events": b"event: state", "/m/{meeting}/text": b'<section class="log"'}
SOUND = "/listen/{meeting}/{channel}"
HIDDEN = {
    "received": (),
    "accepted": (Accept(), Note("note-of-accepted"), Ask("asked-of-accepted")),
    "declined": (Decline("abusive", "why-declined"),),
    "routed": (Accept(), Route()),
    "unpublished": (Accept(), Publish("cleaned-unpublished"), Unpublish()),
}
SEAT = "seat-of-nobody"
_PLAIN = {"Accept-Encoding": "identity"}


class Cast:
    """What was sent, and what of it nobody outside may see."""

    def __init__(self) -> None:
        self.secrets: list[str] = []
        self.shown: list[str] = []


@pytest.fixture
async def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Whole]:
    monkeypatch.setattr(media, "_FIRST_S", 0.0)  # nothing is recorded here: do not wait for it
    async with whole(tmp_path) as running:
        yield running


async def send(app: Whole, dialogue: str, text: str, *acts: Act) -> Keys:
    keys = receipt.keys(receipt.mint())
    ceiling = "public-text" if dialogue == OPEN else "committee"
    name = f"name-of-{text}" if dialogue == OPEN else ""
    await app.office.submit(dialogue, keys, Submission("question", text, "en", ceiling, name=name))  # type: ignore[arg-type]
    who = await app.office.capability(await app.session("moderator", dialogue))
    for act in acts:
        version = (await app.office.moderators.item(who, dialogue, keys.item)).version
        await app.office.moderators.decide(who, dialogue, keys.item, version, act)
    return keys


async def play(app: Whole) -> Cast:
    """Have items in every state in both dialogues, one of them public, and one act too young to be final."""
    cast = Cast()
    await app.office.invite(Capability("staff", ""), OPEN, "member", SEAT)
    for dialogue in (OPEN, QUIET):
        for state, acts in HIDDEN.items():
            if dialogue == OPEN or state != "unpublished":
                keys = await send(app, dialogue, f"text-{state}-{dialogue}", *acts)
                cast.secrets += [keys.item, keys.auth, receipt.auth_hash(keys.auth), f"text-{state}-{dialogue}"]
        withdrawn = await send(app, dialogue, f"text-withdrawn-{dialogue}", Accept())
        await app.office.withdraw(withdrawn)
        cast.secrets += [withdrawn.item, f"text-withdrawn-{dialogue}"]
    public = await send(app, OPEN, "text-public", Accept(), Note("note-of-public"), Publish("cleaned-public"))
    taken = await send(app, OPEN, "text-taken-back", Accept(), Publish())
    await settle(app)
    who = await app.office.capability(await app.session("moderator", OPEN))
    for act in (TurnTo("next"), Answer(body="answer-public")):
        version = (await app.office.moderators.item(who, OPEN, public.item)).version
        await app.office.moderators.decide(who, OPEN, public.item, version, act)
    await settle(app)
    await app.office.withdraw(taken)
    young = await send(app, OPEN, "text-held-back", Accept(), Publish("cleaned-held-back"))
    await step(app)
    cast.secrets += [public.item, taken.item, young.item, "text-public", "name-of-", "text-taken-back", "held-back"]
    cast.secrets += ["note-of-", "asked-of-", "why-declined", "unpublished", SEAT, "abusive", str(_bucket(app))]
    cast.secrets += [str(app.clock.ms)[:8], str(app.clock.ms - 20_000)[:8]]
    cast.shown += ["cleaned-public", "answer-public"]
    return cast


def _bucket(app: Whole) -> int:
    return app.clock.ms - app.clock.ms % 300_000


async def settle(app: Whole) -> None:
    app.clock.settle()
    await step(app)


async def step(app: Whole) -> None:
    for dialogue in (OPEN, QUIET):
        await (await app.office._desks.of(dialogue)).publisher.step()


async def events(app: Whole, meeting: str) -> str:
    """Return everything of a public stream, as it is stored."""
    records = await app.log.read(public_stream(meeting), 0, 10_000)
    return "\n".join(record.body.decode() for record in records)


async def begun(app: Whole, path: str, until: bytes) -> str:
    """Return what an answer without end holds through the chunk that has what is waited for."""
    body, there = bytearray(), asyncio.Event()
    sent = {"type": "http.request", "body": b"", "more_body": False}

    async def receive() -> Message:
        return sent if not body else await asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        body.extend(message.get("body", b""))
        if until in body:
            there.set()

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "server": ("x", 80)}
    reading = asyncio.ensure_future(app.app(scope, receive, send))
    async with asyncio.timeout(60):
        await there.wait()
    reading.cancel()
    await asyncio.wait([reading])
    return body.decode()


DOCUMENT = "/api/openapi.json"
"""It is made of the code alone, and names every reason for which an item may be declined."""


async def read_everything(app: Whole) -> dict[str, str]:
    """Ask every public route, but for the sound, for both dialogues and meetings; headers and all."""
    found: dict[str, str] = {}
    paths = {step.path for step in app.steps() if str(step) in PUBLIC and step.method == "GET"} - {*ENDLESS, SOUND}
    async with app.client() as anybody:
        for dialogue, meeting in ((OPEN, BRIEFING), (QUIET, MEETING)):
            app.known |= {"dialogue": dialogue, "meeting": meeting}
            for path in sorted(paths):
                for language in ("en", "ar"):
                    answer = await anybody.get(app.address(path), params={"l": language}, headers=_PLAIN)
                    assert answer.status_code < 500, path
                    found[f"{path} of {dialogue} in {language}"] = f"{answer.headers}\n{answer.text}"
            found[f"events of {meeting}"] = await events(app, meeting)
            for path, until in ENDLESS.items():
                found[f"{path} of {dialogue}"] = await begun(app, app.address(path), until)
    return found


async def test_every_public_route_shows_what_is_public_and_no_trace_of_anything_else(app: Whole) -> None:
    cast = await play(app)
    answers = await read_everything(app)
    assert len(answers) > 60
    told = {where: text for where, text in answers.items() if not where.startswith(DOCUMENT)}
    leaks = [(where, secret) for where, text in told.items() for secret in cast.secrets if secret in text]
    assert leaks == []
    for shown in cast.shown:
        places = [where for where, text in answers.items() if shown in text]
        assert {"events of briefing", "/m/{meeting} of brief in en"} <= set(places)
        assert not [where for where in places if QUIET in where.split()]


async def test_a_confidential_dialogue_with_hundreds_of_items_looks_like_one_with_none(app: Whole) -> None:
    app.known |= {"item": "0" * 32}
    before = await read_everything(app)
    for number in range(100):
        await send(app, QUIET, f"text {number}", *((Accept(), Route()) if number % 2 else (Decline("other"),)))
    await settle(app)
    after = await read_everything(app)
    changes = {where for where in before if _same(before[where]) != _same(after[where])}
    assert changes == set()


def _same(answer: str) -> str:
    """Take the receipt out, which every form has anew."""
    return re.sub(r"<span>\d{2,4}</span>|(?:\d{4} ){6}\d{2}", "", answer)


async def test_positions_of_the_public_stream_leave_no_gap_and_their_ids_say_nothing(app: Whole) -> None:
    await play(app)
    records = await app.log.read(public_stream(BRIEFING), 0, 10_000)
    assert [record.position for record in records] == list(range(1, len(records) + 1))
    ids = re.findall(r'"question":"([^"]+)"', await events(app, BRIEFING))
    assert all(re.fullmatch(r"[0-9a-f]{20}", one) for one in ids)
    bodies = [json.loads(record.body) for record in records if record.body]
    told = {name for body in bodies if body["type"].startswith("question.") for name in body}
    assert told <= {
        "type",
        "question",
        "kind",
        "language",
        "text",
        "theme",
        "name",
        "turn",
        "nth",
        "meeting",
        "segments",
    }
