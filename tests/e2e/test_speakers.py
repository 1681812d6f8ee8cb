"""Who speaks, in a real browser: one key on the live page, and every open page says so; mended, all say the same."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.browsing import page_on
from tests.e2e.test_hide import take_seat
from tests.e2e.test_page_access import axe, violations
from tests.site.desking import MEETING, QUIET, Desk, desk
from tests.site.serving import ZERO_MS

pytestmark = pytest.mark.browser

LIST = "Maria Rossi; Head of delegation; delegation\nAwa Diallo; Rapporteur; committee\nمريم السالم; عضو الوفد\n"
LIVE = f"/m/{MEETING}?channel=en&l=en"
SHOWN = "log => [...log.querySelectorAll('.turn')].map(turn => [turn.id, turn.querySelector('.who')?.innerText ?? ''])"


async def shown(page: Page) -> list[list[str]]:
    """Return each turn of the transcript with the name that stands over it."""
    return await page.locator("#log").evaluate(SHOWN)  # type: ignore[no-any-return]


async def test_a_press_on_the_live_page_is_on_every_page_and_what_is_mended_too(chrome: Browser) -> None:
    async with (
        desk() as here,
        page_on(chrome, here.site.url) as (reader, _),
        page_on(chrome, here.site.url) as (moderator, _),
        page_on(chrome, here.site.url) as (fresh, _),
    ):
        here.clock.ms = ZERO_MS + here.site.speaker._t["en"] - 500
        await reader.goto(LIVE)
        await take_seat(moderator, here)
        await moderator.goto(f"/d/{QUIET}/speakers?l=en")
        await moderator.locator("#list").fill(LIST)
        await moderator.get_by_role("button", name="Save the list").click()
        await expect(moderator.locator('[data-key="3"]')).to_be_visible()
        await moderator.evaluate(axe())
        assert await violations(moderator) == []
        await moderator.goto(LIVE)
        await moderator.locator("#q").fill("3")
        await moderator.locator("#q").press("1")
        await expect(moderator.locator("#who-status")).to_contain_text("Nobody was named")
        await moderator.locator("#q").blur()
        await moderator.keyboard.press("1")
        await expect(moderator.locator("#who-status")).to_contain_text("Maria Rossi")
        await expect(moderator.locator('[data-key="1"]')).to_have_attribute("aria-current", "true")
        here.site.speaker._t["en"] += 5000
        await here.site.speaker.words(
            "en", "I thank the Committee for its attention, and all who came to hear it today."
        )
        await expect(reader.locator('[id="en.6"] .who')).to_have_text("Maria Rossi Head of delegation")
        await moderator.keyboard.press("3")
        here.site.speaker._t["en"] += 5000
        await here.site.speaker.words("en", "And so do I.", more=True)
        here.clock.ms += 30_000
        await mend(moderator, reader, here)
        await fresh.goto(LIVE)
        assert await shown(reader) == await shown(fresh)
        await reader.evaluate(axe())
        assert await violations(reader) == []


async def mend(moderator: Page, reader: Page, here: Desk) -> None:
    """Mend a turn's time and name, add one, take one away; the reader's page follows."""
    await moderator.goto(f"/d/{QUIET}/speakers?l=en")
    first = moderator.locator("#turns > li").last
    await first.locator("input[name=time]").fill("10:02:13")
    await first.locator("input[name=who]").fill("Awa Diallo; Rapporteur")
    await first.get_by_role("button", name="Save").click()
    await expect(reader.locator('[id="en.2"] .who')).to_have_text("Awa Diallo Rapporteur")
    await expect(reader.locator('[id="en.6"] .who')).to_have_count(0)
    await moderator.locator("details summary").click()
    await moderator.locator("details input[name=time]").fill("10:02:26")
    await moderator.locator("details button").click()
    await expect(reader.locator('[id="en.4"] .who')).to_have_text("Speaker not identified")
    await moderator.locator("#turns > li").first.get_by_role("button", name="Remove").click()
    await expect(reader.locator(".who")).to_have_count(2)
