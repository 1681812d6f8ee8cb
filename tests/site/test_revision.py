"""Staff decide what a second pass proposes: by ticks, by channel or all of it; nobody else sees a word of it."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from hearing.access import Capability
from hearing.events import Cut, Ended, PassageHidden, RecordCorrected, decode_public, public_stream
from hearing.redacting import Redactor
from hearing.redaction import Wanted
from hearing.revision_events import RevisionDeclined, RevisionEvent, decode_revision, revision_stream
from hearing.site import revising, revision
from hearing.site.folds import Fold
from hearing.store.folder import FolderStore
from tests.site.desking import MEETING, QUIET, Desk, browser_of, desk, fields
from tests.site.serving import SPEECH, TOKEN
from tests.site.test_correcting import corrections
from tests.site.walking import SEATS

PAGE = f"/staff/meetings/{MEETING}/revision"
API = f"/api/meetings/{MEETING}/revision"
STAFF = {"Authorization": f"Bearer {TOKEN}"}
WORD_MS = 300
EN = "Thank you, Madam Chair. I turn to article nineteen."
EN_1 = SPEECH["en"][1].replace("48", "forty-eight")
FR = "Merci, Monsieur le Président. J’en viens à l’article 9."
REASON = "second pass, model base"


@pytest.fixture
async def here() -> AsyncIterator[Desk]:
    async with desk() as running:
        await running.site.keeper.close(MEETING)
        await running.site.speaker.tell(Ended(10**6))
        yield running


@pytest.fixture
async def staff(here: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Be a browser of staff, with the token for programs too."""
    async with browser_of(here) as client:
        token = await here.office.invite(Capability("staff", ""), "", "staff", "Secretariat")
        asked = await client.post("/staff/accept", data={"invite": token})
        await client.post("/staff/accept", data=fields(asked.text))
        client.headers.update(STAFF)
        yield client


def piece(channel: str, *texts: str, model: str = "base") -> dict[str, Any]:
    """Say the first passages of a channel in other words, at the pace of the script."""
    words: list[tuple[str, int, int]] = []
    start = 0
    for said, text in zip(SPEECH[channel], texts, strict=False):
        words += [(one, start + n * WORD_MS, start + (n + 1) * WORD_MS) for n, one in enumerate(text.split())]
        start += len(said.split()) * WORD_MS + 500
    return {"channel": channel, "t0": 0, "t1": start - 200, "model": model, "words": words}


async def propose(staff: httpx.AsyncClient) -> None:
    """Let a second pass propose three texts: two of the floor, one in French."""
    assert (await staff.post(API, json=piece("en", EN, EN_1))).json() == {"proposed": 2}
    assert (await staff.post(API, json=piece("fr", FR))).json() == {"proposed": 1}


async def facts(here: Desk) -> list[RevisionEvent]:
    records = await here.site.log.read(revision_stream(MEETING), 0, 4096)
    return [event for record in records if (event := decode_revision(record.body))]


def ticks(page: str) -> list[str]:
    return re.findall(r'name="take" value="([^"]+)"', page)


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def test_a_second_pass_proposes_and_changes_nothing(here: Desk, staff: httpx.AsyncClient) -> None:
    head = await here.site.log.head(public_stream(MEETING))
    await propose(staff)
    page = (await staff.get(PAGE)).text
    assert ticks(page) == ["en.0 0 2", "en.1 0 3", "fr.0 0 5"]
    assert "article <del>9.</del>" in page
    assert "article <ins>nineteen.</ins>" in page
    assert f'href="/m/{MEETING}/en/0"' in page
    assert ticks((await staff.get(PAGE, params={"channel": "fr"})).text) == ["fr.0 0 5"]
    told = (await staff.get(API)).json()
    assert [(one["segment"], one["text"]) for one in told["proposals"]] == [("en.0", EN), ("en.1", EN_1), ("fr.0", FR)]
    assert [(one["channel"], one["model"]) for one in told["heard"]] == [("en", "base"), ("fr", "base")]
    assert await here.site.log.head(public_stream(MEETING)) == head
    assert await corrections(here) == []


async def test_the_same_again_proposes_nothing_more(here: Desk, staff: httpx.AsyncClient) -> None:
    await propose(staff)
    before = await facts(here)
    assert (await staff.post(API, json=piece("en", EN, EN_1))).json() == {"proposed": 0}
    assert await facts(here) == before


