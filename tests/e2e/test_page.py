"""The pages in Chromium: live words, following, switching, a restart, no script, and what a small screen shows."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from hearing.events import Ended, GapMarked, QuietMarked, RunEnded, WordsCommitted
from hearing.log.memory import MemoryLog
from hearing.site.show import Track
from tests.e2e.browsing import page_on
from tests.site.serving import HOSTILE, MEETING, SPEECH, Serving, Speaker, hold_meeting, meeting, serving

pytestmark = pytest.mark.browser

LIVE = f"/m/{MEETING}?channel=en"
RECORDED = [Track("audio", "en", 64_000), Track("audio", "fr", 64_000), Track("video", None, 900_000)]


@pytest.fixture
async def site() -> AsyncIterator[Serving]:
    async with serving(recorded=RECORDED) as running:
        yield running


async def ids(page: Page) -> list[str]:
    """Return the segments on the page, in order."""
    found: list[str] = await page.locator(".turn[id]").evaluate_all("turns => turns.map(turn => turn.id)")
    return found


async def put_draft(site: Serving, channel: str, segment: str, after: int, text: str) -> None:
    """Put a draft on the board."""
    body = msgspec.json.encode({"segment": segment, "after": after, "text": text})
    await site.board.put(f"draft:{MEETING}:{channel}", body, 60)


async def test_words_appear_as_they_become_final_and_times_follow(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site)
    async with page_on(chrome, site.url) as (page, _):
        await page.goto(LIVE)
        await put_draft(site, "en", "en.6", 0, "I thank the delegation for")
        await expect(page.locator("#draft")).to_have_text("I thank the delegation for")
        await site.speaker.words("en", "I thank the delegation.", more=True)
        said = page.locator('[id="en.6"] .said')
        await expect(said).to_have_text("I thank the delegation.")
        await expect(page.locator("#draft")).to_have_text("for")
        await put_draft(site, "en", "en.6", 3, "stale")
        await expect(page.locator("#draft")).to_have_text("")
        await site.speaker.words("en", HOSTILE)
        await expect(page.locator('[id="en.7"] .said')).to_have_text(HOSTILE)
        assert await page.locator("#log script, #log b").count() == 0
        assert await ids(page) == [f"en.{n}" for n in range(8)]
        line = page.locator('[id="en.7"]')
        grown = [await line.inner_text(), await line.locator(".at").get_attribute("title")]
        await page.reload()
        loaded = [await line.inner_text(), await line.locator(".at").get_attribute("title")]
        assert grown == loaded, "a page that grew and one that was loaded are the same"


async def test_where_nobody_spoke_and_where_words_are_missing_it_is_said_before_what_follows(
    chrome: Browser, site: Serving
) -> None:
    await hold_meeting(site)
    async with page_on(chrome, site.url) as (page, _):
        await page.goto(LIVE)
        await expect(page.locator("#log .turn").last).to_have_id("en.5")
        await site.speaker.tell(GapMarked("en", 90_000, 91_000, "unheard"))
        await site.speaker.tell(QuietMarked("fr", 91_000, 150_000), QuietMarked("en", 91_000, 150_000))
        await site.speaker.tell(WordsCommitted("en", "en.6", 0, ("Again.",), 153_000 * 16))
        await expect(page.locator('[id="en.6"] .said')).to_have_text("Again.")
        lines = page.locator("#log .turn")
        grown = (await lines.all_inner_texts())[-3:]
        assert [line.split("\n")[-1] for line in grown] == [
            "Words are missing here.",
            "No speech was heard here.",
            "Again.",
        ]
        assert await page.locator("#log .quiet a[href], #log .gap a[href]").count() == 0, "they have no address"
        await page.reload()
        assert (await lines.all_inner_texts())[-3:] == grown, "a page that grew and one that was loaded are the same"


async def test_it_follows_until_the_reader_scrolls_and_jumps_back(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site, rounds=9)
    async with page_on(chrome, site.url) as (page, _):
        await page.goto(LIVE)
        box = page.locator("#log")
        behind = "box => box.scrollHeight - box.scrollTop - box.clientHeight"
        await site.speaker.words("en", "A new sentence")
        await expect(page.locator('[id="en.54"] .said')).to_be_visible()
        assert await box.evaluate(behind) < 4
        await box.hover()
        await page.mouse.wheel(0, -600)
        await expect(page.locator("#jump")).to_be_visible()
        top = await box.evaluate("box => box.scrollTop")
        for _ in range(3):
            await site.speaker.words("en", "Said while the reader is elsewhere")
        await expect(page.locator("#jump")).to_have_text("Jump to live, 3 new passages")
        assert abs(await box.evaluate("box => box.scrollTop") - top) < 2
        await page.locator("#jump").click()
        await expect(page.locator("#following")).to_be_visible()
        assert await box.evaluate(behind) < 4


@pytest.mark.parametrize(
    ("event", "line"),
    [(QuietMarked("en", 900_000, 950_000), ".quiet"), (GapMarked("en", 900_000, 950_000, "unheard"), ".gap")],
    ids=["quiet", "gap"],
)
async def test_it_follows_to_a_line_without_words(
    chrome: Browser, site: Serving, event: QuietMarked | GapMarked, line: str
) -> None:
    await hold_meeting(site, rounds=9)
    async with page_on(chrome, site.url) as (page, _):
        await page.goto(LIVE)
        await expect(page.locator("#log .turn").last).to_have_id("en.53")
        await site.speaker.tell(event)
        await expect(page.locator(f"#log {line}")).to_have_count(1)
        behind = "box => box.scrollHeight - box.scrollTop - box.clientHeight"
        assert await page.locator("#log").evaluate(behind) < 4
        await expect(page.locator("#following")).to_be_visible()


async def test_another_language_is_read_in_place(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site)
    async with page_on(chrome, site.url) as (page, watch):
        await page.goto(LIVE)
        before = len([url for url in watch.requests if url.endswith((".js", ".css"))])
        await page.locator('a[data-read="ar"]').click()
        await expect(page.locator('[id="ar.0"] .said')).to_have_text(SPEECH["ar"][0])
        assert "channel=ar" in page.url
        await site.speaker.words("ar", "كلمات جديدة")
        said = page.locator('[id="ar.4"] .said')
        await expect(said).to_have_text("كلمات جديدة")
        assert await said.evaluate("said => [said.lang, getComputedStyle(said).direction]") == ["ar", "rtl"]
        await site.speaker.words("en", "Not for this reader")
        await site.speaker.words("ar", "أخرى")
        await expect(page.locator('[id="ar.5"]')).to_be_visible()
        assert all(one.startswith("ar.") for one in await ids(page))
        assert len([url for url in watch.requests if url.endswith((".js", ".css"))]) == before


async def test_captions_say_how_they_are(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site)
    async with page_on(chrome, site.url) as (page, _):
        await page.goto(LIVE)
        await site.board.put(f"captions:{MEETING}:fr", b'{"state":"late","late_ms":12100}', 60)
        await expect(page.locator('[data-captions="fr"]')).to_have_text("12 s late")
        await site.board.put(f"captions:{MEETING}:fr", b'{"state":"paused","late_ms":0}', 60)
        await expect(page.locator('[data-captions="fr"]')).to_have_text("paused")


async def test_the_state_of_the_stream_changes_on_the_page(chrome: Browser, site: Serving) -> None:
    await site.keeper.create(meeting())
    await site.keeper.open(MEETING)
    async with page_on(chrome, site.url) as (page, _):
        await page.goto(LIVE)
        state = page.locator("#state .st")
        await expect(state).to_have_text("Waiting for the source")
        await expect(page.locator("#empty")).to_be_visible()
        await site.speaker.begin()
        await expect(state).to_have_text("Live")
        await site.speaker.words("en", "The first words")
        await expect(page.locator('[id="en.0"] .said')).to_have_text("The first words")
        await expect(page.locator("#empty")).to_have_count(0)
        await site.speaker.tell(RunEnded(1, 61_000, "lost"))
        await expect(state).to_have_text("Interrupted since 10:03, we try again")
        await site.speaker.tell(Ended(62_000))
        await expect(state).to_have_text("Closed")
        await expect(page.locator("#lost")).to_contain_text("The meeting is closed")


async def test_a_restarted_server_is_found_again_without_loss_or_double(chrome: Browser) -> None:
    async with MemoryLog() as log, contextlib.AsyncExitStack() as stack:
        first = contextlib.AsyncExitStack()
        site = await first.enter_async_context(serving(log=log))
        await hold_meeting(site)
        page, watch = await stack.enter_async_context(page_on(chrome, site.url))
        watch.expect_lost_connection()
        await page.goto(LIVE)
        speaker = site.speaker
        for round_ in range(3):
            await speaker.words("en", f"Before the end {round_}", more=True)
            await first.aclose()
            await expect(page.locator("#lost")).to_contain_text("Connection lost at")
            await speaker.words("en", f"Said meanwhile {round_}")
            site = await first.enter_async_context(serving(log=log, port=site.port))
            await speaker.words("en", f"After it {round_}")
            await expect(page.locator(f'[id="en.{8 + 3 * round_}"] .said')).to_have_text(f"After it {round_}")
            await expect(page.locator("#lost")).to_contain_text("Connected again")
        assert await ids(page) == [f"en.{n}" for n in range(15)]
        texts = await page.locator("#log .said").all_text_contents()
        assert texts[6:9] == ["Before the end 0", "Said meanwhile 0", "After it 0"]
        await page.goto("about:blank")
        await first.aclose()


async def test_announcing_is_off_until_asked_for(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site)
    async with page_on(chrome, site.url) as (page, _):
        await page.goto(LIVE)
        region = page.locator("#announced")
        await expect(region).to_have_attribute("aria-live", "off")
        await page.get_by_label("Announce new text").check()
        await expect(region).to_have_attribute("aria-live", "polite")
        await site.speaker.words("en", "One final sentence")
        await put_draft(site, "en", "en.7", 0, "not this")
        await expect(region).to_have_text("One final sentence")
        await site.speaker.tell(GapMarked("en", 90_000, 91_000, "unheard"), QuietMarked("en", 91_000, 150_000))
        await expect(page.locator("#log .quiet")).to_have_count(1)
        await expect(region).to_have_text("Words are missing here.", timeout=10_000)


async def test_nothing_is_loaded_before_play(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site)
    async with page_on(chrome, site.url) as (page, watch):
        for mode in ("audio", "video"):
            await page.goto(f"{LIVE}&mode={mode}")
            await expect(page.locator("#cap")).to_contain_text("Committee allows.")
            await expect(page.get_by_role("button", name="Play")).to_be_visible()
        assert not [url for url in watch.requests if "/media/" in url or "/listen/" in url or "hls" in url]


async def test_without_script_a_reader_reads_searches_and_follows(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site)
    async with page_on(chrome, site.url, java_script_enabled=False) as (page, _):
        await page.goto(LIVE)
        await expect(page.locator('[id="en.5"] .said')).to_have_text(SPEECH["en"][5])
        await page.get_by_label("Words to look for").fill("madam chair")
        await page.get_by_role("button", name="Search").click()
        await expect(page.locator("mark")).to_have_count(2)
        await page.get_by_role("link", name="Show everything").click()
        await page.get_by_role("link", name="中文").first.click()
        await expect(page.locator('[id="zh.0"] .said')).to_have_text(SPEECH["zh"][0])
        await page.goto(f"/m/{MEETING}/text?channel=zh", wait_until="commit")
        await expect(page.locator('[id="zh.2"]')).to_have_text(SPEECH["zh"][2])
        await site.speaker.words("zh", "现在说的话")
        await expect(page.locator('[id="zh.3"]')).to_have_text("现在说的话")
        await page.goto("about:blank")


async def test_local_time_stands_beside_genevas(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site)
    async with page_on(chrome, site.url) as (page, _):
        for path in ("/", LIVE):
            await page.goto(path)
            await expect(page.locator("[data-local]:visible").first).to_have_text("(11:02 where you are)")
    async with page_on(chrome, site.url, timezone_id="Europe/Paris") as (page, _):
        await page.goto("/")
        await expect(page.locator("[data-local]:visible")).to_have_count(0)


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_no_page_scrolls_sideways(chrome: Browser, site: Serving, width: int) -> None:
    await hold_meeting(site)
    await site.speaker.words("en", "W" * 300)
    await site.keeper.create(meeting("closed", title="A very long title of a meeting of a committee on a State"))
    await site.keeper.open("closed")
    speaker = Speaker(site.log, "closed")
    await speaker.begin()
    await speaker.speak()
    await speaker.tell(Ended(90_000))
    await site.keeper.close("closed")
    paths = ("/", LIVE, f"{LIVE}&mode=video", f"{LIVE}&mode=audio", "/m/closed?mode=audio", f"{LIVE}&q=48", "/nowhere")
    async with page_on(chrome, site.url, viewport={"width": width, "height": 800}) as (page, watch):
        for path in paths:
            for language in ("en", "ar", "ru"):
                await page.goto(f"{path}{'&' if '?' in path else '?'}l={language}")
                over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert over <= 0, (path, language)
        watch.faults = [fault for fault in watch.faults if "404" not in fault]
        await asyncio.sleep(0)


async def test_a_page_opened_before_anything_is_recorded_offers_sound_and_picture_later(
    chrome: Browser, site: Serving
) -> None:
    await hold_meeting(site)
    site.tracks.clear()
    async with page_on(chrome, site.url) as (page, _):
        await page.goto(LIVE)
        await expect(page.locator("#live")).to_have_attribute("data-state", "live")
        await expect(page.locator("#follow-by .even a")).to_have_count(1)
        site.tracks.extend(RECORDED)
        await expect(page.locator("#follow-by .even a")).to_have_count(3)
