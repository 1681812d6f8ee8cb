"""A passage by its permanent address, and files through page and API, over a real socket."""

import re
from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest

from hearing.archive.exports import EXPORTS
from hearing.events import Ended, PassageHidden, Redacted
from hearing.lang import NAMES
from hearing.site.show import Track
from tests.site.serving import HOSTILE, MEETING, SPEECH, TOKEN, Serving, hold_meeting, meeting, serving

RECORDED = [Track("audio", "en", 64_000), Track("audio", "fr", 32_000)]
STAFF = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def site() -> AsyncIterator[Serving]:
    async with serving(recorded=RECORDED) as running:
        yield running


@pytest.fixture
async def client(site: Serving) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site.url, timeout=10) as http:
        yield http


async def close(site: Serving) -> None:
    """Close the meeting as the relay does."""
    await site.speaker.tell(Ended(90_000))
    await site.keeper.close(MEETING)


async def erase(site: Serving, segment: str) -> None:
    """Erase every record of a segment."""
    for record in await site.log.read(f"public:{MEETING}", 0, 1000):
        if f'"{segment}"'.encode() in record.body:
            await site.log.erase(f"public:{MEETING}", record.position)
            await site.speaker.tell(Redacted(record.position))


def said(page: str) -> dict[str, str]:
    """Return the passages on a page by id."""
    found = re.findall(r'<div class="turn[^"]*" id="([^"]+)">.*?<p class="said"[^>]*>(.*?)</p>', page)
    return {name: unescape(text) for name, text in found}


