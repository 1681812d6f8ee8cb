"""What a second pass proposes, in Chromium: read, ticked, looked at and accepted without script; axe finds nothing."""

import msgspec
import pytest
from playwright.async_api import Browser, expect

from hearing.events import Ended
from hearing.revision import Heard, Piece
from hearing.site import revising
from hearing.site.folds import Folds
from tests.e2e.test_page_access import axe, faults
from tests.e2e.test_staff import staff_on
from tests.site.desking import MEETING, Desk, desk
from tests.site.serving import SPEECH
from tests.site.test_revision import EN, EN_1, FR, PAGE, WORD_MS, piece

pytestmark = pytest.mark.browser

ZH = "谢谢主席女士。我现在谈谈第十条。"


async def propose(here: Desk) -> None:
    """Close the meeting, and let a second pass propose texts in three scripts."""
    site = here.site
    await site.keeper.close(MEETING)
    await site.speaker.tell(Ended(10**6))
    meeting = site.keeper.house().meeting(MEETING)
    pieces = [said(piece("en", EN, EN_1)), said(piece("fr", FR))]
    letters = tuple(Heard(one, n * WORD_MS, (n + 1) * WORD_MS) for n, one in enumerate(ZH))
    pieces.append(Piece("zh", 0, len(SPEECH["zh"][0]) * WORD_MS + 300, "base", letters))
    arabic = SPEECH["ar"][0].replace("المادة 9", "المادة التاسعة").split()
    words = tuple(Heard(one, n * WORD_MS, (n + 1) * WORD_MS) for n, one in enumerate(arabic))
    pieces.append(Piece("ar", 0, len(arabic) * WORD_MS + 300, "base", words))
    for one in pieces:
        await here.office.revisions.take(meeting, one, lambda at: Folds(site.log, site.log).past(MEETING, at))


def said(asked: dict[str, object]) -> Piece:
    return revising.piece_of(revising.decode(msgspec.json.encode(asked)))


async def test_proposals_are_decided_without_script(chrome: Browser) -> None:
    async with desk() as here, staff_on(here, chrome) as (signed, _):
        await propose(here)
        state = await signed.context.storage_state()
        context = await chrome.new_context(base_url=here.site.url, java_script_enabled=False, storage_state=state)
        page = await context.new_page()
        try:
            await page.goto(f"/staff/meetings/{MEETING}?l=en")
            await page.get_by_role("link", name="Second pass").click()
            await expect(page.get_by_role("heading", name="5 proposals")).to_be_visible()
            await expect(page.locator("ins").first).to_have_text("nineteen.")
            await page.locator('[id="take-en.0"]').check()
            await page.get_by_role("button", name="Accept the ticked ones").click()
            await expect(page.locator("#outcome")).to_have_text("1 passage corrected.")
            await page.locator('[id="take-fr.0"]').check()
            await page.get_by_role("button", name="Decline the ticked ones").click()
            await expect(page.locator("#declined")).to_contain_text("1 proposal declined.")
            await expect(page.get_by_role("heading", name="3 proposals")).to_be_visible()
            await page.get_by_role("button", name="Look at what accepting all of these would change").click()
            await expect(page.get_by_role("heading", name="3 passages would read so")).to_be_visible()
            await page.get_by_role("button", name="Accept 3 proposals").click()
            await expect(page.locator("#outcome")).to_have_text("3 passages corrected.")
            await expect(page.locator("body")).to_contain_text("Nothing is proposed")
            await page.goto(f"/m/{MEETING}/zh/0?l=en")
            await expect(page.locator(".here .said")).to_have_text(ZH)
            await page.goto(f"/m/{MEETING}/fr/0?l=en")
            await expect(page.locator(".here .said")).to_have_text(SPEECH["fr"][0])
        finally:
            await context.close()


@pytest.mark.parametrize("language", ["en", "ar", "zh"])
async def test_axe_finds_nothing_before_during_and_after(chrome: Browser, language: str) -> None:
    script = axe()
    async with desk() as here, staff_on(here, chrome) as (page, watch):
        await page.goto(f"{PAGE}?l={language}")
        assert await faults(page, script) == [], "before anything was heard"
        await propose(here)
        await page.goto(f"{PAGE}?l={language}")
        assert await faults(page, script) == []
        await page.locator('button[value="preview"]').click()
        await expect(page.locator("#preview")).to_be_visible()
        assert await faults(page, script) == []
        await page.locator('button[value="accept"]').click()
        await expect(page.locator("#outcome")).to_be_visible()
        assert await faults(page, script) == []
        assert watch.faults == []
