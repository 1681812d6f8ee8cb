"""The desk over HTTP: the queue, members, the chair, notices; and what of all that everybody sees."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from hearing.access import Capability
from hearing.qa import receipt
from hearing.qa.intake import Submission
from hearing.qa.receipt import Keys
from tests.site.desking import BRIEFING, MEETING, OPEN, QUIET, Desk, browser_of, desk, fields
from tests.site.serving import SPEECH, Speaker, meeting


@pytest.fixture
async def running() -> AsyncIterator[Desk]:
    async with desk() as opened:
        yield opened


@pytest.fixture
async def moderator(running: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_of(running, "moderator") as client:
        yield client


async def sent(running: Desk, text: str, dialogue: str = OPEN, **more: str) -> Keys:
    """Send something and return its keys."""
    keys = receipt.keys(receipt.mint())
    ceiling = more.pop("ceiling", "public-text" if dialogue == OPEN else "committee")
    fields = {"kind": "question", "language": "en", **more}
    await running.office.submit(dialogue, keys, Submission(text=text, ceiling=ceiling, **fields))  # type: ignore[arg-type]
    return keys


async def queue(client: httpx.AsyncClient, dialogue: str = OPEN, **query: str) -> str:
    answer = await client.get(f"/d/{dialogue}/queue", params=query)
    assert answer.status_code == 200
    return answer.text


async def act(
    client: httpx.AsyncClient, keys: Keys, wanted: str, dialogue: str = OPEN, version: str = "", **more: str
) -> httpx.Response:
    """Decide on the version that the item's page shows."""
    version = version or version_of(await queue(client, dialogue, item=keys.item, state="all"), keys)
    form = {"act": wanted, "version": version, **more}
    return await client.post(f"/d/{dialogue}/queue/{keys.item}", data=form)


def version_of(page: str, keys: Keys) -> str:
    return str(re.findall(rf'name="item" form="bulk" value="{keys.item} (\d+)"', page)[0])


def opened(page: str) -> str:
    """Return the text of the item that stands open."""
    return str(re.findall(r'id="open".*?<p class="said"[^>]*>(.*?)</p>', page, re.DOTALL)[0])


def texts(page: str) -> list[str]:
    """Return the texts of the items on a page, in order."""
    items = page[page.index('<ul class="body items">') :]
    return re.findall(r'<li class="it.*?<p class="said"[^>]*>(.*?)</p>', items, re.DOTALL)


async def test_deciding_goes_on_to_the_next_and_offers_to_undo(running: Desk, moderator: httpx.AsyncClient) -> None:
    first, second = await sent(running, "First"), await sent(running, "Second")
    page = await queue(moderator)
    assert (texts(page), opened(page)) == (["First", "Second"], "First")
    form = fields(page, 'data-key="a"')
    assert form["next"] == second.item
    page = (await moderator.post(f"/d/{OPEN}/queue/{first.item}", data=form)).text
    assert (texts(page), opened(page)) == (["Second"], "Second")
    undo = fields(page, 'data-key="u"')
    page = (await moderator.post(f"/d/{OPEN}/queue/{first.item}", data=undo)).text
    assert (sorted(texts(page)), opened(page)) == (["First", "Second"], "First")
    both = fields((await act(moderator, first, "publish")).text, 'data-key="u"')
    page = (await moderator.post(f"/d/{OPEN}/queue/{first.item}", data=both)).text
    assert "First" in texts(page)  # published at once, it was accepted by that: both are taken back
    await act(moderator, first, "accept")
    running.clock.settle()
    late = await act(moderator, first, "undo")
    assert late.status_code == 409
    assert "the ten seconds are over" in late.text


async def test_a_decision_on_an_old_version_shows_how_it_stands_and_keeps_what_was_written(
    running: Desk, moderator: httpx.AsyncClient
) -> None:
    keys = await sent(running, "Whose?")
    seen = version_of(await queue(moderator), keys)
    async with browser_of(running, "moderator") as other:
        assert (await act(other, keys, "accept")).is_success
    answer = await act(moderator, keys, "decline", version=seen, reason="unclear", body="Which article?")
    assert answer.status_code == 409
    assert "Somebody else was first." in answer.text
    assert "Which article?" in answer.text
    assert "Accepted" in answer.text
    again = await act(moderator, keys, "decline", reason="unclear", body="Which article?")
    assert again.status_code == 200


