"""The captioner's page in Chromium: typed, seen by readers, lost and sent again, mended, by script and without, axe."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Route, expect

from hearing.qa.invites import Place
from tests.e2e.browsing import page_on
from tests.e2e.test_desk_access import check
from tests.e2e.test_page_access import axe
from tests.site.desking import MEETING, QUIET
from tests.site.test_captioning import CHANNEL, PAGE, STAFF, Live, live
from tests.site.test_captioning_floor import floor, passages

pytestmark = pytest.mark.browser

WAIT_MS = 60_000


@pytest.fixture
async def on() -> AsyncIterator[Live]:
    async with live() as running:
        yield running


async def sit(page: Page, on: Live, place: Place | None = None, language: str = "en") -> None:
    """Open an invitation's link and take the seat."""
    page.set_default_timeout(WAIT_MS)
    token = await on.desk.office.invite(STAFF, QUIET, "captioner", "Captions", place or Place(MEETING, CHANNEL))
    await page.goto(f"/staff/{QUIET}/accept?l={language}#{token}")
    await page.locator("main .btn").click()
    await page.wait_for_url(f"**{PAGE}**")
    await page.goto(f"{PAGE}?l={language}")


async def test_what_is_typed_goes_out_by_itself_and_readers_see_whose_it_is(on: Live, chrome: Browser) -> None:
    here = on.desk.site.url
    async with page_on(chrome, here) as (typist, _), page_on(chrome, here) as (reader, _):
        await reader.goto(f"/m/{MEETING}?channel={CHANNEL}&l=en")
        await sit(typist, on)
        await expect(typist.locator("#writes")).to_have_text("The machine writes this channel.")
        await expect(typist.get_by_label("Type what is said")).to_be_focused()
        await typist.keyboard.type("Merci, Madame la Présidente")
        await typist.keyboard.press("Enter")
        await expect(typist.locator("#writes")).to_have_text("A captioner writes this channel.")
        await expect(typist.locator("#lines .said").first).to_have_text("Merci, Madame la Présidente")
        await typist.keyboard.type("Les chiffres existent. ")
        await expect(typist.locator("#text")).to_have_value("")
        await expect(typist.locator("#lines .said").first).to_have_text("Les chiffres existent.")
        last = reader.locator("#log .turn").last
        await expect(last.locator(".said")).to_have_text("Les chiffres existent.")
        await expect(last.locator(".tr")).to_have_text("Typed by a captioner")
        await expect(reader.locator(f'[data-captions="{CHANNEL}"]')).to_have_text("typed by a captioner")
        await typist.get_by_role("button", name="Let the machine write").click()
        await expect(typist.locator("#writes")).to_have_text("The machine writes this channel.")
        await reader.reload()
        await expect(reader.locator("#log .turn").last.locator(".tr")).to_have_text("Typed by a captioner")
    assert await on.typed() == ["Merci, Madame la Présidente", "Les chiffres existent."]


async def test_who_types_on_a_floor_of_several_languages_chooses_and_stays_with_it(on: Live, chrome: Browser) -> None:
    async with floor(on) as there, page_on(chrome, on.desk.site.url) as (page, _):
        await sit(page, on, Place(there, "floor"))
        chosen = page.get_by_label("Language that I type")
        await expect(chosen).to_have_value("en")
        await chosen.select_option("fr")
        await expect(page.locator("#text")).to_be_focused()
        await expect(page.locator("#text")).to_have_attribute("lang", "fr")
        await page.get_by_role("button", name="I write").click()
        await expect(page.locator("#writes")).to_have_text("A captioner writes this channel.")
        await expect(page.locator("#how")).to_contain_text("Enter sends")  # by the script of the page that answered
        await expect(chosen).to_have_value("fr")
        await page.locator("#text").press_sequentially("Merci. ")
        await expect(page.locator("#lines .said").first).to_have_text("Merci.")
        await expect(page.locator("#lines .said").first).to_have_attribute("lang", "fr")
        await chosen.select_option("zh")
        await page.keyboard.insert_text("谢谢主席。")
        await expect(page.locator("#lines .said").first).to_have_text("谢谢主席。")
        assert await passages(on, there) == [("fr", "Merci."), ("zh", "谢谢主席。")]
        await check(page, axe(), "several languages")


