"""The search page in a real browser: without script, at any width, for everybody."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.browsing import browser, page_on
from tests.e2e.test_page_access import axe, faults, fill
from tests.site.serving import serving

pytestmark = pytest.mark.browser

_PAGES = (
    "/",
    "/search",
    "/search?q=48",
    "/search?q=48&language=en&order=newest&page=2",
    "/search?q=nothing-like-it&from=2026-01-01",
    "/search?q=%D8%B3%D8%A7%D8%B9%D8%A9",
)


@pytest.mark.parametrize("language", ["en", "ar", "zh"])
async def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(language: str, tmp_path: Path) -> None:
    script = axe()
    async with serving(index=tmp_path / "index.db") as site, browser() as chrome:
        await fill(site)
        phone = {"width": 320, "height": 640}
        async with page_on(chrome, site.url, viewport=phone) as (page, _):
            for path in _PAGES:
                await page.goto(f"{path}{'&' if '?' in path else '?'}l={language}")
                assert await page.evaluate("document.documentElement.scrollWidth") == 320, path
                assert await faults(page, script) == [], path


async def test_a_word_is_found_and_followed_to_its_passage_without_script(tmp_path: Path) -> None:
    async with serving(index=tmp_path / "index.db") as site, browser() as chrome:
        await fill(site)
        async with page_on(chrome, site.url, java_script_enabled=False) as (page, _):
            await page.goto("/")
            await page.get_by_label("Search what was said in all hearings").fill("“48 hours” judge")
            await page.get_by_role("button", name="Search").click()
            await expect(page.locator("mark").first).to_have_text("48 hours")
            await page.get_by_role("link", name="Newest first").click()
            await expect(page.get_by_text("Newest first.")).to_be_visible()
            passage = (await page.locator(".hits a").first.get_attribute("href") or "").partition("#")[2]
            await page.locator(".hits a").first.click()
            await expect(page.locator(f'[id="{passage}"]')).to_contain_text("48 hours")
            await expect(page.locator(f'[id="{passage}"]')).to_be_in_viewport()
