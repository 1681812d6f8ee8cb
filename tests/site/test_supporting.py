"""The button of support over HTTP: without script too, with one cookie that is set when it is pressed."""

from hearing.access import Capability
from hearing.qa.acts import Accept, Publish
from hearing.qa.intake import Submission
from tests.qa.support import new_keys
from tests.site.desking import BRIEFING, OPEN, QUIET, Desk, browser_of, desk, fields
from tests.site.serving import MEETING, meeting

SEAT = Capability("moderator", OPEN, "aa" * 8)


async def publish(running: Desk) -> None:
    keys = new_keys()
    await running.office.submit(OPEN, keys, Submission("question", "When does it begin?", "en", "public-text"))
    view = await running.office.moderators.item(SEAT, OPEN, keys.item)
    view = await running.office.moderators.decide(SEAT, OPEN, keys.item, view.version, Accept())
    await running.office.moderators.decide(SEAT, OPEN, keys.item, view.version, Publish())
    await running.settle()


async def test_the_button_counts_once_a_browser_and_sets_its_cookie_when_pressed() -> None:
    async with desk() as running, browser_of(running) as one, browser_of(running) as other:
        await running.site.keeper.create(meeting("later", dialogue=OPEN, profile="open", support=True))
        await publish(running)
        page = await one.get(f"/m/{BRIEFING}?l=en")
        assert "I would like to know this too" in page.text
        assert not one.cookies
        form = fields(page.text, "would like to know")
        for browser, wanted in ((one, "1 person"), (one, "1 person"), (other, "2 people")):
            answer = await browser.post(f"/d/{OPEN}/support?l=en", data=form)
            assert f"{wanted} would like to know this too" in answer.text
            assert len(browser.cookies) == 1
        assert "HttpOnly" in (await one.post(f"/d/{OPEN}/support", data=form)).history[0].headers["Set-Cookie"]
        strange = await one.post(f"/d/{OPEN}/support", data=form, headers={"Origin": "https://elsewhere.example"})
        assert strange.status_code == 403


async def test_a_confidential_dialogue_has_no_button_and_no_cookie() -> None:
    async with desk() as running, browser_of(running) as client:
        answer = await client.post(f"/d/{QUIET}/support", data={"question": "a" * 20, "meeting": MEETING})
        assert answer.status_code == 400
        assert "know this too" not in (await client.get(f"/m/{MEETING}")).text
        assert not client.cookies