async def test_a_line_whose_answer_is_lost_is_sent_again_and_stands_once(on: Live, chrome: Browser) -> None:
    lost = 0

    async def lose(route: Route) -> None:
        nonlocal lost
        if route.request.method != "POST" or lost >= 2:
            await route.continue_()
            return
        lost += 1
        if lost == 1:  # it was taken, and the answer is lost
            await route.fetch(max_redirects=0)
        await route.abort("connectionfailed")

    async with page_on(chrome, on.desk.site.url) as (page, watch):
        watch.expect_lost_connection()
        await sit(page, on)
        await page.route(f"**{PAGE}**", lose)
        await page.locator("#text").fill("Elle tient.")
        await page.keyboard.press("Enter")
        await expect(page.locator("#waiting li")).to_have_text("Elle tient.")
        await expect(page.locator("#waiting")).to_be_hidden()
        await expect(page.locator("#lines .said").first).to_have_text("Elle tient.")
    assert lost == 2
    assert await on.typed() == ["Elle tient."]


async def test_what_is_not_taken_comes_back_under_the_hand(on: Live, chrome: Browser) -> None:
    async with page_on(chrome, on.desk.site.url) as (page, watch):
        await sit(page, on)
        await on.ears.detach()
        await page.locator("#text").fill("Trop tard")
        await page.keyboard.press("Enter")
        await expect(page.locator("#trouble")).to_contain_text("the meeting is not on")
        await expect(page.locator("#text")).to_have_value("Trop tard")
        await expect(page.locator("#writes")).to_contain_text("This meeting is not on.")
        watch.faults = [fault for fault in watch.faults if "status of 409" not in fault]


async def test_the_last_line_is_mended_and_readers_see_it(on: Live, chrome: Browser) -> None:
    here = on.desk.site.url
    async with page_on(chrome, here) as (typist, _), page_on(chrome, here) as (reader, _):
        await reader.goto(f"/m/{MEETING}?channel={CHANNEL}&l=en")
        await sit(typist, on)
        await typist.keyboard.type("Trois cent détenus. ")
        await typist.locator("#lines summary").first.click()
        await typist.locator("#lines textarea").first.fill("Trois cents détenus.")
        await typist.locator("#lines details button").first.click()
        await expect(typist.locator("#lines .said").first).to_have_text("Trois cents détenus.")
        last = reader.locator("#log .turn").last
        await expect(last.locator(".said")).to_have_text("Trois cents détenus.")
        await expect(last.locator(".tr")).to_have_text("Corrected text")


async def test_without_script_it_is_a_plain_form(on: Live, chrome: Browser) -> None:
    async with page_on(chrome, on.desk.site.url, java_script_enabled=False) as (page, _):
        token = await on.desk.office.invite(STAFF, QUIET, "captioner", "Captions", Place(MEETING, CHANNEL))
        await page.goto(f"/staff/{QUIET}/accept")
        await page.locator("#invite").fill(token)
        await page.locator("main .btn").click()
        await page.locator("main .btn").click()
        await page.get_by_role("button", name="I write").click()
        await page.get_by_label("Type what is said").fill("Sans script.")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#lines .said").first).to_have_text("Sans script.")
        await expect(page.locator("#writes")).to_have_text("A captioner writes this channel.")
        assert await page.locator("audio").get_attribute("src") == f"/listen/{MEETING}/{CHANNEL}"
    assert await on.typed() == ["Sans script."]


@pytest.mark.parametrize("language", ["en", "ar", "zh"])
async def test_axe_finds_nothing_on_the_page_of_a_captioner(on: Live, chrome: Browser, language: str) -> None:
    script = axe()
    async with page_on(chrome, on.desk.site.url) as (page, watch):
        await sit(page, on, Place(), language)
        await check(page, script, "the machine writes")
        await page.goto(f"{PAGE}?l={language}&channel={language}")
        await page.locator("#text").fill("Anticonstitutionnellement-" * 12)
        await page.keyboard.press("Enter")
        await expect(page.locator("#lines details")).to_have_count(1)
        await page.locator("#lines summary").click()
        await check(page, script, "a captioner writes")
        await on.ears.detach()
        await page.locator("#text").fill("a")
        await page.keyboard.press("Enter")
        await expect(page.locator("#trouble")).to_be_visible()
        await check(page, script, "not taken")
        watch.faults = [fault for fault in watch.faults if "status of 409" not in fault]
    async with page_on(chrome, on.desk.site.url) as (page, watch):
        page.set_default_timeout(WAIT_MS)
        await page.goto("/staff/accept#" + await on.desk.office.invite(STAFF, "", "staff", "Secretariat"))
        await page.locator("main .btn").click()
        await page.wait_for_url("**/staff")
        await page.goto(f"/d/{QUIET}/invitations?l={language}")
        await page.locator("[name=url]").check()
        await page.locator("aside .btn").last.click()
        await check(page, script, "no channel chosen")
        await page.locator("#place").select_option(index=1)
        await page.locator("aside .btn").last.click()
        await expect(page.locator("#made input")).to_have_value(re.compile("/closedcaption"))
        await check(page, script, "a caption URL")
        watch.faults = [fault for fault in watch.faults if "status of 400" not in fault]
