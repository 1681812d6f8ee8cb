"""axe-core on every page, in both schemes and three scripts; what a keyboard reaches."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from hearing.events import Ended, GapMarked, QuietMarked, Redacted
from hearing.site.show import Track
from tests.e2e.browsing import browser, page_on
from tests.needs import program
from tests.site.serving import MEETING, Serving, Speaker, hold_meeting, meeting, serving

pytestmark = pytest.mark.browser

_AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RECORDED = [Track("audio", "en", 64_000), Track("audio", "fr", 64_000), Track("video", None, 900_000)]
_PAGES = (
    "/",
    f"/m/{MEETING}",
    f"/m/{MEETING}?mode=audio",
    f"/m/{MEETING}?mode=video&hear=fr",
    f"/m/{MEETING}?q=48",
    f"/m/{MEETING}?q=nothing-like-it",
    "/m/closed",
    "/m/closed?mode=audio",
    "/m/closed/text",
    "/m/closed?mode=audio&channel=en&t=4000",
    "/m/closed/en/1",
    f"/m/{MEETING}/ar/3",
    f"/m/{MEETING}/en/2",
    "/m/planned",
    "/nowhere",
)


def axe() -> str:
    """Return axe-core; skips without Node, or fails where HEARING_REQUIRE names it."""
    program("node")
    if not _AXE.exists():
        pytest.skip("axe-core is not here: scripts/web --dev")
    return _AXE.read_text("utf-8")


async def fill(site: Serving) -> None:
    """Make a meeting in every state."""
    await hold_meeting(site, rounds=9)
    await site.speaker.tell(GapMarked("en", 400_000, 410_000, "unheard"), QuietMarked("en", 410_000, 440_000))
    await site.board.put(f"draft:{MEETING}:en", b'{"segment":"en.54","after":0,"text":"I thank the delegation"}', 600)
    for channel, state in (("en", "live"), ("fr", "late"), ("ar", "paused"), ("zh", "off")):
        body = f'{{"state":"{state}","late_ms":12000}}'.encode()
        await site.board.put(f"captions:{MEETING}:{channel}", body, 600)
    await take_away(site, "en.2")
    await site.keeper.create(meeting("planned", title="Teralund", starts_ms=1_794_300_000_000))
    await site.keeper.create(meeting("closed", title="Veshtia"))
    await site.keeper.open("closed")
    speaker = Speaker(site.log, "closed")
    await speaker.begin()
    await speaker.speak()
    await speaker.tell(Ended(90_000))
    await site.keeper.close("closed")


async def take_away(site: Serving, segment: str) -> None:
    """Erase every record of a segment, as redaction does."""
    for record in await site.log.read(f"public:{MEETING}", 0, 10_000):
        if f'"{segment}"'.encode() in record.body:
            await site.log.erase(f"public:{MEETING}", record.position)
            await site.speaker.tell(Redacted(record.position))


async def violations(page: Page, *rules: str) -> list[str]:
    """Return what axe finds wrong, by all rules or by these."""
    only = {"type": "rule", "values": list(rules)} if rules else _RULES
    found = await page.evaluate("only => axe.run({runOnly: only})", only)
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found["violations"]]


async def faults(page: Page, script: str) -> list[str]:
    """Return what axe finds wrong in both schemes; of its rules, only contrast is another matter in the dark."""
    await page.evaluate(script)
    light = await violations(page)
    await page.emulate_media(color_scheme="dark")
    dark = await violations(page, "color-contrast")
    await page.emulate_media(color_scheme="light")
    return [*light, *(f"dark: {one}" for one in dark)]


@pytest.mark.parametrize("language", ["en", "ar", "zh"])
async def test_axe_finds_nothing(language: str) -> None:
    script = axe()
    async with serving(recorded=_RECORDED) as site, browser() as chrome:
        await fill(site)
        async with page_on(chrome, site.url) as (page, watch):
            for path in _PAGES:
                await page.goto(f"{path}{'&' if '?' in path else '?'}l={language}")
                assert await faults(page, script) == [], path
            watch.faults = [fault for fault in watch.faults if "404" not in fault and "410" not in fault]


async def test_axe_finds_nothing_once_following_is_paused_and_the_line_is_lost() -> None:
    script = axe()
    async with browser() as chrome:
        async with serving() as site:
            await fill(site)
            context = await chrome.new_context(base_url=site.url)
            page = await context.new_page()
            await page.goto(f"/m/{MEETING}?channel=en")
            await page.locator("#stop").click()
            await expect(page.locator("#jump")).to_be_focused()
        await expect(page.locator("#lost")).to_contain_text("Connection lost")
        await page.evaluate(script)
        assert await violations(page) == []
        await context.close()


async def test_a_keyboard_reaches_and_works_everything() -> None:
    async with serving(recorded=_RECORDED) as site, browser() as chrome:
        await fill(site)
        async with page_on(chrome, site.url) as (page, _):
            await page.goto(f"/m/{MEETING}?mode=audio&channel=en")
            await page.keyboard.press("Tab")
            await expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
            names: list[str] = []
            for _ in range(60):
                await page.keyboard.press("Tab")
                names.append(
                    await page.evaluate(
                        "document.activeElement.getAttribute('aria-label')"
                        " ?? document.activeElement.innerText ?? document.activeElement.id"
                    )
                )
            for wanted in ("Play", "Captions", "Caption size", "Stop following", "Search"):
                assert any(wanted in name for name in names), wanted
            await page.locator("#cc").focus()
            await page.keyboard.press("Space")
            await expect(page.locator("#cc")).to_have_attribute("aria-pressed", "false")
            await expect(page.locator("#cap")).to_be_hidden()
            await page.locator("#size").focus()
            await page.keyboard.press("Enter")
            assert "large" in (await page.locator("#cap").get_attribute("class") or "")
            await page.locator('a[data-read="fr"]').focus()
            await page.keyboard.press("Enter")
            await expect(page.locator('[id="fr.0"]')).to_be_visible()
            await expect(page.locator('a[data-read="fr"]')).to_be_focused()