def cited(page: str) -> list[str]:
    """Return the lines of the text to cite by."""
    field = re.search(r'<textarea class="cite"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert field
    return unescape(field[1]).split("\n")


async def test_a_passage_stands_in_its_context_and_keeps_its_address(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site, rounds=2)
    live = await client.get(f"/m/{MEETING}/en/7")
    assert live.status_code == 200
    assert list(said(live.text)) == [f"en.{n}" for n in range(4, 11)]
    assert said(live.text)["en.7"] == SPEECH["en"][1]
    assert re.findall(r'class="turn here" id="([^"]+)"', live.text) == ["en.7"]
    assert "Machine text" in live.text
    assert "provisional" in live.text
    await close(site)
    closed = await client.get(f"/m/{MEETING}/en/7")
    assert said(closed.text) == said(live.text)
    assert "release r1" in closed.text


async def test_the_page_of_the_meeting_leads_to_each_passage_and_has_its_anchor(
    site: Serving, client: httpx.AsyncClient
) -> None:
    await hold_meeting(site)
    for path in (f"/m/{MEETING}?channel=ar&l=ar", f"/m/{MEETING}?channel=ar&q=48&l=ar"):
        text = (await client.get(path)).text
        assert re.search(rf'id="ar\.1"[^>]*><a class="at" href="/m/{MEETING}/ar/1\?l=ar"', text)
    assert (await client.get(f"/m/{MEETING}/ar/1?l=ar")).status_code == 200


async def test_the_text_to_cite_by_says_what_it_is(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    await close(site)
    assert cited((await client.get(f"/m/{MEETING}/fr/1")).text) == [
        f"“{SPEECH['fr'][1]}”",
        "Speaker not identified, Human Rights Committee, 148th session, Arlandia, 8 November 2026, "
        "10:02:03 in Geneva, 0:00:03 of the recording, French, interpretation",
        "Machine text, release r1",
        "Not an official record; only the original language is authentic.",
        f"{site.url}/m/{MEETING}/fr/1",
    ]
    behind = await client.get(f"/m/{MEETING}/fr/1", headers={"X-Forwarded-Proto": "https", "Host": "hearing.example"})
    assert cited(behind.text)[-1] == f"https://hearing.example/m/{MEETING}/fr/1"


@pytest.mark.parametrize("language", NAMES)
async def test_it_speaks_every_language(site: Serving, client: httpx.AsyncClient, language: str) -> None:
    await hold_meeting(site)
    page = await client.get(f"/m/{MEETING}/ar/1?l={language}")
    assert f'<html lang="{language}"' in page.text
    assert SPEECH["ar"][1] in cited(page.text)[0]
    own = re.findall(r'href="(/(?!static)[^"#]*)"', page.text)
    assert all(f"l={language}" in link or any(f"l={other}" in link for other in NAMES) for link in own), own


async def test_the_sound_plays_from_the_passage(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    text = (await client.get(f"/m/{MEETING}/en/2")).text
    link = re.search(rf'href="(/m/{MEETING}\?[^"]*mode=audio[^"]*)"', text)
    assert link
    there = (await client.get(unescape(link[1]))).text
    assert 'data-from="14800"' in there
    assert "Play begins at 10:02:14" in there
    assert f'src="/listen/{MEETING}/en"' in there
    await close(site)
    assert f'src="/listen/{MEETING}/en#t=14.8"' in (await client.get(unescape(link[1]))).text
    for wrong in ("-1", "x", "1e9", "9" * 20, "٣"):
        assert "data-from" not in (await client.get(f"/m/{MEETING}?mode=audio&t={wrong}")).text


async def test_without_a_recording_there_is_nothing_to_listen_to(site: Serving, client: httpx.AsyncClient) -> None:
    site.tracks.clear()
    await hold_meeting(site)
    assert "Listen from here" not in (await client.get(f"/m/{MEETING}/en/2")).text


async def test_a_passage_that_was_taken_away_is_a_tombstone(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    await close(site)
    await erase(site, "en.2")
    await site.speaker.tell(PassageHidden("p", 3_000_000, 3_000_001))
    gone = await client.get(f"/m/{MEETING}/en/2")
    assert gone.status_code == 410
    assert "This passage was hidden." in gone.text
    assert "Its address stays" in gone.text
    assert "number of persons" not in gone.text
    assert not re.search("<textarea|Listen from here", gone.text)
    beside = (await client.get(f"/m/{MEETING}/en/3")).text
    assert list(said(beside)) == ["en.0", "en.1", "en.3", "en.4", "en.5"]
    assert "release r" in beside
    assert "release r1" not in beside, "what changed since the closing is another release"


async def test_a_passage_that_never_was_is_not_there(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    for path in ("en/6", "en/-1", "en/x", "en/01", "en/1e1", "xx/0", "en/fr.0", "en/9999999999"):
        assert (await client.get(f"/m/{MEETING}/{path}")).status_code == 404, path
    assert (await client.get("/m/nobody/en/0")).status_code == 404
    await site.keeper.create(meeting("planned"))
    assert (await client.get("/m/planned/en/0")).status_code == 404


async def test_a_segments_id_leads_to_its_address(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    answer = await client.get(f"/m/{MEETING}/en/en.2?l=fr")
    assert (answer.status_code, answer.headers["location"]) == (308, f"/m/{MEETING}/en/2?l=fr")


async def test_a_passage_that_still_grows_says_so(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    await site.speaker.words("en", "I thank the", more=True)
    assert "not over yet" in (await client.get(f"/m/{MEETING}/en/6")).text
    assert "not over yet" not in (await client.get(f"/m/{MEETING}/en/5")).text


async def test_hostile_words_stay_words(site: Serving, client: httpx.AsyncClient) -> None:
    await site.keeper.create(meeting("hostile", title="<i>T</i> {n}", body="</textarea><script>b</script>"))
    await site.keeper.open("hostile")
    speaker = type(site.speaker)(site.log, "hostile")
    await speaker.begin()
    await speaker.words("en", f"{HOSTILE} </textarea>")
    text = (await client.get("/m/hostile/en/0")).text
    assert not re.search(r"<script>|<b>|<i>T", text)
    assert text.count("</textarea>") == 1
    assert "<script>alert(1)</script>" in cited(text)[0]


@pytest.mark.parametrize("kind", EXPORTS)
async def test_every_file_comes_from_the_page_and_from_the_api(
    site: Serving, client: httpx.AsyncClient, kind: str
) -> None:
    await hold_meeting(site)
    assert f'href="/m/{MEETING}/fr.{kind}"' in (await client.get(f"/m/{MEETING}?channel=fr")).text
    download = await client.get(f"/m/{MEETING}/fr.{kind}")
    assert download.headers["content-type"].split(";")[0] == EXPORTS[kind].media_type
    assert download.headers["content-disposition"] == f'attachment; filename="{MEETING}-fr.{kind}"'
    again = await client.get(f"/api/meetings/{MEETING}/export?channel=fr&format={kind}")
    assert again.content == download.content, "the same record gives the same bytes"


async def test_only_staff_say_where_a_file_is_known_from(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    path = f"/api/meetings/{MEETING}/export?channel=en&format=txt&address=https://hearing.example/x"
    assert (await client.get(path)).status_code == 401
    assert f"https://hearing.example/m/{MEETING}\n" in (await client.get(path, headers=STAFF)).text
    wrong = await client.get(path.replace("https://", "ftp://"), headers=STAFF)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "refused")


async def test_what_the_api_has_not_it_says(site: Serving, client: httpx.AsyncClient) -> None:
    await hold_meeting(site)
    for query in ("channel=xx&format=vtt", "channel=en&format=pdf", "", "channel=en"):
        answer = await client.get(f"/api/meetings/{MEETING}/export?{query}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
