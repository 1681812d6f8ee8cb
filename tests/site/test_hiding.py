"""Hiding at the desk: one key, one form each; who may; what is left for the public to read; what the logs hold."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from hearing.access import Role
from hearing.desk_events import PassageActed, decode_desk, desk_stream
from hearing.errors import Unavailable
from hearing.events import Ended, PassageHidden, PassageShown, decode_public, public_stream
from hearing.qa.desk import Desk as QaDesk
from tests.site.desking import MEETING, OPEN, QUIET, Desk, browser_of, desk, fields
from tests.site.serving import ZERO_MS

SAID = f"/d/{QUIET}/said"
TOMBSTONE = "This passage was hidden by the secretariat."
NAMED = "eleven of fourteen regions"
SEGMENT = "en.5"
"""The last one of the floor, in which it is said; it ends two seconds before now."""


@pytest.fixture
async def here() -> AsyncIterator[Desk]:
    async with desk() as running:
        running.clock.ms = ZERO_MS + running.site.speaker._t["en"] - 500 + 2000
        yield running


async def hide(client: httpx.AsyncClient, segment: str = SEGMENT) -> httpx.Response:
    form = {"act": "hide", "meeting": MEETING, "segment": segment}
    return await client.post(SAID, data=form)


async def passages(here: Desk) -> list[PassageHidden | PassageShown]:
    records = await here.site.log.read(public_stream(MEETING), 0, 4096)
    events = [decode_public(record.body) for record in records]
    return [event for event in events if isinstance(event, PassageHidden | PassageShown)]


async def acts(here: Desk) -> list[PassageActed]:
    records = await here.site.log.read(desk_stream(QUIET), 0, 4096)
    events = [decode_desk(record.body) for record in records]
    return [event for event in events if isinstance(event, PassageActed)]


async def everything(here: Desk) -> dict[str, str]:
    """Return all that the public can read of the meeting in English."""
    paths = (
        f"/m/{MEETING}?channel=en",
        f"/m/{MEETING}?channel=en&all=1",
        f"/m/{MEETING}?channel=en&q=fourteen",
        f"/m/{MEETING}/en.vtt",
        f"/m/{MEETING}/en.txt",
        f"/api/meetings/{MEETING}/segments",
    )
    async with httpx.AsyncClient(base_url=here.site.url, timeout=10) as client:
        return {path: (await client.get(path)).text for path in paths}


async def streamed(here: Desk, path: str, enough: str) -> str:
    """Read an endless answer until it holds some text."""
    text = ""
    async with (
        httpx.AsyncClient(base_url=here.site.url, timeout=10) as client,
        client.stream("GET", path) as answer,
    ):
        async for chunk in answer.aiter_text():
            text += chunk
            if enough in text:
                return text
    return text


async def test_a_hidden_passage_is_nowhere_and_a_tombstone_remains(here: Desk) -> None:
    assert any(NAMED in text for text in (await everything(here)).values())
    async with browser_of(here, "moderator", QUIET) as client:
        answer = await hide(client)
        assert "Hidden now" in answer.text
        assert NAMED not in answer.text
    here.site.speaker._t["en"] += 90_000
    await here.site.speaker.words("en", "End of it")
    for path, text in (await everything(here)).items():
        assert NAMED not in text, path
        assert "This passage was hidden" in text or "q=" in path or path.startswith("/api"), path
    found = (await everything(here))[f"/api/meetings/{MEETING}/segments"]
    assert f'"segment":"{SEGMENT}"' in found
    assert '"text":"","closed":true,"hidden":true' in found
    growing = await streamed(here, f"/m/{MEETING}/text?channel=en&after=1.0", "End of it")
    assert (NAMED in growing, growing.count(TOMBSTONE)) == (False, 1)
    events = await streamed(here, f"/api/meetings/{MEETING}/events?channel=en", "event: hidden")
    assert "fourteen" not in events


async def test_shown_again_it_is_back_everywhere(here: Desk) -> None:
    before = await everything(here)
    async with browser_of(here, "moderator", QUIET) as client:
        page = (await hide(client)).text
        form = fields(page, "Show again")
        answer = await client.post(SAID, data=form)
    assert NAMED in answer.text
    assert "Show again" not in answer.text
    after = await everything(here)
    for path in before:
        assert (NAMED in after[path]) == (NAMED in before[path]), path
        assert TOMBSTONE not in after[path].partition('id="words"')[0]


async def test_one_press_hides_what_was_just_said_on_all_channels(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        page = (await client.get(SAID)).text
        await client.post(SAID, data=fields(page, "Hide what was just said"))
    (event,) = await passages(here)
    assert isinstance(event, PassageHidden)
    now = here.clock.ms - ZERO_MS
    assert (event.t0, event.t1) == (now - 2000 - 15_000, now + 12_000)
    assert NAMED not in "".join((await everything(here)).values())


async def test_what_comes_while_the_passage_lasts_is_hidden_and_what_comes_later_is_not(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        page = (await client.get(SAID)).text
        await client.post(SAID, data=fields(page, "Hide what was just said"))
    await here.site.speaker.words("en", "and the name again", more=True)
    here.site.speaker._t["en"] += 90_000
    await here.site.speaker.words("en", "we go on")
    texts = "".join((await everything(here)).values())
    assert "name again" not in texts
    assert "we go on" in texts


async def test_a_repeated_press_is_one_passage_and_the_log_knows_who(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        form = fields((await client.get(SAID)).text, "Hide what was just said")
        for _ in range(3):
            assert (await client.post(SAID, data=form)).status_code == 200
            here.clock.ms += 700
    (event,) = await passages(here)
    (act,) = await acts(here)
    assert (act.hidden, act.act, act.meeting) == (event.hidden, "hide", MEETING)
    assert act.actor.role == "moderator"
    records = await here.site.log.read(public_stream(MEETING), 0, 4096)
    assert all(act.actor.invite.encode() not in record.body for record in records)


async def test_what_was_shown_can_be_hidden_again(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        for _ in range(2):
            page = (await hide(client)).text
            assert NAMED not in "".join((await everything(here)).values())
            await client.post(SAID, data=fields(page, "Show again"))
            assert NAMED in "".join((await everything(here)).values())
    assert len(await passages(here)) == 4
    assert [act.act for act in await acts(here)] == ["hide", "show", "hide", "show"]


async def test_what_is_public_stays_hidden_where_the_desk_fails_and_a_repeat_notes_who(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_args: object, **_options: object) -> int:
        raise Unavailable("The disk is full.")

    async with browser_of(here, "moderator", QUIET) as client:
        with monkeypatch.context() as broken:
            broken.setattr(QaDesk, "record", fails)
            assert (await hide(client)).status_code == 503
        assert NAMED not in "".join((await everything(here)).values())
        assert await acts(here) == []
        await hide(client)
    assert (len(await passages(here)), len(await acts(here))) == (1, 1)


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("member", 403), ("moderator", 200), ("chair", 200)])
async def test_the_capability_is_asked_for_first(here: Desk, role: Role | None, status: int) -> None:
    async with browser_of(here, role, QUIET) as client:
        for answer in (await client.get(SAID), await hide(client)):
            assert answer.status_code == status
            if status == 200:
                assert answer.headers["cache-control"] == "no-store"
    assert len(await passages(here)) == (status == 200)


async def test_who_has_a_seat_in_another_dialogue_may_not(here: Desk) -> None:
    async with browser_of(here, "moderator", OPEN) as client:
        assert (await hide(client)).status_code == 401
        other = await client.post(f"/d/{OPEN}/said", data={"act": "hide", "meeting": MEETING, "segment": SEGMENT})
        assert other.status_code == 404
    assert await passages(here) == []


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"act": "hide", "segment": "en.99"}, 404),
        ({"act": "hide", "segment": "xx.1"}, 404),
        ({"act": "hide", "segment": ""}, 404),
        ({"act": "just", "channel": "en", "passage": ""}, 400),
        ({"act": "just", "channel": "en", "passage": "../../etc"}, 400),
        ({"act": "show", "passage": "0" * 16}, 404),
        ({"act": "hide", "segment": SEGMENT, "meeting": "nowhere"}, 404),
    ],
)
async def test_what_cannot_be_hidden_is_refused(here: Desk, form: dict[str, str], status: int) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        assert (await client.post(SAID, data={"meeting": MEETING, **form})).status_code == status
    assert await passages(here) == []


async def test_a_page_of_another_site_hides_nothing(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        client.headers["Sec-Fetch-Site"] = "cross-site"
        assert (await hide(client)).status_code == 403
    assert await passages(here) == []


async def test_the_queue_and_the_chair_have_the_button_and_come_back_to_their_page(here: Desk) -> None:
    for role, page in (("moderator", "queue"), ("chair", "chair")):
        async with browser_of(here, role, QUIET) as client:  # type: ignore[arg-type]
            text = (await client.get(f"/d/{QUIET}/{page}?l=fr&state=all")).text
            action = re.findall(r'action="([^"]*/said[^"]*)"', text)[0].replace("&amp;", "&")
            answer = await client.post(action, data=fields(text, 'value="just"'))
            assert answer.url.path == f"/d/{QUIET}/{page}"
            assert answer.url.params["l"] == "fr"
            assert "Masqué." in answer.text
    assert len(await passages(here)) == 2


async def test_the_answer_ticks_of_the_queue_hold_no_hidden_words(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        await hide(client)
        assert NAMED not in (await client.get(f"/d/{QUIET}/queue?l=en")).text


async def test_a_growing_page_that_has_the_words_ends_and_is_loaded_again(here: Desk) -> None:
    text = ""
    path = f"/m/{MEETING}/text?channel=en&l=en"
    async with (
        browser_of(here, "moderator", QUIET) as moderator,
        httpx.AsyncClient(base_url=here.site.url, timeout=10) as client,
        client.stream("GET", path) as answer,
    ):
        async for chunk in answer.aiter_text():
            if NAMED in chunk:
                await hide(moderator)
            text += chunk
    assert re.search(r'<meta http-equiv="refresh" content="0;url=([^"]+)">', text)
    address = re.findall(r'content="0;url=([^"]+)"', text)[0].replace("&amp;", "&")
    assert re.fullmatch(re.escape(path) + rf"&again=\d+#{SEGMENT}", address)
    assert text.rstrip().endswith("</html>")
    await here.site.speaker.tell(Ended(100_000))
    async with httpx.AsyncClient(base_url=here.site.url, timeout=10) as client:
        fresh = (await client.get(address)).text
    assert (NAMED in fresh, TOMBSTONE in fresh) == (False, True)
    assert f'id="{SEGMENT}"' in fresh


async def test_a_growing_page_that_has_none_of_the_words_goes_on(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as moderator:
        await moderator.post(SAID, data=fields((await moderator.get(SAID)).text, "Hide what was just said"))
    await here.site.speaker.words("en", "and the name again", more=True)
    here.site.speaker._t["en"] += 90_000
    await here.site.speaker.words("en", "we go on")
    text = await streamed(here, f"/m/{MEETING}/text?channel=en", "we go on")
    assert "name again" not in text
    assert "refresh" not in text
