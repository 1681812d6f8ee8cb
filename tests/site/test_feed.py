"""The feed: every record once, whatever the cursor, however often the line breaks; the rest is the newest only."""

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import AsyncGenerator, AsyncIterator

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearing.errors import Refused
from hearing.events import Ended, GapMarked, QuietMarked, WordsCommitted, public_stream
from hearing.log.memory import MemoryLog
from hearing.site.feed import Cursor, parse_cursor
from tests.site.serving import HOSTILE, MEETING, SPEECH, Serving, hold_meeting, meeting, serving

EVENTS = f"/api/meetings/{MEETING}/events"


class Heard(msgspec.Struct, frozen=True):
    """One event as a reader gets it."""

    id: str
    name: str
    body: dict[str, object]


@pytest.fixture
async def site() -> AsyncIterator[Serving]:
    async with serving() as running:
        yield running


async def listen(
    url: str, cursor: str = "", query: str = "channel=en", headers: dict[str, str] | None = None
) -> AsyncGenerator[Heard, None]:
    """Yield events until the line breaks."""
    fields: dict[str, str] = {}
    async with (
        httpx.AsyncClient(base_url=url, timeout=20) as client,
        client.stream("GET", f"{EVENTS}?{query}&after={cursor}", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif "data" in fields:
                yield Heard(fields.get("id", ""), fields["event"], msgspec.json.decode(fields["data"]))
                fields = {}


async def hear(url: str, n: int, cursor: str = "", query: str = "channel=en") -> list[Heard]:
    """Return the first n kept events after the cursor."""
    heard: list[Heard] = []
    async with asyncio.timeout(60), contextlib.aclosing(listen(url, cursor, query)) as events:
        async for event in events:
            if event.id:
                heard.append(event)
            if len(heard) >= n:
                break
    return heard


async def test_a_reader_gets_the_history_then_what_comes(site: Serving) -> None:
    await hold_meeting(site)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        hearing = group.create_task(hear(site.url, 2 + 3 * 6 + 3))
        await asyncio.sleep(0)
        await site.speaker.words("en", "And one more sentence")
    heard = hearing.result()
    words: dict[object, list[str]] = {}
    for event in heard:
        if event.name == "words":
            said = words.setdefault(event.body["segment"], [])
            assert event.body["first_word"] == len(said)
            said.extend(event.body["words"])  # type: ignore[arg-type]
    assert [" ".join(said) for said in words.values()] == [*SPEECH["en"], "And one more sentence"]
    assert [event.body["text"] for event in heard if event.name == "segment"] == [" ".join(w) for w in words.values()]
    assert heard[0].body == {"state": "live", "t": 0, "media_zero_utc": "2026-11-08T09:02:00.000Z"}


async def test_without_a_channel_all_of_them_come(site: Serving) -> None:
    await hold_meeting(site)
    heard = await hear(site.url, await site.log.head(f"public:{MEETING}"), query="")
    assert [event.id for event in heard] == [f"1.{n + 1}" for n in range(len(heard))]
    assert {str(event.body["segment"]).split(".")[0] for event in heard if "segment" in event.body} == set(SPEECH)


@settings(max_examples=15, deadline=None)
@given(breaks=st.lists(st.integers(1, 9), max_size=6), channel=st.sampled_from(["", "channel=en", "channel=zh"]))
def test_readers_who_come_back_at_any_cursor_miss_and_repeat_nothing(breaks: list[int], channel: str) -> None:
    async def run() -> None:
        async with serving() as site:
            await hold_meeting(site)
            whole = await count(site, channel)
            heard: list[Heard] = []
            for size in [*breaks, whole]:
                left = min(size, whole - len(heard))
                if left:
                    heard += await hear(site.url, left, heard[-1].id if heard else "", channel)
            ids = [int(event.id.split(".")[1]) for event in heard]
            assert len(ids) == whole
            assert ids == sorted(set(ids))

    asyncio.run(run())


async def count(site: Serving, channel: str) -> int:
    """Return how many events a reader of the channel has to come."""
    if not channel:
        return await site.log.head(f"public:{MEETING}")
    return 2 + 3 * len(SPEECH[channel.removeprefix("channel=")])


async def test_the_browsers_own_header_wins_over_the_address(site: Serving) -> None:
    await hold_meeting(site)
    events = listen(site.url, "1.1", "", {"Last-Event-ID": "1.20"})
    async with asyncio.timeout(60), contextlib.aclosing(events):
        async for event in events:
            assert event.id == "1.21"
            break


@pytest.mark.parametrize("cursor", ["7.3", "1.9999", "0.0"])
async def test_a_cursor_that_means_nothing_here_is_told_to_begin_again(site: Serving, cursor: str) -> None:
    await hold_meeting(site)
    async with asyncio.timeout(60), contextlib.aclosing(listen(site.url, cursor)) as events:
        first = await anext(events)
        second = await anext(events)
    assert (first.name, first.id, first.body) == ("reset", "", {"epoch": 1})
    assert second.id == "1.1"


async def test_a_reader_whose_stream_begins_a_new_epoch_is_told_and_gets_it_from_the_beginning(site: Serving) -> None:
    await hold_meeting(site)
    stream = public_stream(MEETING)
    async with asyncio.timeout(60), contextlib.aclosing(listen(site.url, "", "")) as events:
        while not (await anext(events)).id.startswith("1."):
            pass
        kept = site.log._streams[stream]
        kept.records, kept.epoch = kept.records[:5], 2  # what a failover leaves
        site.log._growth.grew(stream)
        while (told := await anext(events)).name != "reset":
            assert not told.id.startswith("2.")
        assert (told.id, told.body) == ("", {"epoch": 2})
        ids: list[str] = []
        while len(ids) < 3:
            told = await anext(events)
            ids += [told.id] if told.id else []
        assert ids == ["2.1", "2.2", "2.3"]


@pytest.mark.parametrize("cursor", ["x", "1", "1.", ".1", "1.x", "-1.2", "1.2.3", "²:3", "9" * 40])
async def test_a_malformed_cursor_is_refused(site: Serving, cursor: str) -> None:
    await site.keeper.create(meeting())
    async with httpx.AsyncClient(base_url=site.url) as client:
        answer = await client.get(EVENTS, params={"after": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "refused")


@given(st.text(max_size=40))
def test_reading_a_cursor_never_breaks(text: str) -> None:
    with contextlib.suppress(Refused):
        cursor = parse_cursor(text)
        assert cursor is None or isinstance(cursor, Cursor)


async def test_drafts_come_without_id_newest_only_and_go_away(site: Serving) -> None:
    await hold_meeting(site)
    cursor = f"1.{await site.log.head(f'public:{MEETING}')}"
    name = f"draft:{MEETING}:en"
    for text in ("one", "one two", "one two three"):
        await site.board.put(name, msgspec.json.encode({"segment": "en.6", "after": 0, "text": text}), 60)
    await site.board.put(f"draft:{MEETING}:fr", b'{"segment":"fr.3","after":0,"text":"un"}', 60)
    async with asyncio.timeout(60), contextlib.aclosing(listen(site.url, cursor)) as events:
        first = await anext(events)
        assert (first.name, first.id) == ("draft", "")
        assert first.body == {"channel": "en", "segment": "en.6", "after": 0, "text": "one two three"}
        await site.board.remove(name)
        assert (await anext(events)).body["text"] == ""


async def test_who_saves_data_gets_no_drafts(site: Serving) -> None:
    await hold_meeting(site)
    cursor = f"1.{await site.log.head(f'public:{MEETING}')}"
    await site.board.put(f"draft:{MEETING}:en", b'{"segment":"en.6","after":0,"text":"one"}', 60)
    await site.board.put(f"captions:{MEETING}:en", b'{"state":"live","late_ms":900}', 60)
    async with asyncio.timeout(60), contextlib.aclosing(listen(site.url, cursor, "channel=en&drafts=no")) as events:
        assert (await anext(events)).name == "captions"
        await site.speaker.words("en", "Next")
        assert (await anext(events)).name == "words"


async def test_captions_are_told_when_a_reader_would_see_a_change(site: Serving) -> None:
    await hold_meeting(site)
    cursor = f"1.{await site.log.head(f'public:{MEETING}')}"
    name = f"captions:{MEETING}:en"
    await site.board.put(name, b'{"state":"late","late_ms":12000}', 60)
    async with asyncio.timeout(60), contextlib.aclosing(listen(site.url, cursor)) as events:
        assert (await anext(events)).body == {"channel": "en", "state": "late", "late_ms": 12000}
        await site.board.put(name, b'{"state":"late","late_ms":12700}', 60)
        await site.board.put(f"captions:{MEETING}:fr", b'{"state":"paused","late_ms":0}', 60)
        assert (await anext(events)).body["channel"] == "fr"
        await site.board.put(name, b'{"state":"live","late_ms":900}', 60)
        assert (await anext(events)).body["state"] == "live"


async def test_a_restarted_server_goes_on_where_the_reader_was() -> None:
    async with MemoryLog() as log:
        async with serving(log=log) as site:
            await hold_meeting(site)
            before = await hear(site.url, 9)
        async with serving(log=log, port=site.port) as again:
            after = await hear(again.url, 2 + 18 - 9, before[-1].id)
    ids = [event.id for event in before + after]
    assert len(ids) == len(set(ids)) == 20


async def test_the_feed_is_packed_for_weak_links_and_each_event_comes_at_once(site: Serving) -> None:
    await hold_meeting(site)
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(base_url=site.url) as client,
        client.stream("GET", f"{EVENTS}?channel=en", headers={"Accept-Encoding": "gzip"}) as answer,
    ):
        assert answer.headers["content-encoding"] == "gzip"
        text = ""
        async for chunk in answer.aiter_raw():
            text += unpack.decompress(chunk).decode()
            if SPEECH["en"][-1] in text:
                break
    assert len(gzip.compress(text.encode())) < len(text) / 2


async def test_hostile_words_cannot_forge_an_event(site: Serving) -> None:
    await site.keeper.create(meeting())
    await site.speaker.tell(WordsCommitted("en", "en.0", 0, (HOSTILE, "a\n\nid: 9.9\nevent: reset\ndata: {}"), 100))
    heard = await hear(site.url, 1)
    assert heard[0].body["words"] == [HOSTILE, "a\n\nid: 9.9\nevent: reset\ndata: {}"]
    assert heard[0].id == "1.1"


async def test_a_reader_of_a_channel_is_told_where_nobody_spoke_on_it(site: Serving) -> None:
    await site.keeper.create(meeting())
    await site.speaker.tell(QuietMarked("fr", 0, 30_000), QuietMarked("en", 0, 40_000))
    await site.speaker.words("en", "Good morning.")
    first, *_ = await hear(site.url, 1)
    assert (first.name, first.id, first.body) == ("quiet", "1.2", {"channel": "en", "t0": 0, "t1": 40_000})


async def test_the_growing_page_says_where_nobody_spoke_and_when_the_words_after_it_were_said(site: Serving) -> None:
    await hold_meeting(site)
    quiet, words = QuietMarked("en", 90_000, 150_000), WordsCommitted("en", "en.6", 0, ("Again.",), 152_000 * 16)
    gap = GapMarked("en", 88_000, 90_000, "unheard")
    await site.speaker.tell(QuietMarked("fr", 90_000, 150_000), gap, quiet, words, Ended(160_000))
    async with httpx.AsyncClient(base_url=site.url, timeout=10) as client:
        text = (await client.get(f"/m/{MEETING}/text?channel=en&after=1.0&l=en")).text
    said = text[text.index('id="en.5"') :]
    assert "<time>10:03:28</time> Words are missing here.</p>" in said
    assert "<time>10:03:30</time>–<time>10:04:30</time> No speech was heard here.</p>" in said
    assert said.count("No speech was heard here.") == 1
    assert said.index("No speech was heard here.") < said.rindex("10:04:30") < said.index("Again.")


async def test_the_growing_page_goes_on_from_its_link(site: Serving) -> None:
    await hold_meeting(site, rounds=7)
    await site.speaker.tell(Ended(900_000))
    async with httpx.AsyncClient(base_url=site.url, timeout=10) as client:
        text = (await client.get(f"/m/{MEETING}/text?channel=en&after=1.0&l=en")).text
        links = [part.split('"')[0].replace("&amp;", "&") for part in text.split('href="')[1:] if "after=1." in part]
        assert len(links) == 3, "the beginning, and every twenty passages"
        assert all("l=en" in link for link in links)
        rest = (await client.get(links[-1])).text
    ids = [part.split('"')[0] for part in text.split('class="said" id="')[1:]]
    assert ids == [f"en.{n}" for n in range(42)]
    assert [part.split('"')[0] for part in rest.split('class="said" id="')[1:]] == ids[40:]
    assert text.rstrip().endswith("</html>")


async def test_the_growing_page_shows_words_as_they_come(site: Serving) -> None:
    await hold_meeting(site, rounds=5)
    text = ""
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(base_url=site.url) as client,
        client.stream("GET", f"/m/{MEETING}/text?channel=ar&l=ar") as answer,
    ):
        async for chunk in answer.aiter_text():
            if "ar.20" not in text and "ar.19" in chunk:
                await site.speaker.words("ar", "كلمات جديدة الآن", more=True)
            text += chunk
            if "الآن</p>" in text or text.endswith("الآن"):
                break
    assert text.count('class="said"') == 21
    assert 'id="ar.20" lang="ar" dir="auto">كلمات جديدة الآن' in text.replace("كلمات</p>", "كلمات")
