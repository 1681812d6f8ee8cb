"""Staff in a real browser: a meeting set up from nothing by clicking, edited, opened, led and closed."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from hearing.access import Capability
from hearing.house_events import Block
from tests.e2e.browsing import Watch, browser, page_on
from tests.e2e.test_page_access import axe, faults
from tests.site.desking import MEETING, QUIET, Desk, desk
from tests.site.serving import meeting

pytestmark = pytest.mark.browser

AGENDA = (
    Block("article-6", "Articles 6 and 7: the right to life and the prohibition of torture", 40),
    Block("article-9", "Article 9", 30),
    Block("b1", "المادة ١٤"),
)
_STAFF = Capability("staff", "")
_PAGES = (
    "/staff",
    "/staff/new",
    "/staff/new?from=planned-1",
    "/staff/meetings/planned-1",
    f"/staff/meetings/{MEETING}",
    "/staff/meetings/over-1",
    f"/staff/meetings/{MEETING}/redact?segment=en.0&first=en.0.2&last=en.0.3&preview=yes&basis=error&go-ar=none&go-zh=none",
    "/staff/invitations",
    f"/d/{QUIET}/invitations",
    f"/d/{QUIET}/chair",
    f"/d/{QUIET}/ask",
    f"/m/{MEETING}",
    "/staff/accept",
)


async def fill(running: Desk) -> None:
    """Make a meeting of each state, with an agenda, and some invitations."""
    keeper = running.site.keeper
    for name in ("planned-1", "over-1"):
        await keeper.create(meeting(name, dialogue="other", title="Teralund", agenda=AGENDA))
    await keeper.open("over-1")
    await keeper.close("over-1")
    created = meeting(MEETING, agenda=AGENDA)
    await keeper.change(created)
    await keeper.begin_block(MEETING, "article-6")
    for role in ("moderator", "member", "chair"):
        await running.office.accept_invite(await running.office.invite(_STAFF, QUIET, role, role))
    ended = await running.office.invite(_STAFF, QUIET, "member", "member 9")
    await running.office.revoke(_STAFF, QUIET, ended.partition(".")[0])


async def sign_in(running: Desk, page: Page) -> None:
    """Open the link of an invitation and press the button."""
    token = await running.office.invite(_STAFF, "", "staff", "Secretariat")
    await page.goto(f"/staff/accept#{token}")
    await page.locator("main button", has_text="Take the seat").click()
    await expect(page).to_have_url(f"{running.site.url}/staff")
    assert token not in await page.content()


@contextlib.asynccontextmanager
async def staff_on(running: Desk, chrome: Browser, **options: object) -> AsyncIterator[tuple[Page, Watch]]:
    """Open a page as staff."""
    async with page_on(chrome, running.site.url, **options) as (page, watch):
        await sign_in(running, page)
        yield page, watch


async def test_a_meeting_is_set_up_by_clicking_edited_opened_led_and_closed() -> None:
    async with desk() as running, browser() as chrome, staff_on(running, chrome) as (page, _):
        await page.get_by_role("link", name="New meeting").click()
        await page.get_by_label("Title", exact=True).fill("Valdoria, first meeting")
        await page.get_by_label("Id", exact=True).fill("valdoria-1")
        await page.get_by_label("Planned start, Geneva time").fill("2026-11-24T10:00")
        await page.get_by_label("Source", exact=True).fill("/srv/valdoria.mkv")
        await expect(page.get_by_label("Track 2: language")).to_be_hidden()
        await page.get_by_label("Track 1: language").select_option("en")
        await page.get_by_role("button", name="Add a track").click()
        await expect(page.get_by_label("Track 2: language")).to_be_focused()
        await page.get_by_label("Track 2: language").select_option("fr")
        for number, (title, minutes) in enumerate((("Article 6", "40"), ("Wrong", ""), ("Article 9", "30")), 1):
            if number > 1:
                await page.get_by_role("button", name="Add a part").click()
            await page.get_by_label(f"Part {number}: title").fill(title)
            await page.get_by_label(f"Part {number}: minutes").fill(minutes)
        await page.locator(".parts").get_by_role("button", name="Remove 2").click()
        await expect(page.get_by_label("Part 2: title")).to_have_value("Article 9")
        await page.get_by_role("button", name="Make the meeting").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Valdoria, first meeting")
        created = running.site.keeper.house().meeting("valdoria-1").created
        assert [(one.id, one.kind) for one in created.channels] == [("en", "floor"), ("fr", "interpretation")]
        assert [(one.title, one.minutes) for one in created.agenda] == [("Article 6", 40), ("Article 9", 30)]

        await page.get_by_label("Title", exact=True).fill("Valdoria")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved.")).to_be_visible()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Valdoria")

        await page.get_by_role("button", name="Open the meeting").click()
        await page.get_by_role("button", name="Go on to: Article 6").click()
        await expect(page.get_by_text("40 minutes left")).to_be_visible()
        await page.get_by_role("button", name="Go on to: Article 9").click()
        await page.get_by_text("Close the meeting").click()
        await page.get_by_role("button", name="Close for good").click()
        await expect(page.get_by_text("It is closed.")).to_be_visible()
        assert running.site.keeper.house().meeting("valdoria-1").phase == "closed"


async def test_without_script_the_rows_to_spare_are_there() -> None:
    async with desk() as running, browser() as chrome:
        async with staff_on(running, chrome) as (page, _):
            kept = await page.context.storage_state()
        async with page_on(chrome, running.site.url, java_script_enabled=False, storage_state=kept) as (page, watch):
            await page.goto("/staff/new")
            await page.get_by_label("Title", exact=True).fill("Valdoria")
            await page.get_by_label("Id", exact=True).fill("valdoria-1")
            await page.get_by_label("Source", exact=True).fill("/srv/valdoria.mkv")
            await page.get_by_label("Track 7: language").select_option("fr")
            await page.get_by_label("Part 5: title").fill("Article 9")
            await page.get_by_label("Part 5: minutes").fill("long")
            await page.get_by_role("button", name="Make the meeting").click()
            await expect(page.get_by_role("alert")).to_contain_text("from 0 to 600")
            await expect(page.get_by_label("Part 1: minutes")).to_have_value("long")
            await page.get_by_label("Part 1: minutes").fill("30")
            await page.get_by_role("button", name="Make the meeting").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("Valdoria")
            assert [one.track for one in running.site.keeper.house().meeting("valdoria-1").created.channels] == [6]
            watch.faults = [fault for fault in watch.faults if "400" not in fault]


async def test_an_invitation_is_made_and_taken_by_its_link() -> None:
    async with desk() as running, browser() as chrome, staff_on(running, chrome) as (page, _):
        await page.goto(f"/d/{QUIET}/invitations")
        await page.get_by_label("Member of the committee").check()
        await page.get_by_label("Name of the seat").fill("Rapporteur")
        await page.get_by_role("button", name="Make the link").click()
        link = await page.get_by_label("Link of the invitation").input_value()
        await expect(page.get_by_role("button", name="Copy")).to_be_visible()
        async with page_on(chrome, running.site.url) as (guest, _):
            await guest.goto(link)
            await guest.get_by_role("button", name="Take the seat on this device").click()
            await expect(guest).to_have_url(f"{running.site.url}/d/{QUIET}/member")
        await page.goto(f"/d/{QUIET}/invitations")
        await page.locator("li", has_text="Rapporteur").get_by_text("End it").first.click()
        await page.get_by_role("button", name="End it for good").click()
        await expect(page.get_by_text("Ended and too old")).to_be_visible()


async def test_a_keyboard_sets_up_opens_and_closes() -> None:
    async with desk() as running, browser() as chrome, staff_on(running, chrome) as (page, _):
        await fill(running)
        await page.goto("/staff/meetings/planned-1")
        await page.locator(".parts button").nth(1).focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Part 2: title")).to_be_focused()
        await expect(page.get_by_label("Part 2: title")).to_have_value("المادة ١٤")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Saved.")).to_be_visible()
        assert len(running.site.keeper.house().meeting("planned-1").created.agenda) == 2
        await page.get_by_role("button", name="Open the meeting").press("Enter")
        await page.get_by_text("Close the meeting").press("Enter")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Close for good")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("It is closed.")).to_be_visible()


async def test_the_minutes_left_count_down_by_themselves() -> None:
    async with desk() as running, browser() as chrome, staff_on(running, chrome) as (page, _):
        await fill(running)
        running.clock.ms = running.site.keeper.house().meeting(MEETING).block_began_ms or 0
        running.clock.ms += 22 * 60_000 - 1_500
        await page.goto(f"/d/{QUIET}/chair")
        assert await page.locator("[data-left]").get_attribute("data-left") == str(18 * 60_000 + 1_500)
        await expect(page.locator("[data-left]")).to_have_text("18")


async def test_the_live_page_marks_the_part_that_is_on_by_itself() -> None:
    async with desk() as running, browser() as chrome, page_on(chrome, running.site.url) as (page, _):
        await fill(running)
        await page.goto(f"/m/{MEETING}")
        current = page.locator('#agenda [aria-current="true"]')
        await expect(current).to_contain_text("Articles 6 and 7")
        await running.site.keeper.begin_block(MEETING, "article-9")
        await expect(current).to_contain_text("Article 9")


async def look(context: BrowserContext, script: str, language: str, wrong: list[str]) -> None:
    """Walk through the pages; note what axe finds and what scrolls sideways at 320 px."""
    page = await context.new_page()
    for path in _PAGES:
        await page.goto(f"{path}{'&' if '?' in path else '?'}l={language}")
        for summary in await page.locator("main details > summary").all():
            await summary.click()
        wrong.extend(f"{path}: {found}" for found in await faults(page, script))
        if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{path} scrolls sideways")


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_axe_finds_nothing_and_no_page_scrolls_sideways(language: str) -> None:
    script = axe()
    wrong: list[str] = []
    async with desk() as running, browser() as chrome:
        await fill(running)
        async with staff_on(running, chrome) as (page, _):
            kept = await page.context.storage_state()
        context = await chrome.new_context(
            base_url=running.site.url, storage_state=kept, viewport={"width": 320, "height": 700}
        )
        await look(context, script, language, wrong)
        await context.close()
    assert wrong == []
