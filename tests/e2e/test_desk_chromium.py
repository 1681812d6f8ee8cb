"""The question queue in Chromium: the whole way of a question in Arabic, twenty decisions by keyboard, undo, claims."""

import pytest
from playwright.async_api import Browser, Page, expect

from hearing.access import Role
from hearing.qa import receipt
from hearing.qa.intake import Submission
from tests.e2e.browsing import page_on
from tests.site.desking import BRIEFING, OPEN, QUIET, Desk
from tests.site.serving import SPEECH, Speaker

pytestmark = pytest.mark.browser

QUESTION = "ما هي التدابير التي اتُّخذت بشأن الآبار في الشمال؟"
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


async def sit(page: Page, running: Desk, role: Role, dialogue: str = OPEN) -> None:
    """Open an invitation's link and take the seat."""
    await page.goto(f"/staff/{dialogue}/accept#{await running.seat(role, dialogue, f'The {role}')}")
    await expect(page.get_by_role("button", name="Take the seat on this device")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/d/{dialogue}/*")


async def ask(running: Desk, text: str, dialogue: str = OPEN) -> str:
    """Send something past the page; return its id."""
    keys = receipt.keys(receipt.mint())
    ceiling = "public-text" if dialogue == OPEN else "committee"
    await running.office.submit(dialogue, keys, Submission("question", text, "en", ceiling))  # type: ignore[arg-type]
    return keys.item


async def test_a_question_in_arabic_goes_all_the_way_and_back(running: Desk, chrome: Browser) -> None:
    speaker = Speaker(running.site.log, BRIEFING)
    await speaker.begin()
    for line in SPEECH["ar"]:
        await speaker.words("ar", line)
    here = running.site.url
    async with page_on(chrome, here, locale="ar") as (sender, _), page_on(chrome, here) as (moderator, _):
        await sender.goto(f"/m/{BRIEFING}?l=ar")
        await sender.get_by_role("link", name="أرسل سؤالًا أو معلومات").click()
        shown = (await sender.locator(".key").inner_text()).split()
        await sender.locator("#text").fill(QUESTION)
        await sender.locator("#ask button").click()
        await expect(sender.locator("main .st").first).to_have_text("أُرسلت")
        assert (await sender.locator(".key").inner_text()).split() == shown

        await sit(moderator, running, "moderator")
        await expect(moderator.locator("#open .said")).to_have_text(QUESTION)
        assert await moderator.locator("#open .said").evaluate("said => getComputedStyle(said).direction") == "rtl"
        await moderator.get_by_role("button", name="Publish as sent").click()
        await expect(moderator.locator("#done")).to_contain_text("Published")
        await running.settle()
        await moderator.goto(f"/d/{OPEN}/queue?state=published&l=ar")
        await moderator.locator("#open summary", has_text="أُجيب عنه").click()
        await moderator.get_by_role("checkbox", name=SPEECH["ar"][2]).check()
        await moderator.get_by_role("button", name="احفظ الجواب").click()
        await expect(moderator.locator("#done")).to_be_visible()
        await running.settle()

        await sender.goto(f"/m/{BRIEFING}?l=ar")
        await expect(sender.locator("#asked .said")).to_have_text(QUESTION)
        await sender.locator("#asked a", has_text="اقرأ").click()
        await expect(sender.locator('[id="ar.2"]')).to_be_in_viewport()

        await sender.goto(f"/d/{OPEN}/mine?l=ar")
        await sender.locator("#receipt").press_sequentially(" ".join(shown).translate(ARABIC))
        await sender.keyboard.press("Enter")
        await expect(sender.locator("h1")).to_have_text("نوقش الموضوع أو أُجيب عنه كتابةً.")
        await expect(sender.locator("aside .said").first).to_have_text(QUESTION)
        assert sender.url == f"{here}/d/{OPEN}/mine?l=ar"
        await sender.locator(".sure > summary").click()
        await sender.locator(".sure button").click()
        await expect(sender.locator("h1")).to_contain_text("سحبت")
        await sender.goto(f"/m/{BRIEFING}?l=ar")
        await expect(sender.locator("#asked .said")).to_have_count(0)


async def test_a_page_that_is_open_shows_what_is_published_by_itself(running: Desk, chrome: Browser) -> None:
    await ask(running, "What of the wells?")
    async with page_on(chrome, running.site.url) as (reader, _), page_on(chrome, running.site.url) as (moderator, _):
        await reader.goto(f"/m/{BRIEFING}")
        await sit(moderator, running, "moderator")
        await moderator.keyboard.press("p")
        await expect(moderator.locator("#done")).to_contain_text("Published")
        await running.settle()
        await expect(reader.locator("#asked .said")).to_have_text("What of the wells?")


async def test_twenty_questions_are_decided_by_keyboard_alone(running: Desk, chrome: Browser) -> None:
    items = [await ask(running, f"Question {number:02}") for number in range(20)]
    async with page_on(chrome, running.site.url) as (page, _):
        await sit(page, running, "moderator")
        for number, item in enumerate(items):
            await expect(page.locator("#open")).to_have_attribute("data-item", item)
            match number % 3:
                case 0:
                    await page.keyboard.press("a")
                case 1:
                    await page.keyboard.press("p")
                case _:
                    await page.keyboard.press("r")
                    await expect(page.locator("#open input[name=reason]").first).to_be_focused()
                    await page.keyboard.press("Space")
                    await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_contain_text("Nothing to read.")
        counts = await page.locator(".states b").all_inner_texts()
        assert counts == ["0", "7", "0", "7", "0", "6", "0"]


async def test_keys_move_undo_and_stay_out_of_the_way_of_typing(running: Desk, chrome: Browser) -> None:
    first, second = await ask(running, "First"), await ask(running, "Second")
    async with page_on(chrome, running.site.url) as (page, _):
        await sit(page, running, "moderator")
        await page.keyboard.press("j")
        await expect(page.locator("#open")).to_have_attribute("data-item", second)
        await page.keyboard.press("k")
        await expect(page.locator("#open")).to_have_attribute("data-item", first)
        await page.keyboard.press("a")
        await expect(page.locator("#done")).to_contain_text("Accepted")
        await page.keyboard.press("u")
        await expect(page.locator("#open")).to_have_attribute("data-item", first)
        await expect(page.locator("#open .st").first).to_contain_text("Received")
        await page.locator("input[name=q]").press_sequentially("a jar up")
        await expect(page.locator("input[name=q]")).to_have_value("a jar up")
        await page.locator("#keyline summary").click()
        await page.get_by_label("Use keys").uncheck()
        await page.locator("#open").focus()
        await page.keyboard.press("a")
        await page.reload()
        await expect(page.locator("#open .st").first).to_contain_text("Received")


async def test_who_comes_second_sees_how_it_stands_with_what_was_typed(running: Desk, chrome: Browser) -> None:
    await ask(running, "Whose?")
    async with page_on(chrome, running.site.url) as (one, _), page_on(chrome, running.site.url) as (two, watch):
        await sit(one, running, "moderator")
        await sit(two, running, "moderator")
        await expect(two.locator("#open")).to_contain_text("Being read by The moderator")
        await two.locator("#open summary", has_text="Decline").click()
        await two.get_by_label("Cannot be understood").check()
        await two.locator("#open textarea").first.fill("Which article?")
        await one.keyboard.press("a")
        await expect(one.locator("#done")).to_be_visible()
        await two.get_by_role("button", name="Decline", exact=True).click()
        await expect(two.get_by_role("alert")).to_contain_text("Somebody else was first.")
        await expect(two.locator("#open textarea").first).to_have_value("Which article?")
        await two.get_by_role("button", name="Decline", exact=True).click()
        await expect(two.locator("#done")).to_contain_text("Not passed on")
        watch.faults = [fault for fault in watch.faults if "409" not in fault]


async def test_a_lost_line_is_said_and_nothing_typed_is_lost(running: Desk, chrome: Browser) -> None:
    await ask(running, "Which?")
    async with page_on(chrome, running.site.url) as (page, watch):
        await sit(page, running, "moderator")
        watch.expect_lost_connection()
        await page.locator("#open summary", has_text="Ask its sender").click()
        await page.get_by_label("Note for your colleagues").fill("Ask Ben.")
        await page.context.set_offline(True)
        await page.get_by_role("button", name="Keep the note").click()
        await expect(page.locator("#unsent")).to_be_visible()
        await expect(page.get_by_label("Note for your colleagues")).to_have_value("Ask Ben.")
        await page.context.set_offline(False)
        await page.get_by_role("button", name="Keep the note").click()
        await expect(page.locator("#open .was")).to_contain_text("Ask Ben.")
        await expect(page.locator("#unsent")).to_be_hidden()


async def test_a_confidential_dialogue_leaves_nothing_in_the_browser(running: Desk, chrome: Browser) -> None:
    async with page_on(chrome, running.site.url) as (page, _):
        await page.goto(f"/d/{QUIET}/ask")
        digits = (await page.locator(".key").inner_text()).split()
        await page.locator("#text").fill("What of the wells?")
        await page.get_by_role("button", name="Send", exact=True).click()
        await expect(page.locator("h1")).to_have_text("It has arrived")
        assert await page.title() == "hearing"
        await page.goto(f"/d/{QUIET}/mine")
        await page.locator("#receipt").fill(" ".join(digits))
        await page.get_by_role("button", name="Show it").click()
        await expect(page.locator("aside .said")).to_have_text("What of the wells?")
        assert await page.title() == "hearing"
        kept = await page.evaluate(
            "async () => [localStorage.length, sessionStorage.length, document.cookie,"
            " (await indexedDB.databases()).length]"
        )
        assert kept == [0, 0, "", 0]
        assert await page.context.cookies() == []