async def test_what_is_ticked_is_corrected_once_and_makes_a_release(here: Desk, staff: httpx.AsyncClient) -> None:
    await propose(staff)
    sent = {"act": "accept", "take": ["en.0 0 2", "fr.0 0 5"]}
    answer = await staff.post(PAGE, data=sent)
    assert "2 passages corrected." in answer.text
    assert ticks(answer.text) == ["en.1 0 3"]
    assert "2 passages corrected." in (await staff.post(PAGE, data=sent)).text, "it stands so"
    made = await corrections(here)
    assert [(one.segment, " ".join(one.words), one.role, one.reason, one.mark) for one in made] == [
        ("en.0", EN, "staff", REASON, "corrected"),
        ("fr.0", FR, "staff", REASON, "corrected"),
    ]
    records = await here.site.log.read(public_stream(MEETING), 0, 4096)
    assert isinstance(decode_public(records[-1].body), RecordCorrected)
    async with browser_of(here) as reader:
        assert "release r2" in html.unescape((await reader.get(f"/m/{MEETING}/en/0")).text)


async def test_all_of_a_channel_is_looked_at_and_then_accepted_as_it_was_seen(
    here: Desk, staff: httpx.AsyncClient
) -> None:
    await propose(staff)
    seen = await staff.post(PAGE, data={"act": "preview", "scope": "en"})
    assert await corrections(here) == []
    assert "2 passages would read so" in text_of(seen.text)
    sent = fields(seen.text, "seen") | {"act": "accept"}
    assert sent["scope"] == "en"
    changed = await staff.post(PAGE, data=sent | {"seen": "0" * 32})
    assert changed.status_code == 409
    assert await corrections(here) == []
    assert "2 passages corrected." in (await staff.post(PAGE, data=sent)).text
    assert [one.segment for one in await corrections(here)] == ["en.0", "en.1"]
    rest = fields((await staff.post(PAGE, data={"act": "preview", "scope": "*"})).text, "seen")
    assert "1 passage corrected." in (await staff.post(PAGE, data=rest | {"act": "accept"})).text
    assert "Nothing is proposed" in (await staff.get(PAGE)).text


async def test_more_than_a_page_holds_is_accepted_at_once_and_makes_one_release(
    here: Desk, staff: httpx.AsyncClient
) -> None:
    number = revision.MOST + 5
    words: list[tuple[str, int, int]] = []
    start = sum(len(text.split()) * WORD_MS + 500 for text in SPEECH["fr"])
    for _ in range(number):
        await here.site.speaker.words("fr", "oui")
        words.append(("non", start, start + WORD_MS))
        start += WORD_MS + 500
    sent = {"channel": "fr", "t0": 0, "t1": start, "model": "base", "words": words}
    assert (await staff.post(API, json=sent)).json() == {"proposed": number}
    page = (await staff.get(PAGE)).text
    assert len(ticks(page)) == revision.MOST
    assert "There are 5 more." in page
    seen = fields((await staff.post(PAGE, data={"act": "preview", "scope": "*"})).text, "seen")
    assert f"{number} passages corrected." in (await staff.post(PAGE, data=seen | {"act": "accept"})).text
    records = await here.site.log.read(public_stream(MEETING), 0, 4096)
    made = [one for record in records if isinstance(one := decode_public(record.body), RecordCorrected)]
    assert [len(one.made) for one in made] == [number]


async def test_a_text_that_somebody_wrote_since_stays(here: Desk, staff: httpx.AsyncClient) -> None:
    await propose(staff)
    async with browser_of(here, "moderator", QUIET) as editor:
        mended = {"meeting": MEETING, "segment": "en.0", "version": "0", "text": "Thank you.", "mark": "verified"}
        await editor.post(f"/d/{QUIET}/correct", data=mended | {"reason": "Compared"})
    answer = await staff.post(PAGE, data={"act": "accept", "take": ["en.0 0 2", "en.1 0 3", "en.9 0 99", "<b>"]})
    told = text_of(answer.text)
    assert "1 passage corrected." in told
    assert "2 passages were left as they are" in told
    assert "Somebody corrected this passage since you looked." in told
    made = await corrections(here)
    assert [(one.segment, one.mark) for one in made] == [("en.0", "verified"), ("en.1", "corrected")]
    assert (await staff.post(API, json=piece("en", EN, EN_1, model="large"))).json() == {"proposed": 0}
    assert ticks((await staff.get(PAGE)).text) == ["fr.0 0 5"]


async def test_what_is_declined_is_remembered(here: Desk, staff: httpx.AsyncClient) -> None:
    await propose(staff)
    sent = {"act": "decline", "take": ["en.0 0 2", "en.0 0 77"]}
    assert "1 proposal declined." in text_of((await staff.post(PAGE, data=sent)).text)
    await staff.post(PAGE, data=sent)
    assert [one.proposal for one in await facts(here) if isinstance(one, RevisionDeclined)] == [2]
    await staff.post(API, json=piece("en", EN, EN_1, model="large"))
    page = (await staff.get(PAGE)).text
    assert [one.split()[0] for one in ticks(page)] == ["en.1", "fr.0"]
    assert "left as it is" in text_of((await staff.post(PAGE, data={"act": "accept", "take": "en.0 0 2"})).text)
    assert await corrections(here) == []


