"""A floor of several languages: each segment says its own, on pages, in files, in the feed and in the search."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import docx
import httpx
import msgspec
import pytest

from hearing import creating
from hearing.archive.exports import export
from hearing.errors import Refused
from hearing.events import Cut, PassageRedacted, PublicEvent, SegmentClosed, WordRange, WordsCommitted
from hearing.house_events import Channel, MeetingCreated
from hearing.lang import FLOOR
from hearing.meeting import House, Meeting, create
from hearing.publishing import server_source
from hearing.redaction import plan
from hearing.site import exporting, setup
from hearing.site.forms import Form
from hearing.transcript import Transcript, apply
from tests.archive.made import begun, release, wording
from tests.archive.searching import Searching, searching
from tests.site.serving import MEETING, Serving, meeting, serving

SEVERAL = Channel("floor", "en", 0, "floor", ("en", "fr", "zh", "ar"))
CHANNELS = (SEVERAL, Channel("fr", "fr", 1))
SAID = (
    ("en", ("Thank", "you,", "Chair.")),
    ("fr", ("Les", "réponses", "étaient", "trente.")),
    ("zh", tuple("我们要求数字。")),
    ("ar", ("NGO", "شكرًا", "السيدة", "الرئيسة.")),
    ("ar", ("السؤال", "الأول.")),
)


def events(channel: str = "floor") -> list[PublicEvent]:
    """Return what was said: a segment a line, a second a word."""
    stream: list[PublicEvent] = []
    t = 1000
    for n, (language, words) in enumerate(SAID):
        end = t + 1000 * len(words)
        times = tuple((t + 1000 * k, t + 1000 * k + 900) for k in range(len(words)))
        segment = f"{channel}.{n}"
        stream.append(WordsCommitted(channel, segment, 0, words, end * 16, language=language))
        stream.append(SegmentClosed(channel, segment, t, end, times))
        t = end + 500
    return stream


def of() -> Meeting:
    return Meeting(meeting(channels=CHANNELS), "open")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(index=tmp_path / "index.db") as running:
        await running.keeper.create(meeting(channels=CHANNELS))
        await running.keeper.open(MEETING)
        await running.speaker.begin()
        await running.speaker.tell(*events())
        yield running


async def get(site: Serving, path: str) -> str:
    async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
        return (await client.get(path)).text


async def test_the_page_sets_each_segment_in_its_language_and_names_it_where_it_changes(site: Serving) -> None:
    page = await get(site, f"/m/{MEETING}?channel=floor")
    said = re.findall(r'<p class="said" lang="(\w+)" dir="(\w+)">', page)
    assert said == [("en", "ltr"), ("fr", "ltr"), ("zh", "ltr"), ("ar", "rtl"), ("ar", "rtl")]
    assert re.findall(r'<p class="tongue"><bdi lang="(\w+)">', page) == ["en", "fr", "zh", "ar"]
    assert "我们要求数字。" in page
    assert re.search(r'data-read="floor"[^>]*>Floor<', page), "it is called by none of its languages"


async def test_whoever_reads_a_language_is_led_to_its_interpretation_and_not_to_the_floor(site: Serving) -> None:
    page = await get(site, f"/m/{MEETING}?l=fr")
    assert 'data-channel="fr"' in page


async def test_the_page_without_script_does_so_too(site: Serving) -> None:
    async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
        text = ""
        async with client.stream("GET", f"/m/{MEETING}/text?channel=floor") as answer:
            async for chunk in answer.aiter_text():
                text += chunk
                if "السؤال" in text:
                    break
    assert re.findall(r'<p class="tongue"><bdi lang="(\w+)">', text) == ["en", "fr", "zh", "ar"]
    assert '<p class="said" id="floor.1" lang="fr" dir="auto">Les réponses' in text


async def test_feed_and_api_say_what_each_segment_is_in(site: Serving) -> None:
    async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
        told = (await client.get(f"/api/meetings/{MEETING}/segments?channel=floor")).json()["segments"]
        assert [one["language"] for one in told] == [language for language, _ in SAID]
        assert [one["text"] for one in told][2] == "我们要求数字。"
        known = (await client.get(f"/api/meetings/{MEETING}")).json()["channels"]
        assert known == [
            {"id": "floor", "language": "en", "kind": "floor", "languages": ["en", "fr", "zh", "ar"]},
            {"id": "fr", "language": "fr", "kind": "interpretation"},
        ]
        feed = ""
        async with client.stream("GET", f"/api/meetings/{MEETING}/events?channel=floor") as answer:
            async for chunk in answer.aiter_text():
                feed += chunk
                if feed.count("event: segment") == len(SAID):
                    break
    languages = re.findall(r'event: segment\ndata: .*?"language":"(\w+)"', feed)
    assert languages == [language for language, _ in SAID]
    assert re.findall(r'event: words\ndata: .*?"language":"(\w+)"', feed) == languages


async def test_a_passage_is_read_and_cited_in_its_own_language(site: Serving) -> None:
    page = await get(site, f"/m/{MEETING}/floor/3?l=en")
    assert 'lang="ar" dir="rtl"' in page
    assert "Arabic, floor" in page
    assert "我们要求数字。" in page, "what stands before it is joined as Chinese is"


async def test_words_are_found_by_the_rules_of_the_language_they_were_said_in(tmp_path: Path) -> None:
    async with searching(tmp_path / "index.db") as there:
        await _say(there)
        assert [hit.language for hit in (await there.find("REPONSE")).hits] == ["fr"]
        assert [hit.language for hit in (await there.find("数字")).hits] == ["zh"]
        assert (await there.find("reponse", language="en")).hits == []


async def _say(there: Searching) -> None:
    speaker = await there.meeting(channels=CHANNELS)
    await speaker.tell(*events())


def test_files_say_it_in_the_way_of_each_format() -> None:
    made, catalogues = release(begun(*events()), of()), exporting.catalogues()
    channel = made.channel("floor")
    said = {kind: export(kind).write(made, channel, wording(catalogues, made, "floor")) for kind in KINDS}
    vtt, txt, md = (said[kind].decode() for kind in ("vtt", "txt", "md"))
    assert "<lang fr>Les réponses étaient trente.</lang>" in vtt
    assert [line for line in txt.splitlines() if line in {"[English]", "[Français]", "[中文]", "[العربية]"}] == [
        "[English]",
        "[Français]",
        "[中文]",
        "[العربية]",
    ]
    assert '<div lang="ar" dir="rtl">' in md
    assert "*Français*" in md
    assert "\u200fNGO شكرًا" in said["srt"].decode(), "a player is told which way it reads"
    paragraphs = docx.Document(io.BytesIO(said["docx"])).paragraphs
    arabic = next(one for one in paragraphs if "السؤال" in one.text)
    french = next(one for one in paragraphs if "trente" in one.text)
    assert "<w:bidi/>" in arabic._p.xml
    assert "<w:bidi/>" not in french._p.xml
    assert "Floor, in several languages" in txt


KINDS = ("vtt", "srt", "txt", "md", "docx", "jsonl")


def test_a_server_s_file_gives_a_copy_the_same_record() -> None:
    made, catalogues = release(begun(*events()), of()), exporting.catalogues()
    channel = made.channel("floor")
    lines = export("jsonl").write(made, channel, wording(catalogues, made, "floor")).splitlines()
    head, *rest = [server_source._line.decode(line) for line in lines]
    assert tuple(server_source._entries(rest)) == channel.entries
    assert msgspec.structs.asdict(head)["languages"] == SEVERAL.languages


def test_what_a_redaction_leaves_stays_in_its_language() -> None:
    said = Transcript()
    for event in events():
        apply(said, event)
    cut = Cut("floor", 0, 0, (WordRange("floor.2", 1, 2),))
    (kept,) = plan(said, PassageRedacted("0" * 16, "privacy", (cut,), 0)).kept
    assert kept.language == "zh"
    apply(said, kept)
    assert said.channel("floor").segments[2].language == "zh"


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("en,fr", (Channel("en", "en", 0), Channel("fr", "fr", 1))),
        ("floor,en", (Channel("floor", "en", 0, "floor", FLOOR), Channel("en", "en", 1))),
        ("floor:fr+es,en", (Channel("floor", "fr", 0, "floor", ("fr", "es")), Channel("en", "en", 1))),
        ("floor:ru", (Channel("floor", "ru", 0, "floor"),)),
    ],
)
def test_the_command_line_names_the_languages_of_a_floor(given: str, made: tuple[Channel, ...]) -> None:
    assert creating._channels(given) == made
    assert create(House(), meeting(channels=made))


@pytest.mark.parametrize(
    "channel",
    [
        Channel("fr", "fr", 0, "interpretation", ("fr", "en")),
        Channel("floor", "es", 0, "floor", ("fr", "en")),
        Channel("floor", "fr", 0, "floor", ("fr", "fr")),
        Channel("floor", "fr", 0, "floor", ("fr", "!")),
    ],
)
def test_languages_that_no_floor_has_are_refused(channel: Channel) -> None:
    with pytest.raises(Refused):
        create(House(), meeting(channels=(channel,)))


def test_a_meeting_of_the_first_release_is_read_as_it_was() -> None:
    old = b'{"id":"en","language":"en","track":0,"kind":"floor"}'
    assert msgspec.json.decode(old, type=Channel) == Channel("en", "en", 0, "floor")
    assert b"languages" not in msgspec.json.encode(Channel("en", "en", 0, "floor"))


def test_the_form_of_a_meeting_offers_it_and_keeps_the_languages_that_were_chosen() -> None:
    created: MeetingCreated = meeting(channels=CHANNELS)
    draft = setup.draft_of(created, "")
    assert [track.kind for track in draft.tracks] == ["floor-any", "interpretation"]
    assert setup.wanted(draft, created, {}).channels == CHANNELS
    typed = setup.read(Form((("language", "ru"), ("kind", "floor-any"), ("language", "ru"), ("kind", "x"))), None)
    first, second = setup.wanted(typed, None, {}).channels
    assert first == Channel("floor", "ru", 0, "floor", ("ru", "en", "fr", "es", "zh", "ar"))
    assert second == Channel("ru", "ru", 1)