async def test_of_six_moderators_who_decide_at_once_one_is_first(running: Desk) -> None:
    keys = await sent(running, "Whose?")
    async with asyncio.TaskGroup() as group, browser_of(running, "moderator") as first:
        seen = version_of(await queue(first), keys)

        async def decide(number: int) -> int:
            async with browser_of(running, "moderator") as client:
                reason = ("too-late", "unclear", "duplicate", "other", "abusive", "off-mandate")[number]
                return (await act(client, keys, "decline", version=seen, reason=reason)).status_code

        answers = [group.create_task(decide(number)) for number in range(6)]
    assert sorted(answer.result() for answer in answers) == [200, 409, 409, 409, 409, 409]


async def test_a_bulk_decision_is_checked_item_by_item_and_undone_together(
    running: Desk, moderator: httpx.AsyncClient
) -> None:
    keys = [await sent(running, f"Item {number}") for number in range(4)]
    page = await queue(moderator)
    ticked = [f"{one.item} {version_of(page, one)}" for one in keys]
    async with browser_of(running, "moderator") as other:
        await act(other, keys[1], "decline", reason="other")
    form = {"act": "accept", "item": ticked, "to": "committee"}
    answer = (await moderator.post(f"/d/{OPEN}/queue", data=form)).text
    assert answer.count("Not done: it is not as you saw it") == 1
    assert texts(await queue(moderator, state="accepted")) == ["Item 0", "Item 2", "Item 3"]
    undo = re.findall(r'name="item" value="([^"]+)"', answer)
    assert len(undo) == 3
    await moderator.post(f"/d/{OPEN}/queue", data={"act": "undo", "item": undo})
    assert texts(await queue(moderator)) == ["Item 0", "Item 2", "Item 3"]
    assert (await moderator.post(f"/d/{OPEN}/queue", data={"act": "accept", "item": ticked * 100})).status_code == 400


async def test_the_queue_is_filtered_and_paged(running: Desk, moderator: httpx.AsyncClient) -> None:
    for number in range(30):
        await sent(running, f"Item {number:02}")
    await sent(running, "Вода", language="ru", kind="information")
    page = await queue(moderator)
    assert len(texts(page)) == 25
    assert "31 items in all" in page
    assert texts(await queue(moderator, skip="25"))[-1] == "Вода"
    assert texts(await queue(moderator, language="ru")) == ["Вода"]
    assert texts(await queue(moderator, kind="information")) == ["Вода"]
    assert texts(await queue(moderator, q="ВОДА")) == ["Вода"]
    assert texts(await queue(moderator, q="item 1"))[:2] == ["Item 10", "Item 11"]
    assert "Nothing here." in await queue(moderator, state="declined")
    for wrong in ({"skip": "-1"}, {"skip": "x"}, {"state": "x"}, {"kind": "x"}, {"item": "x"}, {"done": "x"}):
        assert len(texts(await queue(moderator, **wrong))) == 25


async def test_a_claim_is_shown_to_others_and_given_back_for_the_next(
    running: Desk, moderator: httpx.AsyncClient
) -> None:
    first, second = await sent(running, "First"), await sent(running, "Second")
    async with browser_of(running, "moderator") as other:

        async def claim(keys: Keys) -> bool:
            answer = await other.post(f"/d/{OPEN}/queue/{keys.item}/claim", data={"act": "claim"})
            return bool(answer.json()["mine"])

        assert await claim(first)
        assert (await queue(moderator)).count("Being read by") == 1
        mine = await moderator.post(f"/d/{OPEN}/queue/{first.item}/claim", data={"act": "claim"})
        assert mine.json() == {"mine": False}
        assert (await act(moderator, first, "accept")).is_success  # advisory: nothing is locked
        assert await claim(second)
        page = await queue(moderator, state="all")
        assert page.count("Being read by") == 1
        assert page.index("Second") < page.index("Being read by")


async def test_the_page_learns_that_the_queue_moved_on(running: Desk, moderator: httpx.AsyncClient) -> None:
    position = (await moderator.get(f"/d/{OPEN}/queue/position")).json()["position"]
    await sent(running, "New")
    assert (await moderator.get(f"/d/{OPEN}/queue/position")).json()["position"] > position


