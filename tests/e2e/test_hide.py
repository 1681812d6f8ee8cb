"""A name is said aloud, one key is pressed: it is gone from every page that is open, and from what is fetched after."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from hearing.site.show import Track
from tests.e2e.browsing import GONE, page_on
from tests.e2e.firefox import firefox
from tests.e2e.test_page_access import axe, faults
from tests.site.desking import QUIET, Desk, browser_of, desk, fields
from tests.site.serving import MEETING, ZERO_MS

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.browser

NAME = "Amina of the third district"
SPOKEN = f"I speak for {NAME} who was taken"
TOMBSTONE = "This passage was hidden by the secretariat."


@pytest.fixture
async def here() -> AsyncIterator[Desk]:
    async with desk() as running:
        running.site.tracks.append(Track("audio", "en", 64_000))
        running.site.speaker._t["en"] += 60_000
        await running.site.speaker.words("en", SPOKEN, more=True)
        running.clock.ms = ZERO_MS + running.site.speaker._t["en"] + 1500
        body = f'{{"segment":"en.7","after":0,"text":"and {NAME}"}}'.encode()
        await running.site.board.put(f"draft:{MEETING}:en", body, 60)
        yield running


async def take_seat(page: Page, here: Desk, role: str = "moderator") -> None:
    """Open an invitation as its bearer does."""
    token = await here.seat(role, QUIET, "Moderator 1")  # type: ignore[arg-type]
    await page.goto(f"/staff/{QUIET}/accept?l=en")
    await page.locator("input[name=invite]").fill(token)
    await page.locator("main button").click()
    await page.locator("main button").click()
    await page.wait_for_url("**/d/**")


@pytest.mark.parametrize("page_name", ["said", "queue"])
async def test_one_key_takes_a_name_out_of_the_live(chrome: Browser, here: Desk, page_name: str) -> None:
    url = here.site.url
    async with (
        page_on(chrome, url) as (reader, _),
        page_on(chrome, url, java_script_enabled=False) as (quiet, _),
        page_on(chrome, url) as (moderator, _),
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        await reader.goto(f"/m/{MEETING}?channel=en&mode=audio&l=en")
        await expect(reader.locator("#cap")).to_contain_text("who was taken")
        await expect(reader.locator("#draft")).to_contain_text(NAME)
        await quiet.goto(f"/m/{MEETING}/text?channel=en&l=en", wait_until="commit")
        await expect(quiet.locator('[id="en.6"]')).to_contain_text(NAME)
        await take_seat(moderator, here)
        await moderator.goto(f"/d/{QUIET}/{page_name}?l=en")
        pressed = await moderator.evaluate("Date.now()")
        gone = asyncio.ensure_future(reader.evaluate(GONE, NAME))
        await moderator.keyboard.press("h")
        async with asyncio.timeout(60):
            ms = await gone - pressed
        await expect(quiet.locator('[id="en.6"]')).to_contain_text(TOMBSTONE)
        quiet_ms = await moderator.evaluate("Date.now()") - pressed
        logger.info("hidden from=%s live_page_ms=%d page_without_script_ms=%d", page_name, ms, quiet_ms)
        await expect(quiet.locator("body")).not_to_contain_text(NAME)
        await expect(reader.locator('[id="en.6"]')).to_contain_text(TOMBSTONE)
        await expect(reader.locator('[id="en.6"]')).to_be_visible()
        await expect(reader.locator("#draft")).to_have_text("")
        await expect(reader.locator("#cap")).not_to_contain_text("taken")
        await expect(moderator.locator("#hid")).to_be_visible()
        await expect(moderator.locator("#unhid")).to_be_hidden()
        for path in (f"/m/{MEETING}/en.vtt", f"/m/{MEETING}/en.txt", f"/api/meetings/{MEETING}/segments"):
            assert NAME not in (await client.get(path)).text
        late = await reader.context.new_page()
        await late.goto(f"/m/{MEETING}?channel=en&all=1&l=en")
        await expect(late.locator('[id="en.6"]')).to_contain_text(TOMBSTONE)
        here.site.speaker._t["en"] += 90_000
        await here.site.speaker.words("en", "We go on with article 10")
        await expect(reader.locator('[id="en.7"] .said')).to_have_text("We go on with article 10")


async def test_a_slip_is_shown_again_and_comes_back_to_open_pages(chrome: Browser, here: Desk) -> None:
    url = here.site.url
    async with page_on(chrome, url) as (reader, _), page_on(chrome, url) as (moderator, _):
        await reader.goto(f"/m/{MEETING}?channel=en&l=en")
        await take_seat(moderator, here)
        await moderator.goto(f"/d/{QUIET}/said?l=en")
        await moderator.locator('[id="said-en.5"] button').click()
        await expect(reader.locator('[id="en.5"]')).to_contain_text(TOMBSTONE)
        await expect(moderator.locator("#told button")).to_have_count(1)
        await expect(moderator.locator('[id="said-en.5"]')).to_contain_text(TOMBSTONE)
        await moderator.locator("#told button").click()
        await expect(reader.locator('[id="en.5"] .said')).to_contain_text("eleven of fourteen regions")
        await expect(moderator.locator('[id="said-en.5"]')).to_contain_text("eleven of fourteen regions")
        await here.site.speaker.words("en", "Thank you all")
        await expect(reader.locator("#log")).to_contain_text("Thank you all")
        await expect(moderator.locator("#lines > :first-child")).to_contain_text("Thank you all")


async def test_a_page_of_search_results_drops_it_too(chrome: Browser, here: Desk) -> None:
    url = here.site.url
    async with page_on(chrome, url) as (reader, _), page_on(chrome, url, java_script_enabled=False) as (moderator, _):
        await reader.goto(f"/m/{MEETING}?channel=en&q=fourteen&l=en")
        await expect(reader.locator("mark")).to_have_text("fourteen")
        await take_seat(moderator, here)
        await moderator.goto(f"/d/{QUIET}/said?channel=en&l=en")
        await moderator.locator('[id="said-en.5"] button').click()
        await expect(moderator.locator("#told li")).to_have_count(1)
        await expect(reader.locator("#log")).to_contain_text(TOMBSTONE)
        await expect(reader.locator("body")).not_to_contain_text("fourteen regions")


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_axe_finds_nothing_where_passages_are_hidden(chrome: Browser, here: Desk, language: str) -> None:
    script = axe()
    async with page_on(chrome, here.site.url) as (page, _):
        await take_seat(page, here)
        await page.goto(f"/d/{QUIET}/said?channel=en&l={language}")
        await page.locator('[id="said-en.3"] button').click()
        await expect(page.locator("#told li")).to_have_count(1)
        for path in (
            f"/d/{QUIET}/said?hid=yes",
            f"/d/{QUIET}/queue?hid=yes",
            f"/d/{QUIET}/chair?hid=yes",
            f"/m/{MEETING}?x",
        ):
            await page.goto(f"{path}&l={language}")
            assert await faults(page, script) == [], path


async def test_firefox_without_scripts_loads_the_growing_page_again(here: Desk, tmp_path: Path) -> None:
    async with (
        firefox(tmp_path / "profile", scripts=False) as tab,
        browser_of(here, "moderator", QUIET) as moderator,
        asyncio.timeout(60),
    ):
        await tab.go(f"{here.site.url}/m/{MEETING}/text?channel=en&l=en", wait="none")
        while SPOKEN not in await tab.text(".said"):
            await asyncio.sleep(0.2)
        page = (await moderator.get(f"/d/{QUIET}/said")).text
        began = time.monotonic()
        await moderator.post(f"/d/{QUIET}/said", data=fields(page, 'value="just"'))
        while TOMBSTONE not in await tab.text(".hid p"):
            await asyncio.sleep(0.05)
        logger.info("hidden from=post firefox_without_script_ms=%d", (time.monotonic() - began) * 1000)
        assert not [text for text in await tab.text("body") if NAME in text]
