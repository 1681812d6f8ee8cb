"""Staff choose what goes on a page, see it before it goes, and have to mean it; nobody else can."""

import re
from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest

from hearing.access import Capability
from hearing.events import PassageHidden, PassageRedacted, SegmentCorrected, decode_public, encode, public_stream
from hearing.lang import NAMES
from hearing.site.passage import BASES
from tests.site.desking import MEETING, OPEN, QUIET, Desk, browser_of, desk, fields
from tests.site.serving import TOKEN
from tests.site.walking import SEATS

PAGE = f"/staff/meetings/{MEETING}/redact"
STAFF = {"Authorization": f"Bearer {TOKEN}"}
CHOSEN = {
    "segment": "en.0",
    "first": "en.0.2",
    "last": "en.0.3",
    "go-fr": "words",
    "first-fr": "fr.0.1",
    "last-fr": "fr.0.1",
    "go-ar": "none",
    "go-zh": "none",
    "basis": "person-at-risk",
    "margin": "500",
    "preview": "yes",
}
GOES = 3


@pytest.fixture
async def running() -> AsyncIterator[Desk]:
    async with desk() as one:
        yield one


@pytest.fixture
async def staff(running: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Be a browser of staff."""
    async with browser_of(running) as client:
        token = await running.office.invite(Capability("staff", ""), "", "staff", "Secretariat")
        asked = await client.post("/staff/accept", data={"invite": token})
        await client.post("/staff/accept", data=fields(asked.text))
        yield client


async def redacted(running: Desk) -> list[PassageRedacted]:
    """Return the redactions that were asked for."""
    records = await running.site.log.read(public_stream(MEETING), 0, 4096)
    events = [decode_public(record.body) for record in records]
    return [event for event in events if isinstance(event, PassageRedacted)]


def text_of(page: str) -> str:
    """Return a page's text with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def test_what_was_seen_and_meant_is_asked_for_once(running: Desk, staff: httpx.AsyncClient) -> None:
    seen = await staff.get(PAGE, params=CHOSEN)
    assert re.findall(r"<del[^>]*>.*?</span>([^<]+)</del>", seen.text) == ["Madam Chair.", "Madame"]
    sent = {**fields(seen.text, 'name="sure"'), "sure": str(GOES)}
    for _ in range(2):
        done = await staff.post(PAGE, data=sent)
        assert (done.status_code, done.url.path) == (200, PAGE)
        assert "Nobody can see or hear it any more." in text_of(done.text)
        assert "by you" in text_of(done.text)
    asked = await redacted(running)
    assert len(asked) == 1
    assert (asked[0].basis, asked[0].margin_ms, asked[0].picture) == ("person-at-risk", 500, False)
    assert [(cut.channel, [(one.segment, one.first, one.last) for one in cut.words]) for cut in asked[0].cuts] == [
        ("en", [("en.0", 2, 3)]),
        ("fr", [("fr.0", 1, 1)]),
    ]
    assert [cut.t1 - cut.t0 for cut in asked[0].cuts] == [600, 300]
    public = await staff.get(f"/m/{MEETING}/en/0")
    assert (public.status_code, "I turn to" in public.text) == (410, False)


async def test_who_sends_a_redaction_again_did_not_ask_for_it(running: Desk, staff: httpx.AsyncClient) -> None:
    sent = {**fields((await staff.get(PAGE, params=CHOSEN)).text, 'name="sure"'), "sure": str(GOES)}
    assert "by you" in text_of((await staff.post(PAGE, data=sent)).text)
    asked = {"basis": "court-order", "redaction": "b" * 16, "cuts": [{"channel": "en", "words": ["en.2.13"]}]}
    assert (await staff.post(f"/api/meetings/{MEETING}/redactions", json=asked, headers=STAFF)).status_code == 202
    async with browser_of(running) as other:
        token = await running.office.invite(Capability("staff", ""), "", "staff", "Another")
        await other.post("/staff/accept", data=fields((await other.post("/staff/accept", data={"invite": token})).text))
        for redaction in (sent["redaction"], "b" * 16):
            page = await other.post(PAGE, data={**sent, "redaction": redaction})
            assert page.status_code == 200
        told = text_of(page.text)
        assert ("by a colleague" in told, "by you" in told) == (True, False)
    hidden = PassageHidden(sent["redaction"], 0, 1000)
    await running.office.passages.hide(Capability("staff", "", "mallory"), "arl", MEETING, hidden)
    assert text_of((await staff.get(PAGE)).text).count("by you") == 1
    assert len(await redacted(running)) == 2


async def test_who_has_not_counted_takes_nothing_out(running: Desk, staff: httpx.AsyncClient) -> None:
    sent = fields((await staff.get(PAGE, params=CHOSEN)).text, 'name="sure"')
    for typed in ("9" * 5000, "", "2", "4", "x", "-3", "3.0"):
        done = await staff.post(PAGE, data={**sent, "sure": typed})
        assert (done.status_code, "Nothing was taken out." in done.text) == (400, True)
        assert fields(done.text, 'name="sure"')["first"] == CHOSEN["first"], "what was chosen stays"
    assert await redacted(running) == []
    assert (await staff.post(PAGE, data={**sent, "sure": " ٣ "})).status_code == 200, "other digits count"
    assert len(await redacted(running)) == 1


async def test_what_was_not_seen_is_not_done(running: Desk, staff: httpx.AsyncClient) -> None:
    sent = {**fields((await staff.get(PAGE, params=CHOSEN)).text, 'name="sure"'), "sure": "4", "last": "en.0.4"}
    done = await staff.post(PAGE, data=sent)
    assert (done.status_code, "look at it again" in done.text) == (409, True)
    assert await redacted(running) == []


async def test_every_language_must_be_decided_and_a_reason_given(staff: httpx.AsyncClient) -> None:
    for name in ("go-zh", "basis"):
        page = await staff.get(PAGE, params={key: value for key, value in CHOSEN.items() if key != name})
        assert ('name="sure"' in page.text, "Say for each language" in page.text) == (False, True), name


async def test_the_other_channels_are_searched_for_the_name(staff: httpx.AsyncClient, running: Desk) -> None:
    page = await staff.get(PAGE, params={"segment": "en.0", "first": "en.0.2", "last": "en.0.2"})
    assert "A word like it was said here" in page.text, "Madam, Madame"
    assert re.search(r'<option value="fr.0.1" selected>', page.text)
    assert "No word like it was found here" in page.text, "in Chinese a person has to read"


async def test_who_redacts_sees_what_readers_see_and_a_corrected_name_is_searched_for(
    staff: httpx.AsyncClient, running: Desk
) -> None:
    log, stream = running.site.log, public_stream(MEETING)
    event = SegmentCorrected("fr", "fr.0", 1, ("Merci", "Zyxwvuqa"), (0, 99), "corrected", "staff", 7)
    await log.append(stream, [encode(event)])
    page = await staff.get(PAGE, params={"segment": "en.0", "first": "en.0.2", "last": "en.0.2"})
    assert "Merci Zyxwvuqa" in text_of(page.text)
    assert "Corrected text" in text_of(page.text)


async def correct(running: Desk, *versions: tuple[str, str]) -> None:
    """Correct `fr.0` to a text, for a reason, again and again."""
    for n, (text, reason) in enumerate(versions, 1):
        words = tuple(text.split())
        ids = tuple(90 + 10 * n + at for at in range(len(words)))
        event = SegmentCorrected("fr", "fr.0", n, words, ids, "corrected", "staff", 7, reason)
        await running.site.log.append(public_stream(MEETING), [encode(event)])


async def test_a_name_in_an_earlier_version_or_in_a_reason_is_found_to_be_taken_out(
    staff: httpx.AsyncClient, running: Desk
) -> None:
    await correct(running, ("Merci Zyxwvuqa", "Name of Qwertzuiop heard"), ("Merci beaucoup", "Not what was said"))
    for name in ("zyxwvuqa", "qwertzuiop"):
        page = await staff.get(f"{PAGE}?channel=fr&q={name}")
        assert re.findall(r'redact\?segment=([\w.]+)"', page.text) == ["fr.0"], name
        assert name in text_of(page.text).casefold()
    page = await staff.get(PAGE, params={"segment": "fr.0"})
    assert "Merci Zyxwvuqa" in text_of(page.text)
    assert "Name of Qwertzuiop heard" in text_of(page.text)
    assert re.findall(r'redact\?segment=([\w.]+)"', (await staff.get(f"{PAGE}?channel=fr&q=nobody")).text) == []


async def test_the_preview_counts_the_corrections_that_go_and_one_more_is_not_done_unseen(
    staff: httpx.AsyncClient, running: Desk
) -> None:
    assert "correction" not in text_of((await staff.get(PAGE, params=CHOSEN)).text).partition("This goes")[2]
    await correct(running, ("Merci Zyxwvuqa", "Heard anew"))
    assert "1 correction of these passages goes too" in text_of((await staff.get(PAGE, params=CHOSEN)).text)
    await correct(running, ("Merci Zyxwvuqa", "Heard anew"), ("Merci beaucoup", "Not so"))
    seen = await staff.get(PAGE, params=CHOSEN)
    assert "All 2 corrections of these passages go too" in text_of(seen.text)
    sent = {**fields(seen.text, 'name="sure"'), "sure": str(GOES)}
    await correct(running, ("Merci", "a"), ("Merci", "b"), ("Merci encore", "Once more"))
    done = await staff.post(PAGE, data=sent)
    assert (done.status_code, "look at it again" in done.text) == (409, True)
    assert await redacted(running) == []


async def test_words_chosen_the_wrong_way_round_are_said_to_be_so(staff: httpx.AsyncClient) -> None:
    page = await staff.get(PAGE, params={**CHOSEN, "first": "en.0.3", "last": "en.0.2"})
    assert (page.status_code, "Choose again." in page.text, 'name="sure"' in page.text) == (404, True, False)


async def test_the_address_of_a_passage_leads_to_its_words(staff: httpx.AsyncClient) -> None:
    for address in (f"http://elsewhere.example/m/{MEETING}/en/5?l=fr", f"/m/{MEETING}/en/5"):
        page = await staff.get(PAGE, params={"q": address})
        assert page.url.params["segment"] == "en.5"


async def test_a_hidden_passage_can_be_redacted(running: Desk, staff: httpx.AsyncClient) -> None:
    await running.site.log.append(public_stream(MEETING), [encode(PassageHidden("p", 0, 3_600_000))])
    assert "by region" not in (await staff.get(f"/m/{MEETING}?channel=en&all=1")).text
    assert "by region" in (await staff.get(f"{PAGE}?channel=en")).text
    assert "Madam Chair." in (await staff.get(PAGE, params=CHOSEN)).text


async def test_the_list_finds_a_passage_and_tells_what_was_taken_out_without_a_word_of_it(
    running: Desk, staff: httpx.AsyncClient
) -> None:
    found = await staff.get(f"{PAGE}?channel=en&q=region")
    assert re.findall(r'redact\?segment=([\w.]+)"', found.text) == ["en.5", "en.4", "en.2"]
    body = {"basis": "court-order", "cuts": [{"channel": "en", "words": ["en.2.13-en.2.14"]}]}
    done = await staff.post(f"/api/meetings/{MEETING}/redactions", json=body, headers=STAFF)
    assert (done.status_code, done.json()["ended"]) == (202, None)
    page = text_of((await staff.get(f"{PAGE}?channel=fr")).text)
    assert str(BASES["court-order"]) in page
    assert "Hidden, being erased" in page
    assert "region" not in page
    told = (await staff.get(f"/api/meetings/{MEETING}/redactions", headers=STAFF)).json()["redactions"]
    assert [one["cuts"][0]["words"] for one in told] == [["en.2.13-en.2.14"]]
    again = {key: told[0][key] for key in ("redaction", "basis", "cuts")}
    assert (await staff.post(f"/api/meetings/{MEETING}/redactions", json=again, headers=STAFF)).status_code == 202
    assert len(await redacted(running)) == 1


REFUSED: tuple[dict[str, object], ...] = (
    {},
    {"basis": "whim", "cuts": [{"channel": "en", "words": ["en.2.1"]}]},
    {"basis": "error", "cuts": []},
    {"basis": "error", "cuts": [{"channel": "en"}]},
    {"basis": "error", "cuts": [{"channel": "xx", "words": ["xx.2.1"]}]},
    {"basis": "error", "cuts": [{"channel": "en", "words": ["fr.2.1"]}]},
    {"basis": "error", "cuts": [{"channel": "en", "t0": 9, "t1": 8}]},
    {"basis": "error", "cuts": [{"channel": "en", "words": ["en.2.1"]}], "margin_ms": 10},
)


async def test_what_cannot_be_is_refused_with_a_way_out(running: Desk, staff: httpx.AsyncClient) -> None:
    for body in REFUSED:
        answer = await staff.post(f"/api/meetings/{MEETING}/redactions", json=body, headers=STAFF)
        assert answer.status_code in {400, 404}
        assert len(answer.json()["text"]) > 20
    assert await redacted(running) == []


async def test_no_seat_of_a_dialogue_is_enough(running: Desk) -> None:
    for role in SEATS:
        for dialogue in (OPEN, QUIET):
            async with browser_of(running, role, dialogue) as client:
                assert (await client.get(PAGE)).status_code == 403
                assert (await client.post(PAGE, data={**CHOSEN, "sure": "3"})).status_code == 403
    assert await redacted(running) == []


async def test_the_pages_stand_in_every_language(staff: httpx.AsyncClient) -> None:
    for language in NAMES:
        for asked in ({}, CHOSEN):
            page = await staff.get(PAGE, params={**asked, "l": language})
            assert (page.status_code, f'lang="{language}"' in page.text) == (200, True)