async def test_ticking_no_member_passes_it_on_to_nobody(running: Desk, moderator: httpx.AsyncClient) -> None:
    keys = await sent(running, "For one alone")
    async with browser_of(running, "member") as member, browser_of(running, "member") as other:
        [one, _] = [
            seat.invite for seat in await running.office.seats(Capability("staff", ""), OPEN) if seat.role == "member"
        ]
        await act(moderator, keys, "accept")
        assert (await act(moderator, keys, "route")).status_code == 400
        assert (await act(moderator, keys, "route", to=one)).is_success
        await running.settle()
        assert "For one alone" in (await member.get(f"/d/{OPEN}/member")).text
        assert "For one alone" not in (await other.get(f"/d/{OPEN}/member")).text


async def test_members_read_what_is_passed_on_and_nothing_above_its_ceiling(running: Desk) -> None:
    routed, narrow = await sent(running, "To all", QUIET), await sent(running, "Own", QUIET, ceiling="secretariat")
    async with browser_of(running, "moderator", QUIET) as moderator, browser_of(running, "member", QUIET) as member:
        assert (await act(moderator, narrow, "route", QUIET, to="committee")).status_code == 400
        assert (await act(moderator, routed, "route", QUIET, to="committee")).is_success
        assert "To all" not in (await member.get(f"/d/{QUIET}/member")).text  # ten seconds to undo
        await running.settle()
        brief = (await member.get(f"/d/{QUIET}/member")).text
        assert "To all" in brief
        assert "Own" not in brief
        assert "<title>hearing</title>" in brief
        assert routed.item not in brief
        await running.office.withdraw(routed)
        assert "To all" not in (await member.get(f"/d/{QUIET}/member")).text


async def test_what_is_published_stands_on_the_live_page_and_its_answer_leads_to_the_moment(
    running: Desk, moderator: httpx.AsyncClient
) -> None:
    speaker = Speaker(running.site.log, BRIEFING)
    await speaker.begin()
    for line in SPEECH["en"]:
        await speaker.words("en", line)
    keys = await sent(running, "What of <b>the wells</b>?", name="Ana")
    async with browser_of(running) as anybody:
        assert (await act(moderator, keys, "publish", body="What of the wells?", named="yes")).is_success
        assert "the wells" not in (await anybody.get(f"/m/{BRIEFING}")).text
        await running.settle()
        for path in (f"/m/{BRIEFING}", f"/m/{BRIEFING}/asked", f"/d/{OPEN}/wall"):
            page = (await anybody.get(path)).text
            assert "What of the wells?" in page
            assert "Ana" in page or path.endswith("wall")
        await act(moderator, keys, "turn", turn="now")
        assert "Now" in (await anybody.get(f"/m/{BRIEFING}/asked")).text
        page = await queue(moderator, item=keys.item, state="published")
        assert SPEECH["en"][-1].replace("’", "’") in page
        assert (await act(moderator, keys, "answer", meeting=BRIEFING, segment="en.4")).is_success
        await running.settle()
        page = (await anybody.get(f"/m/{BRIEFING}")).text
        [link] = set(re.findall(r'href="([^"]+#en\.4)">Read the moment', page))
        moment = (await anybody.get(link.replace("&amp;", "&"))).text
        assert 'id="en.4"' in moment
        public = (await anybody.get(f"/api/dialogues/{OPEN}/public")).json()["questions"]
        assert [one["answer"]["segments"] for one in public] == [["en.4"]]
        await running.office.withdraw(keys)
        for path in (f"/m/{BRIEFING}", f"/d/{OPEN}/wall", f"/api/dialogues/{OPEN}/public"):
            assert "the wells" not in (await anybody.get(path)).text


async def test_markup_in_what_people_send_stays_text_on_every_page(running: Desk, moderator: httpx.AsyncClient) -> None:
    evil = "<script>alert(1)</script>{{7*7}}\u202e"
    keys = await sent(running, evil)
    assert "<script>alert" not in await queue(moderator)
    await act(moderator, keys, "publish", body=evil)
    await act(moderator, keys, "route", to="committee")
    await running.settle()
    async with browser_of(running, "member") as member:
        for path in (f"/m/{BRIEFING}", f"/d/{OPEN}/wall", f"/d/{OPEN}/member"):
            page = (await member.get(path)).text
            assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page, path
            assert "<script>alert" not in page


