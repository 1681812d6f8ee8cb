"""The search page and its API, over a real socket."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hearing.events import SegmentCorrected, TurnBegan, encode, public_stream
from hearing.lang import NAMES
from hearing.site.searching import wanted_of
from tests.site.serving import HOSTILE, MEETING, Serving, Speaker, hold_meeting, meeting, serving


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(index=tmp_path / "index.db") as running:
        yield running


@pytest.fixture
async def client(site: Serving) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site.url, timeout=10) as http:
        yield http


async def found(client: httpx.AsyncClient, at_least: int = 1, **query: str) -> dict[str, Any]:
    """Ask the API until so much is found."""
    async with asyncio.timeout(60):
        while True:
            answer: dict[str, Any] = (await client.get("/api/search", params=query)).json()
            if answer["total"] >= at_least:
                return answer
            await asyncio.sleep(0.02)


async def test_the_api_gives_the_moment_its_sentence_and_its_address(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    answer = await found(client, q='"48 hours" judge', language="en")
    (hit,) = answer["hits"]
    assert hit["text"].startswith("The State party’s replies tell us")
    assert [hit["text"][start:end] for start, end in hit["marks"]] == ["48 hours", "judge"]
    assert (hit["meeting"], hit["channel"], hit["kind"], hit["segment"]) == (MEETING, "en", "floor", "en.1")
    assert (hit["t"], hit["at"]) == (7100, "2026-11-08T09:02:07.100Z")
    assert hit["url"] == f"/m/{MEETING}?channel=en&all=1#en.1"
    page = await client.get(hit["url"].partition("#")[0])
    assert 'id="en.1"' in page.text, "the address leads to the passage"
    assert answer["languages"] == [{"key": "en", "hits": 1}]
    assert answer["dialogues"] == [{"key": "arl", "hits": 1, "label": "Arlandia"}]
    assert "reason" not in answer


async def test_a_hit_is_labelled_by_the_state_of_its_text(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    answer = await found(client, q='"48 hours" judge', language="en")
    assert [hit["mark"] for hit in answer["hits"]] == ["machine"]
    label = "Corrected text"
    assert label not in (await client.get("/search", params={"q": '"48 hours" judge'})).text
    words = tuple(answer["hits"][0]["text"].split())
    event = SegmentCorrected("en", "en.1", 1, words, tuple(range(90, 90 + len(words))), "corrected", "staff", 7)
    await site.log.append(public_stream(MEETING), [encode(event)])
    async with asyncio.timeout(60):
        while [hit["mark"] for hit in (await found(client, q='"48 hours" judge'))["hits"]] != ["corrected"]:
            await asyncio.sleep(0.02)
    page = (await client.get("/search", params={"q": '"48 hours" judge'})).text
    assert (label in page, "Machine text" in page) == (True, False)


async def test_the_page_shows_the_sentence_with_marks_and_the_second(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    await found(client, q="48")
    text = (await client.get("/search", params={"q": '"48 hours" judge'})).text
    assert "a limit of <mark>48 hours</mark> before" in text
    assert f'href="/m/{MEETING}?channel=en&amp;all=1#en.1" title="0:00:07"' in text
    assert ">10:02:07</time>" in text
    assert re.search(r"<h2>1 moment .*in 1 meeting", text)


async def test_it_works_from_the_home_page_and_from_every_page(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    home = (await client.get("/", params={"l": "fr"})).text
    assert '<form action="/search" role="search"' in home
    assert 'href="/search?l=fr"' in (await client.get(f"/m/{MEETING}", params={"l": "fr"})).text
    assert "Archives" in (await client.get("/search?l=fr")).text


@pytest.mark.parametrize("language", NAMES)
async def test_the_page_speaks_every_language_and_keeps_it(
    site: Serving, client: httpx.AsyncClient, language: str
) -> None:
    await hold_meeting(site, rounds=4)
    await found(client, q="48", at_least=20)
    for query in ({"q": "48"}, {"q": "nothing-like-it"}, {}, {"q": "48", "language": "en", "page": "2"}):
        page = await client.get("/search", params={**query, "l": language})
        assert page.status_code == 200
        assert f'<html lang="{language}"' in page.text
        own = re.findall(r'href="(/(?!static)[^"#]*)"', page.text)
        assert all(f"l={language}" in link or any(f"l={other}" in link for other in NAMES) for link in own), own


async def test_choices_narrow_and_are_taken_away_again(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    await site.keeper.create(meeting("other", dialogue="ves", title="Veshtia, second meeting", body="CAT, 83rd"))
    await site.keeper.open("other")
    await Speaker(site.log, "other").words("en", "Within 48 hours.")
    await found(client, q="48", at_least=6)
    text = (await client.get("/search?q=48")).text
    assert 'href="/search?q=48&amp;body=CAT"' in text
    assert "<bdi>Veshtia</bdi>" in text
    narrowed = (await client.get("/search?q=48&body=CAT&from=2020-01-01")).text
    assert "1 moment" in narrowed
    assert 'href="/search?q=48&amp;from=2020-01-01" aria-current="true"' in narrowed
    assert '<input type="hidden" name="body" value="CAT">' in narrowed


async def test_who_said_it_stands_with_each_moment_and_narrows(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    await site.speaker.tell(TurnBegan("a", 0, "Maria Rossi"), TurnBegan("b", 15_000, "مريم <السالم>"))
    answer = await found(client, q="hours", speaker="rossi")
    assert [(hit["segment"], hit["speaker"]) for hit in answer["hits"]] == [("en.1", "Maria Rossi")]
    assert {one["key"]: one["hits"] for one in answer["speakers"]} == {"Maria Rossi": 1, "مريم <السالم>": 2}
    text = (await client.get("/search", params={"q": "hours"})).text
    assert text.count("<bdi>مريم &lt;السالم&gt;</bdi></a>") == 3, "two moments, and what one can narrow by"
    narrowed = (await client.get("/search", params={"q": "hours", "speaker": "rossi", "language": "en"})).text
    assert "1 moment" in narrowed
    assert re.search(r'<bdi>rossi</bdi> <span class="soft">[^<]+</span></a><span class="soft num">1</span>', narrowed)
    nothing = (await client.get("/search", params={"q": "hours", "speaker": "nobody"})).text
    assert "Your choice of speaker" in nothing


async def test_pages_of_ten_lead_on_and_back(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site, rounds=12)
    await found(client, q="figures", language="en", at_least=24)
    first = (await client.get("/search?q=figures&language=en")).text
    assert first.count('<p class="said"') == 10
    assert "page=2" in first
    last = (await client.get("/search?q=figures&language=en&page=3")).text
    assert last.count('<p class="said"') == 4
    assert "page=2" in last
    assert "page=4" not in last


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ({"q": "—"}, "no-words", "Type at least one letter"),
        ({"q": "48", "language": "ru"}, "no-text", "Nothing was said in this language yet"),
        ({"q": "delegation", "language": "fr"}, "other-languages", "but in others: English"),
        ({"q": "delegation", "to": "2020-01-01"}, "filters", "leaves out 1 moment"),
        ({"q": "delegation zebra"}, "missing-words", "any meeting: “zebra”"),
        ({"q": "delegation regional"}, "words-apart", "nowhere close together"),
    ],
)
async def test_nothing_found_says_why(
    site: Serving, client: httpx.AsyncClient, query: dict[str, str], code: str, said: str
) -> None:
    await hold_meeting(site)
    await found(client, q="regional")
    reason = (await client.get("/api/search", params=query)).json()["reason"]
    assert reason["code"] == code
    assert said in reason["text"]
    assert said in (await client.get("/search", params=query)).text


async def test_hostile_words_stay_words(site: Serving, client: httpx.AsyncClient) -> None:
    await site.keeper.create(meeting())
    await site.keeper.open(MEETING)
    await site.speaker.begin()
    await site.speaker.words("en", HOSTILE)
    await found(client, q="alert")
    for query in ("alert", HOSTILE, '" OR "', "{n}{}", "<mark>"):
        text = (await client.get("/search", params={"q": query})).text
        assert "<script>alert" not in text
        assert "<b>bold" not in text
    assert "&lt;script&gt;<mark>alert</mark>(1)" in (await client.get("/search?q=alert")).text


@pytest.mark.parametrize(
    "query", ["language=xx", "limit=0", "limit=51", "offset=-1", "from=yesterday", "to=9999-12-31"]
)
async def test_what_cannot_be_asked_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/api/search?q=a&{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "refused"


async def test_a_site_without_an_index_offers_no_search() -> None:
    async with serving() as site, httpx.AsyncClient(base_url=site.url) as client:
        assert "/search" not in (await client.get("/")).text
        assert (await client.get("/search")).status_code == 404


def test_days_are_those_of_geneva_and_both_are_included() -> None:
    summer, winter = wanted_of({"from": "2026-07-01", "to": "2026-07-01"}), wanted_of({"from": "2026-12-01"})
    assert summer.since == 1_782_856_800_000, "30 June 2026, 22:00 UTC"
    assert summer.until == summer.since + 86_400_000
    assert winter.since == 1_796_079_600_000, "30 November 2026, 23:00 UTC"
    assert winter.until is None
