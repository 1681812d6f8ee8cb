"""The agenda, for everybody: the live page, the form for questions, the queue, the brief, the chair and the API."""

import re
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from hearing.house_events import Block
from tests.site.desking import MEETING, QUIET, Desk, browser_of, desk, fields
from tests.site.serving import meeting

AGENDA = (Block("article-6", "Article 6", 40), Block("b1", "المادة ٩"), Block("article-14", "Article 14 <b>", 30))


@pytest.fixture
async def running() -> AsyncIterator[Desk]:
    async with desk() as one:
        now = one.site.keeper.house().meeting(MEETING).created
        await one.site.keeper.change(msgspec.structs.replace(now, agenda=AGENDA))
        await one.site.keeper.begin_block(MEETING, "article-6")
        yield one


async def send(running: Desk, client: httpx.AsyncClient, text: str, block: str) -> httpx.Response:
    """Send a question about a block."""
    page = await client.get(f"/d/{QUIET}/ask")
    form = fields(page.text, 'id="text"') | {"kind": "question", "language": "en", "ceiling": "committee"}
    return await client.post(f"/d/{QUIET}/ask", data={**form, "text": text, "block": block})


async def test_the_live_page_shows_the_agenda_after_the_log_with_the_current_block(running: Desk) -> None:
    async with browser_of(running) as client:
        text = (await client.get(f"/m/{MEETING}")).text
        assert text.index('id="log"') < text.index('id="agenda"')
        [current] = re.findall(r'<li aria-current="true">(.*?)</li>', text[text.index('id="agenda"') :], re.DOTALL)
        assert "Article 6" in current
        assert "Now" in current
        assert "40 min" in current
        assert "Article 14 &lt;b&gt;" in text
        first = await client.get(f"/m/{MEETING}/asked")
        await running.site.keeper.begin_block(MEETING, "b1")
        again = await client.get(f"/m/{MEETING}/asked", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 200
        assert "المادة ٩" in again.text.partition('aria-current="true"')[2].partition("</li>")[0]
        await running.site.keeper.close(MEETING)
        closed = (await client.get(f"/m/{MEETING}")).text
        assert 'aria-current="true"' not in closed[closed.index('id="agenda"') :].partition("</section>")[0]


async def test_a_meeting_without_an_agenda_shows_none(running: Desk) -> None:
    async with browser_of(running) as client:
        assert 'id="agenda"' not in (await client.get("/m/briefing")).text
        assert 'name="block"' not in (await client.get("/d/brief/ask")).text


async def test_the_form_offers_the_blocks_of_all_the_dialogues_meetings(running: Desk) -> None:
    await running.site.keeper.create(
        meeting("arlandia-2", title="Second", agenda=(Block("article-25", "Article 25"), Block("b1", "المادة ٩")))
    )
    async with browser_of(running) as client:
        text = (await client.get(f"/d/{QUIET}/ask", params={"block": "article-25"})).text
        select = text[text.index('<select id="block"') :].partition("</select>")[0]
        assert re.findall(r'value="([^"]*)"', select) == ["", "article-6", "b1", "article-14", "article-25"]
        assert re.findall(r'value="([^"]*)"[^>]* selected', select) == ["article-25"]
        assert "Article 6 (on now)" in select


async def test_only_a_block_that_exists_is_taken(running: Desk) -> None:
    async with browser_of(running) as client, browser_of(running, "moderator", QUIET) as moderator:
        assert (await send(running, client, "About six", "article-6")).status_code == 200
        assert (await send(running, client, "About nothing", "article-99")).status_code == 200
        queue = (await moderator.get(f"/d/{QUIET}/queue")).text
        assert "article-99" not in queue
        assert '<dt>Part</dt><dd dir="auto">Article 6</dd>' in queue
        six = (await moderator.get(f"/d/{QUIET}/queue", params={"block": "article-6"})).text
        assert "About six" in six
        assert "About nothing" not in six
        assert '<option value="article-6" selected>Article 6</option>' in six
        wanted = {"kind": "question", "text": "x", "language": "en", "ceiling": "committee", "source_class": "other"}
        body = {**wanted, "auth": "0" * 64, "block": "article-99"}
        refused = await client.put(f"/api/dialogues/{QUIET}/items/{'0' * 32}", json=body)
        assert refused.status_code == 400


async def test_a_members_brief_is_grouped_under_titles_in_the_order_of_the_agenda(running: Desk) -> None:
    async with (
        browser_of(running) as client,
        browser_of(running, "moderator", QUIET) as moderator,
        browser_of(running, "member", QUIET) as member,
    ):
        for text, block in (("Fourteen", "article-14"), ("Six", "article-6"), ("All", "")):
            await send(running, client, text, block)
        queue = (await moderator.get(f"/d/{QUIET}/queue")).text
        ticked = re.findall(r'name="item" form="bulk" value="([^"]+)"', queue)
        await moderator.post(f"/d/{QUIET}/queue", data={"act": "accept", "item": ticked})
        running.clock.settle()
        queue = (await moderator.get(f"/d/{QUIET}/queue", params={"state": "all"})).text
        ticked = re.findall(r'name="item" form="bulk" value="([^"]+)"', queue)
        await moderator.post(f"/d/{QUIET}/queue", data={"act": "route", "to": "committee", "item": ticked})
        running.clock.settle()
        text = (await member.get(f"/d/{QUIET}/member")).text
        wanted = ("The whole dialogue", ">All<", "Article 6", ">Six<", "Article 14 &lt;b&gt;", ">Fourteen<")
        places = [text.index(part) for part in wanted]
        assert places == sorted(places)


async def test_the_chair_sees_block_time_left_and_what_is_next(running: Desk) -> None:
    async with browser_of(running, "chair", QUIET) as chair:
        running.clock.ms += 22 * 60_000
        text = (await chair.get(f"/d/{QUIET}/chair")).text
        assert "<h1><bdi>Article 6</bdi></h1>" in text
        assert re.search(r'data-left="1080000">18</span>', text)
        assert "Next part" in text
        assert "المادة ٩" in text
        running.clock.ms += 20 * 60_000 + 30_000
        late = (await chair.get(f"/d/{QUIET}/chair")).text
        assert "This part is over by" in late
        assert re.search(r'data-left="-150000">2</span>', late)
        await running.site.keeper.begin_block(MEETING, "b1")
        assert "This part since" in (await chair.get(f"/d/{QUIET}/chair")).text
        await running.site.keeper.begin_block(MEETING, "")
        assert "<h1><bdi>Arlandia</bdi></h1>" in (await chair.get(f"/d/{QUIET}/chair")).text


async def test_the_api_tells_the_agenda_and_the_block(running: Desk) -> None:
    async with browser_of(running) as client:
        told = (await client.get(f"/api/meetings/{MEETING}")).json()
        assert told["agenda"][:2] == [
            {"id": "article-6", "title": "Article 6", "minutes": 40},
            {"id": "b1", "title": "المادة ٩", "minutes": 0},
        ]
        assert told["block"] == "article-6"