async def test_a_call_is_answered_by_the_form_and_counted_at_the_desk(
    running: Desk, moderator: httpx.AsyncClient
) -> None:
    words = {"call": "yes", "text-en": "Who has data on wells?", "text-ar": "من لديه بيانات عن الآبار؟"}
    page = (await moderator.post(f"/d/{OPEN}/notices", data=words)).text
    assert "not seen by anybody yet" in page
    async with browser_of(running) as anybody:
        assert "data on wells" not in (await anybody.get(f"/m/{BRIEFING}")).text
        await running.settle()
        shown = (await anybody.get(f"/m/{BRIEFING}", params={"l": "ar"})).text
        assert "من لديه بيانات" in shown
        [link] = set(re.findall(r'href="(/d/[^"]+call=[^"]+)"', shown))
        form = (await anybody.get(link.replace("&amp;", "&"))).text
        assert "من لديه بيانات" in form
        call = fields(form, 'id="ask"')["call"]
        await sent(running, "I have.", kind="information", call=call)
        desk_page = (await moderator.get(f"/d/{OPEN}/notices")).text
        assert "1 answer" in desk_page
        await moderator.post(f"/d/{OPEN}/notices/{call}", data={"act": "close"})
        await running.settle()
        closed = (await anybody.get(f"/m/{BRIEFING}")).text
        assert "closed" in closed
        assert "Answer this call" not in closed
        await moderator.post(f"/d/{OPEN}/notices/{call}", data={"act": "take-away"})
        assert "data on wells" not in (await anybody.get(f"/m/{BRIEFING}")).text
    assert (await moderator.post(f"/d/{OPEN}/notices", data={"call": "", "text-en": " "})).status_code == 400
    assert (await moderator.post(f"/d/{OPEN}/notices/{call}", data={"act": "x"})).status_code == 404
    assert (await moderator.post(f"/d/{OPEN}/notices/{'0' * 16}", data={"act": "close"})).status_code == 404


