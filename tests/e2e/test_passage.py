"""A passage in Chromium: cited, listened to from its second, led to from the page; captions as a browser reads them."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from hearing.events import Ended
from hearing.site.show import Track
from tests.e2e.browsing import page_on
from tests.site.serving import MEETING, SPEECH, Serving, hold_meeting, serving

pytestmark = pytest.mark.browser

RECORDED = [Track("audio", "en", 64_000), Track("audio", "ar", 64_000)]
_CUES = """async address => {
  const video = document.createElement("video");
  const track = document.createElement("track");
  const read = new Promise((resolve, reject) => { track.onload = resolve; track.onerror = reject; });
  track.src = address;
  track.default = true;
  video.append(track);
  document.body.append(video);
  track.track.mode = "hidden";
  await read;
  return [...track.track.cues].map(cue => [cue.id, cue.startTime, cue.getCueAsHTML().textContent]);
}"""


@pytest.fixture
async def site() -> AsyncIterator[Serving]:
    async with serving(recorded=RECORDED) as running:
        yield running


async def test_a_passage_is_found_from_the_page_and_copied(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site)
    async with page_on(chrome, site.url, permissions=["clipboard-read", "clipboard-write"]) as (page, _):
        await page.goto(f"/m/{MEETING}?channel=en&l=en")
        await site.speaker.words("en", "Said while the page was open")
        grown = page.locator('[id="en.6"] .at')
        await expect(grown).to_have_attribute("href", f"/m/{MEETING}/en/6?l=en")
        await grown.click()
        await expect(page.locator(".here .said")).to_have_text("Said while the page was open")
        await page.get_by_role("button", name="Copy").click()
        await expect(page.locator("#copied")).to_have_text("Copied")
        copied: str = await page.evaluate("navigator.clipboard.readText()")
        assert copied == await page.locator("#cite").input_value()
        assert copied.endswith(f"{site.url}/m/{MEETING}/en/6")


async def test_the_player_stands_where_the_passage_begins(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site, rounds=3)
    await site.speaker.tell(Ended(200_000))
    await site.keeper.close(MEETING)
    async with page_on(chrome, site.url) as (page, _):
        await page.goto(f"/m/{MEETING}/en/7")
        await page.get_by_role("link", name="Listen from here").click()
        await expect(page.locator("#seek")).to_have_value("44000")
        await expect(page.locator("#cap")).to_contain_text("The State party")


async def test_a_live_page_shows_the_passage_its_address_names(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site, rounds=9)
    async with page_on(chrome, site.url) as (page, _):
        await page.goto(f"/m/{MEETING}?channel=en&all=1#en.9")
        await expect(page.locator('[id="en.9"]')).to_be_in_viewport()
        await expect(page.locator("#jump")).to_be_visible()
        await site.speaker.words("en", "Said while the reader reads elsewhere")
        await expect(page.locator("#jump")).to_contain_text("1 new")
        await expect(page.locator('[id="en.9"]')).to_be_in_viewport()


async def test_it_is_whole_without_script_and_on_a_small_screen(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site)
    for language in ("en", "ar"):
        options = {"java_script_enabled": False, "viewport": {"width": 320, "height": 640}}
        async with page_on(chrome, site.url, **options) as (page, _):
            await page.goto(f"/m/{MEETING}/en/2?l={language}")
            await expect(page.locator(".here .said")).to_have_text(SPEECH["en"][2])
            await page.locator("#cite").focus()
            await expect(page.locator("#cite")).to_be_focused()
            await expect(page.locator("#copy")).to_be_hidden()
        async with page_on(chrome, site.url, viewport={"width": 320, "height": 640}) as (page, _):
            await page.goto(f"/m/{MEETING}/en/2?l={language}")
            assert await page.evaluate("document.documentElement.scrollWidth") == 320


async def test_the_browser_reads_the_captions_that_were_exported(chrome: Browser, site: Serving) -> None:
    await hold_meeting(site)
    async with page_on(chrome, site.url) as (page, _):
        await page.goto("/")
        for channel, between in (("en", " "), ("ar", " "), ("zh", "")):
            cues = await page.evaluate(_CUES, f"/m/{MEETING}/{channel}.vtt")
            assert (cues[0][0], cues[0][1]) == (f"{channel}.0", 0)
            text = between.join(cue[2].replace("\n", between) for cue in cues).replace("\u200f", "")
            assert text == between.join(SPEECH[channel])
