"""A correction in Chromium: made without script on the passage's page, seen with its mark on every open page."""

import html

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.browsing import page_on
from tests.site.desking import MEETING, QUIET, browser_of, desk

pytestmark = pytest.mark.browser

MENDED = "Thank you, Madam Chair. The figures are collected by all the regional courts."


async def test_a_correction_reaches_open_pages_with_its_mark_and_needs_no_script(chrome: Browser) -> None:
    async with desk() as here, browser_of(here, "moderator", QUIET) as seat:
        url = here.site.url
        async with (
            page_on(chrome, url) as (reader, _),
            page_on(chrome, url, java_script_enabled=False) as (quiet, _),
            page_on(chrome, url, java_script_enabled=False) as (editor, _),
        ):
            await editor.context.add_cookies(
                [{"name": name, "value": value, "url": url} for name, value in seat.cookies.items()]
            )
            await reader.goto(f"/m/{MEETING}?channel=en&l=en")
            await quiet.goto(f"/m/{MEETING}/text?channel=en&l=en", wait_until="commit")
            await expect(quiet.locator('[id="en.5"]')).to_contain_text("Ministry")
            await editor.goto(f"/m/{MEETING}/en/4?l=en")
            await editor.get_by_role("textbox", name="What was said").fill(MENDED)
            await editor.get_by_label("Why").fill("Misheard word")
            await editor.get_by_role("button", name="Correct it").click()
            await expect(editor.locator(".here .said")).to_have_text(MENDED)
            await expect(reader.locator('[id="en.4"] .said')).to_have_text(MENDED)
            await expect(reader.locator('[id="en.4"] .tr')).to_have_text("Corrected text")
            await expect(quiet.locator("body")).to_contain_text(MENDED)
            await expect(quiet.locator("body")).to_contain_text("Corrected text")
            await editor.get_by_text("Cite only some of its words").click()
            await editor.get_by_label("First word").select_option(label="9. by")
            await editor.get_by_label("Last word").select_option(label="10. all")
            await editor.get_by_role("button", name="Mark these words").click()
            await expect(editor.locator(".here mark")).to_have_text("by all")
            await editor.goto(f"/d/{QUIET}/misheard?l=en")
            await editor.get_by_label("As it was misheard").fill("madam chair")
            await editor.get_by_label("As it is written").fill("Madam Chairperson")
            await editor.get_by_role("button", name="Look at every place").click()
            await expect(editor.locator("ins")).to_have_count(2)
            await editor.get_by_role("checkbox").first.uncheck()
            await editor.get_by_role("button", name="Correct the ticked places").click()
            await expect(editor.locator("#outcome")).to_have_text("1 passage corrected.")
            await expect(reader.locator('[id="en.4"] .said')).to_contain_text("Madam Chairperson. The figures")
            await expect(reader.locator('[id="en.0"] .said')).to_contain_text("Madam Chair. I turn")
        page = html.unescape((await seat.get(f"/m/{MEETING}/en/4?l=en")).text)
        assert "Madam Chairperson. The figures are collected by all the regional courts." in page