async def test_a_notice_that_is_sent_twice_is_one(running: Desk, moderator: httpx.AsyncClient) -> None:
    path = f"/d/{OPEN}/notices"
    form = {**fields((await moderator.get(path)).text), "text-en": "A break of ten minutes."}
    answers = await asyncio.gather(*(moderator.post(path, data=form) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    posted = (await running.office._desks.of(OPEN)).desk.state.notices
    assert list(posted) == [form["notice"]]
    fresh = fields((await moderator.get(path)).text)
    assert fresh["notice"] != form["notice"]
    other = await moderator.post(path, data={**form, "text-en": "The break is over."})
    assert other.status_code == 409
    assert "from this form already" in other.text
    again = {**form, **fields(other.text), "text-en": "The break is over."}
    assert (await moderator.post(path, data=again)).status_code == 200
    assert len(posted) == 2
    await moderator.post(f"{path}/{form['notice']}", data={"act": "take-away"})
    assert (await moderator.post(path, data=form)).status_code == 410
    refused = await moderator.post(path, data={**fresh, "text-en": " "})
    assert fields(refused.text)["notice"] == fresh["notice"]


async def test_the_wall_of_a_treaty_body_shows_notices_alone_and_the_chair_sees_more(running: Desk) -> None:
    await sent(running, "What of the wells?", QUIET)
    async with browser_of(running, "chair", QUIET) as chair, browser_of(running) as anybody:
        wall = (await anybody.get(f"/d/{QUIET}/wall")).text
        assert "Welcome" in wall
        await chair.post(f"/d/{QUIET}/notices", data={"text-en": "The meeting resumes at 11:00."})
        await running.settle()
        wall = (await anybody.get(f"/d/{QUIET}/wall")).text
        assert "The meeting resumes at 11:00." in wall
        assert "the wells" not in wall
        private = (await chair.get(f"/d/{QUIET}/chair")).text
        assert "On since" in private
        assert "The meeting resumes at 11:00." in private
        assert (await anybody.get(f"/d/{QUIET}/chair")).status_code == 401
        assert (await chair.get(f"/d/{QUIET}/queue")).status_code == 403


async def test_what_came_at_night_is_in_the_queue_of_the_second_meeting(running: Desk) -> None:
    await running.site.keeper.close(MEETING)
    keys = await sent(running, "Sent at night", QUIET)
    await running.site.keeper.create(meeting("second", title="Arlandia: second meeting"))
    await running.site.keeper.open("second")
    async with browser_of(running, "moderator", QUIET) as moderator:
        page = await queue(moderator, QUIET)
        assert texts(page) == ["Sent at night"]
        assert "Arlandia: second meeting" in page
        await act(moderator, keys, "route", QUIET, to="committee")
    await running.site.keeper.close("second")
    await running.settle()
    assert (await running.office.status(keys)).state == "routed"


async def test_every_act_of_the_desk_works_by_its_form(running: Desk, moderator: httpx.AsyncClient) -> None:
    keys = await sent(running, "Which?", name="Ana")
    for wanted, more in (
        ("note", {"body": "Ask Ben."}),
        ("ask", {"body": "Where?"}),
        ("accept", {}),
        ("publish", {"body": "Which one?"}),
        ("turn", {"turn": "next"}),
        ("route", {"to": "committee"}),
        ("answer", {"body": "All."}),
        ("unpublish", {}),
        ("lower", {"ceiling": "committee"}),
    ):
        assert (await act(moderator, keys, wanted, **more)).is_success, wanted
    page = await queue(moderator, state="all", item=keys.item)
    assert "Ask Ben." in page
    assert "Where?" in page
    for wanted, more, status in (
        ("publish", {"body": "Which one?"}, 400),
        ("lower", {"ceiling": "public-text"}, 400),
        ("turn", {"turn": "now"}, 409),
        ("decline", {"reason": "no-such-reason"}, 400),
        ("answer", {"body": "", "segment": "en.x", "meeting": BRIEFING}, 400),
        ("answer", {"segment": "en.1", "meeting": MEETING}, 400),
        ("nothing", {}, 400),
    ):
        assert (await act(moderator, keys, wanted, **more)).status_code == status, wanted
    assert (await act(moderator, keys, "accept", version="x")).status_code == 400
    gone = receipt.keys(receipt.mint())
    assert (await act(moderator, gone, "accept", version="1")).status_code == 404
    await running.office.withdraw(keys)
    assert "Its sender withdrew this." in await queue(moderator, state="withdrawn")
    late = await act(moderator, keys, "accept", version="1")
    assert late.status_code in (409, 410)


async def test_in_the_evening_an_answer_links_to_the_meeting_that_was_and_keeps_its_link() -> None:
    async with desk() as running, browser_of(running) as sender, browser_of(running, "moderator", QUIET) as moderator:
        await running.site.keeper.close(MEETING)
        await running.site.keeper.create(meeting("arlandia-2", title="Second", starts_ms=running.clock.ms + 80_000_000))
        page = await sender.get(f"/d/{QUIET}/ask")
        form = fields(page.text, 'id="text"') | {"kind": "question", "language": "en", "ceiling": "committee"}
        await sender.post(f"/d/{QUIET}/ask", data={**form, "text": "How often?", "source_class": "cso"})
        queue = await moderator.get(f"/d/{QUIET}/queue?l=en")
        item = re.findall(r'data-item="([0-9a-f]+)"', queue.text)[0]
        for act in ({"act": "route", "to": "committee"}, {"act": "answer", "meeting": MEETING, "segment": "en.1"}):
            queue = await moderator.get(f"/d/{QUIET}/queue", params={"state": "all", "item": item, "l": "en"})
            version = fields(queue.text, f'action="/d/{QUIET}/queue/{item}')["version"]
            await moderator.post(f"/d/{QUIET}/queue/{item}", data={**act, "version": version})
            running.clock.settle()
        queue = await moderator.get(f"/d/{QUIET}/queue", params={"state": "all", "item": item, "l": "en"})
        assert re.findall(r'name="segment" value="(en\.\d)"( checked)?', queue.text)[:2] == [
            ("en.0", ""),
            ("en.1", " checked"),
        ]
        assert f'name="meeting" value="{MEETING}"' in queue.text


async def test_a_page_past_the_end_shows_the_last_there_is() -> None:
    async with desk() as running, browser_of(running, "moderator", QUIET) as moderator:
        for number in range(3):
            keys = receipt.keys(receipt.mint())
            await running.office.submit(QUIET, keys, Submission("question", f"Number {number}?", "en", "committee"))
        text = (await moderator.get(f"/d/{QUIET}/queue", params={"skip": "25", "l": "en"})).text
        assert "Number 0?" in text
        assert "Nothing to read" not in text