async def test_what_is_hidden_is_neither_proposed_nor_shown_nor_accepted(here: Desk, staff: httpx.AsyncClient) -> None:
    await propose(staff)
    await here.site.speaker.tell(PassageHidden("h", 0, 2000))
    page = await staff.get(PAGE)
    assert "nineteen" not in page.text
    assert "Président" not in page.text
    assert (await staff.get(API)).text.count("nineteen") == 0
    answer = await staff.post(PAGE, data={"act": "accept", "take": "en.0 0 2"})
    assert "This passage was hidden" in text_of(answer.text)
    assert "nineteen" not in answer.text
    assert (await staff.post(API, json=piece("en", EN, model="large"))).json() == {"proposed": 0}
    assert await corrections(here) == []
    assert "nineteen" not in str((await facts(here))[-1])


async def test_a_redaction_erases_what_was_proposed_for_its_passage(
    here: Desk, staff: httpx.AsyncClient, tmp_path: Path
) -> None:
    await propose(staff)
    log = here.site.log

    async def nobody(*_: object) -> None:
        return None

    async with FolderStore(tmp_path / "media") as store:
        redactor = Redactor(log, store, here.site.board, house=here.site.keeper.house, forget=nobody, now_ms=lambda: 1)
        await redactor.ask(MEETING, Wanted("f" * 16, "privacy", (Cut("en", 100, 500),), False, 150))
        await redactor.carry_out_alone(MEETING, "f" * 16)
    bodies = b"".join(record.body for record in await log.read(revision_stream(MEETING), 0, 4096))
    assert b"nineteen" not in bodies
    assert "Président".encode() in bodies
    assert [one.split()[0] for one in ticks((await staff.get(PAGE)).text)] == ["en.1", "fr.0"]
    assert (await staff.post(API, json=piece("en", EN, EN_1))).json() == {"proposed": 0}
    bodies = b"".join(record.body for record in await log.read(revision_stream(MEETING), 0, 4096))
    assert b"nineteen" not in bodies


async def test_a_proposal_that_meets_a_redaction_on_its_way_is_erased(here: Desk) -> None:
    """The passage is redacted after the text was read and before the proposals are kept."""
    revisions, speaker = here.office.revisions, here.site.speaker
    meeting = here.site.keeper.house().meeting(MEETING)
    asked = revising.decode(msgspec.json.encode(piece("en", EN, EN_1)))
    times = 0

    async def read(_at: int) -> Fold:
        nonlocal times
        times += 1
        if times == 2:
            await speaker.tell(PassageHidden("h", 0, 2000))
        fold = Fold()
        for record in await here.site.log.read(public_stream(MEETING), 0, 4096):
            assert fold.follow(record)
        return fold

    assert await revisions.take(meeting, revising.piece_of(asked), read) == 1
    assert times == 2
    bodies = b"".join(record.body for record in await here.site.log.read(revision_stream(MEETING), 0, 4096))
    assert b"nineteen" not in bodies
    assert b"forty-eight" in bodies


async def test_nothing_of_it_is_public_and_only_staff_of_the_house_decide(here: Desk, staff: httpx.AsyncClient) -> None:
    await propose(staff)
    for role in (None, *SEATS):
        async with browser_of(here, role, QUIET) as client:
            assert (await client.get(PAGE)).status_code == (403 if role else 401)
            sent = await client.post(PAGE, data={"act": "accept", "take": "en.0 0 2"})
            assert sent.status_code == (403 if role else 401)
            assert (await client.get(API)).status_code == 401
            for path in (f"/m/{MEETING}?channel=en&all=1", f"/m/{MEETING}/en/0", f"/api/meetings/{MEETING}/segments"):
                assert "nineteen" not in (await client.get(path)).text
    assert await corrections(here) == []


async def test_what_cannot_be_is_refused(here: Desk, staff: httpx.AsyncClient) -> None:
    good = piece("en", EN)
    for wrong in (good | {"model": " "}, good | {"t1": 0}, good | {"words": [["a", 1]]}, good | {"more": 1}):
        assert (await staff.post(API, json=wrong)).status_code == 400, wrong
    assert (await staff.post(API, json=good | {"channel": "xx"})).status_code == 404
    assert (await staff.post("/api/meetings/briefing/revision", json=good)).status_code == 400, "it is not over"
    assert (await staff.post(API, content=b"x" * 300_000)).status_code == 413
    for nothing in ({"act": "accept"}, {"act": "decline"}, {"act": "accept", "take": "en.0"}):
        assert (await staff.post(PAGE, data=nothing)).status_code == 400
    assert await facts(here) == []


async def test_the_page_says_how_to_begin_before_anything_was_heard(staff: httpx.AsyncClient) -> None:
    page = text_of((await staff.get(PAGE)).text)
    assert "This recording was not heard again yet." in page
    assert f"hearing revise {MEETING}" in page
    assert f'href="{PAGE}"' in (await staff.get(f"/staff/meetings/{MEETING}")).text
