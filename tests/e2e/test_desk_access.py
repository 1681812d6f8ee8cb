"""axe-core and a screen of 320 px on every page of the question queue, in three scripts, light and dark."""

import pytest
from playwright.async_api import Browser, Page, expect

from hearing.access import Capability
from hearing.events import Wording
from hearing.qa import receipt
from hearing.qa.acts import Accept, Act, Answer, Ask, Decline, Note, Publish, Route, TurnTo
from hearing.qa.intake import Submission
from tests.e2e.browsing import page_on
from tests.e2e.test_desk_chromium import sit
from tests.e2e.test_page_access import axe, violations
from tests.site.desking import BRIEFING, MEETING, OPEN, QUIET, Desk
from tests.site.serving import SPEECH, Speaker

pytestmark = pytest.mark.browser

LANGUAGES = ("en", "ar", "zh")
TEXTS = {
    "en": "According to our monitoring of eleven detention facilities, what of the wells behind the school?",
    "ar": "ما هي التدابير التي اتخذتها الدولة الطرف منذ الاستعراض الأخير لتنفيذ التوصيات المتعلقة بالمادة 9؟",
    "zh": "缔约国为实施第九条采取了哪些措施，以确保被拘留者在四十八小时内被带见法官？",
    "fr": "Anticonstitutionnellement-" * 12,
}
STATES: tuple[tuple[str, tuple[Act, ...]], ...] = (
    ("en", (Accept(), Publish(), TurnTo("now"), Route())),
    ("ar", (Accept(), Publish("Cleaned"), TurnTo("next"), Note("A note."), Ask("Where?"))),
    ("zh", (Accept(), Publish(), Answer("briefing", ("en.2",), "In writing too."))),
    ("en", (Decline("other", "Too long."),)),
    ("fr", (Accept(), Publish())),
    ("ar", ()),
    ("fr", ()),
    ("zh", ()),
)


async def send(running: Desk, dialogue: str, language: str, *acts: Act) -> str:
    """Send something and decide; return its receipt."""
    digits = receipt.mint()
    keys = receipt.keys(digits)
    ceiling = "public-text" if dialogue == OPEN else "committee"
    name = "Ana Ortiz" if dialogue == OPEN else ""
    wanted = Submission("question", TEXTS[language], language, ceiling, name, "cso")  # type: ignore[arg-type]
    await running.office.submit(dialogue, keys, wanted)
    who = Capability("moderator", dialogue, "ab" * 8)
    for act in acts:
        version = (await running.office.moderators.item(who, dialogue, keys.item)).version
        await running.office.moderators.decide(who, dialogue, keys.item, version, act)
    return digits


async def fill(running: Desk) -> list[str]:
    """Have something in every state in both dialogues; return the receipts of the open one."""
    speaker = Speaker(running.site.log, BRIEFING)
    await speaker.begin()
    for line in SPEECH["en"]:
        await speaker.words("en", line)
    receipts = [await send(running, OPEN, language, *acts) for language, acts in STATES]
    for language in TEXTS:
        await send(running, QUIET, language, Accept(), Route())
    for dialogue in (OPEN, QUIET):
        who = Capability("moderator", dialogue, "ab" * 8)
        for call in (True, False):
            await running.office.notices.post(
                who, dialogue, [Wording("en", "Who has data?"), Wording("ar", "من؟")], call=call
            )
    await running.settle()
    return receipts


async def check(page: Page, script: str, where: str) -> None:
    """Look at a page in both schemes and on a small screen."""
    await page.evaluate(script)
    assert await violations(page) == [], where
    await page.emulate_media(color_scheme="dark")
    assert await violations(page, "color-contrast") == [], (where, "dark")  # the one rule that a scheme changes
    await page.emulate_media(color_scheme="light")
    size = page.viewport_size
    assert size
    await page.set_viewport_size({"width": 320, "height": 640})
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 320, (where, wide)
    await page.set_viewport_size(size)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_on_the_pages_of_those_who_send(running: Desk, chrome: Browser, language: str) -> None:
    script, receipts = axe(), await fill(running)
    async with page_on(chrome, running.site.url) as (page, watch):

        async def go(path: str) -> None:
            await page.goto(f"{path}?l={language}")
            await check(page, script, path)

        for path in (f"/m/{BRIEFING}", f"/m/{MEETING}", f"/d/{OPEN}/wall", f"/d/{QUIET}/wall", f"/d/{OPEN}/queue"):
            await go(path)
        await go(f"/d/{OPEN}/ask")
        await page.locator("#text").fill(" ")
        await page.locator("#ask .btn").click()
        await check(page, script, "nothing written")
        await page.locator("#text").fill(TEXTS["fr"])
        await page.locator("#ask .btn").click()
        await check(page, script, "sent")
        await go(f"/d/{QUIET}/mine")
        await page.locator("#receipt").fill("1234")
        await page.locator("main .btn").click()
        await check(page, script, "a wrong receipt")
        for number in (2, 3):
            await page.goto(f"/d/{OPEN}/mine?l={language}")
            await page.locator("#receipt").fill(receipts[number])
            await page.locator("main .btn").click()
            await check(page, script, f"the receipt of {STATES[number]}")
        await page.locator(".sure > summary").click()
        await page.locator(".sure button").click()
        await check(page, script, "withdrawn")
        watch.faults = [fault for fault in watch.faults if "status of 40" not in fault]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_on_the_pages_of_staff(running: Desk, chrome: Browser, language: str) -> None:
    script = axe()
    await fill(running)
    async with page_on(chrome, running.site.url) as (page, watch):
        await page.goto(f"/staff/{OPEN}/accept?l={language}")
        await check(page, script, "accept")
        await page.goto(f"/staff/{OPEN}/accept?l={language}#{await running.seat('moderator')}")
        await expect(page.locator("main .btn")).to_be_focused()
        await check(page, script, "the seat")
        await page.locator("main .btn").click()
        await page.wait_for_url("**/queue**")
        for query in ("", "&state=published", "&state=answered", "&state=withdrawn"):
            await page.goto(f"/d/{OPEN}/queue?l={language}{query}")
            await page.evaluate("document.querySelectorAll('#desk details').forEach(one => { one.open = true; })")
            await check(page, script, f"queue {query}")
        await page.goto(f"/d/{OPEN}/queue?l={language}")
        await page.keyboard.press("a")
        await expect(page.locator("#done")).to_be_visible()
        await check(page, script, "accepted")
        for tick in await page.locator(".items [name=item]").all():
            await tick.check()
        await page.locator("#bulk .btn").click()
        await expect(page.locator("#done li").first).to_be_visible()
        await check(page, script, "decided together")
        for path in ("notices", "chair"):
            await page.goto(f"/d/{OPEN}/{path}?l={language}")
            await check(page, script, path)
        watch.faults = [fault for fault in watch.faults if "status of 40" not in fault]
    async with page_on(chrome, running.site.url) as (page, _):
        await sit(page, running, "member", QUIET)
        await page.goto(f"/d/{QUIET}/member?l={language}")
        await check(page, script, "member")
        await page.emulate_media(media="print")
        await expect(page.locator("#print")).to_be_hidden()
        await expect(page.locator(".it")).to_have_count(len(TEXTS))
