"""One correction of a misheard name over a meeting: looked at first, and only where it was ticked."""

import html
import re
from collections.abc import AsyncIterator

import pytest

from hearing.events import Ended, RecordCorrected, decode_public, public_stream
from tests.site.desking import MEETING, QUIET, Desk, browser_of, desk
from tests.site.test_correcting import cite, correct, corrections, read

PATH = f"/d/{QUIET}/misheard"
NAME = {"meeting": MEETING, "name": "covaleva", "right": "Kovaleva"}


@pytest.fixture
async def here() -> AsyncIterator[Desk]:
    async with desk() as running:
        await running.site.speaker.words("en", "I thank Ms. Covaleva, and COVALEVA thanks you.")
        await running.site.speaker.words("fr", "Je remercie Mme Covaleva.")
        await running.site.speaker.words("en", "Mr. Covalevas is somebody else.")
        await running.site.speaker.words("en", "So Ms. Covaleva said.")
        yield running


def ticks(page: str) -> list[str]:
    return re.findall(r'name="hit" value="([^"]+)"', page)


async def test_every_place_is_shown_with_what_it_would_say_and_nothing_is_done_yet(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        page = (await client.get(PATH, params=NAME)).text
        english = (await client.get(PATH, params=NAME | {"channel": "en"})).text
    assert ticks(page) == ["en.6 0 0", "en.6 0 1", "en.8 0 0", "fr.3 0 0"]
    assert ticks(english) == ["en.6 0 0", "en.6 0 1", "en.8 0 0"]
    assert "I thank Ms. <del>Covaleva</del> <ins>Kovaleva</ins>, and COVALEVA" in page
    assert await corrections(here) == []


async def test_the_ticked_places_are_corrected_at_once_and_make_one_release(here: Desk) -> None:
    await here.site.keeper.close(MEETING)
    await here.site.speaker.tell(Ended(10**6))
    sent = NAME | {"reason": "Misheard name", "hit": ["en.6 0 1", "en.8 0 0", "fr.3 0 0"]}
    async with browser_of(here, "moderator", QUIET) as client:
        answer = await client.post(PATH, data=sent)
        again = await client.post(PATH, data=sent)
    assert "3 passages corrected." in answer.text
    assert ticks(answer.text) == ["en.6 1 0"]
    assert "was left as it is" in again.text, "one place still stands in en.6, so that the same form means another text"
    said = {event.segment: " ".join(event.words) for event in await corrections(here)}
    assert said == {
        "en.6": "I thank Ms. Covaleva, and Kovaleva thanks you.",
        "en.8": "So Ms. Kovaleva said.",
        "fr.3": "Je remercie Mme Kovaleva.",
    }
    assert "release r2" in cite((await read(here, f"/m/{MEETING}/en/8")).text)[2]
    records = await here.site.log.read(public_stream(MEETING), 0, 4096)
    last = decode_public(records[-1].body)
    assert isinstance(last, RecordCorrected)
    assert [one.segment for one in last.made] == ["en.6", "en.8", "fr.3"]


async def test_what_somebody_changed_meanwhile_is_told_and_the_rest_is_done(here: Desk) -> None:
    await correct(here, "So Ms. Covaleva has said.", segment="en.8")
    sent = NAME | {"reason": "Misheard name", "hit": ["en.6 0 0", "en.6 0 1", "en.8 0 0", "en.99 0 0", "<b> 0 0"]}
    async with browser_of(here, "moderator", QUIET) as client:
        answer = html.unescape((await client.post(PATH, data=sent)).text)
    assert "1 passage corrected." in answer
    assert "2 passages were left as they are" in answer
    assert "Somebody corrected this passage since you looked." in answer
    assert "There is no such passage any more." in answer
    assert [event.segment for event in await corrections(here)] == ["en.8", "en.6"]
    assert 'hit" value="en.8 1 0"' in answer


async def test_a_form_without_a_reason_or_a_tick_does_nothing(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        for sent in (
            NAME | {"reason": "x"},
            NAME | {"hit": "en.6 0 0"},
            NAME | {"right": "", "hit": "en.6 0 0", "reason": "x"},
        ):
            assert (await client.post(PATH, data=sent)).status_code == 400
    assert await corrections(here) == []
