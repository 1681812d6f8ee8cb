"""Captions by hand in a rehearsal: what was invited to the meeting writes it, and sees of it what was typed alone."""

import contextlib
import re
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from hearing.qa.invites import Place
from hearing.site import captioning
from tests.site.desking import QUIET, Desk, browser_of, desk, fields, take_seat
from tests.site.serving import TOKEN, Speaker, meeting
from tests.site.test_captioning import HOLD, PAGE, SECOND, STAFF
from tests.transcribe.relaying import nothing_recorded

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
PLANNED = "planned"


class Stage(msgspec.Struct):
    """A planned meeting, and a rehearsal of it that is heard."""

    desk: Desk
    rehearsal: str

    async def typed(self, meeting_id: str) -> list[str]:
        """Return the passages that were typed, as staff read them."""
        async with httpx.AsyncClient(base_url=self.desk.site.url, headers=HEADERS, timeout=60) as client:
            answer = await client.get(f"/api/meetings/{meeting_id}/segments?channel=fr")
        return [one["text"] for one in answer.json()["segments"] if one["mark"] == "typed"]

    async def place(self, *, url: bool = False) -> str:
        """Return the token of a captioner's invitation to the planned meeting."""
        return await self.desk.office.invite(STAFF, QUIET, "captioner", "", Place(PLANNED, "fr", url=url))


@contextlib.asynccontextmanager
async def heard(here: Desk, meeting_id: str) -> AsyncIterator[None]:
    """Hear a meeting for a minute."""
    ears = await here.site.dispatch.attach(here.site.keeper.house().meeting(meeting_id), nothing_recorded)
    ears.hear("fr", 1, 0, bytes(2 * SECOND * 60))
    try:
        yield
    finally:
        await ears.detach()


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with desk(HOLD) as here:
        await here.site.keeper.create(meeting(PLANNED))
        rehearsal = await here.site.keeper.rehearse(PLANNED)
        async with heard(here, rehearsal):
            yield Stage(here, rehearsal)


async def test_a_caption_url_writes_the_rehearsal_while_there_is_one_and_then_the_meeting(on: Stage) -> None:
    url = captioning.address(await on.place(url=True))
    async with httpx.AsyncClient(base_url=on.desk.site.url, timeout=60) as client:
        assert (await client.post(f"{url}&seq=1", content=b"Essai.")).text == "1"
        assert (await client.get(url.replace("?", "/seq?"))).text == "1"
        assert await on.typed(on.rehearsal) == ["Essai."]
        await on.desk.site.keeper.open(PLANNED)
        async with heard(on.desk, PLANNED):
            assert (await client.get(url.replace("?", "/seq?"))).text == "0"
            assert (await client.post(f"{url}&seq=2", content=b"Bonjour.")).text == "2"
        assert (await on.typed(on.rehearsal), await on.typed(PLANNED)) == (["Essai."], ["Bonjour."])


async def test_the_page_writes_the_rehearsal_and_shows_what_was_typed_and_nothing_else_of_it(on: Stage) -> None:
    machine = Speaker(on.desk.site.log, on.rehearsal)
    await machine.begin()
    await machine.words("fr", "Motdelamachine.")
    async with browser_of(on.desk) as client:
        await take_seat(client, await on.place(), QUIET)
        page = await client.get(f"{PAGE}?meeting={PLANNED}&channel=fr")
        assert "This is a rehearsal. Only staff see it." in page.text
        sent = await client.post(PAGE, data={**fields(page.text, 'id="typing"'), "text": "Essai de la page."})
        assert sent.status_code == 200
        assert re.findall(r'<p class="said"[^>]*>([^<]*)<', sent.text) == ["Essai de la page."]
        assert "A captioner writes this channel." in sent.text
        assert "Mend" not in sent.text
        assert "Motdelamachine" not in sent.text
        assert on.rehearsal not in sent.text
        for path in (
            f"/m/{on.rehearsal}",
            f"/api/meetings/{on.rehearsal}/segments?channel=fr",
            f"/m/{PLANNED}?channel=fr",
        ):
            assert "Essai de la page" not in (await client.get(path)).text
    assert await on.typed(on.rehearsal) == ["Essai de la page."]
    assert await on.typed(PLANNED) == []


async def test_what_is_to_another_meeting_writes_no_rehearsal(on: Stage) -> None:
    await on.desk.site.keeper.create(meeting("another"))
    token = await on.desk.office.invite(STAFF, QUIET, "captioner", "", Place("another", "fr", url=True))
    async with httpx.AsyncClient(base_url=on.desk.site.url, timeout=60) as client:
        early = await client.post(f"{captioning.address(token)}&seq=1", content=b"Non.")
    assert (early.status_code, early.text) == (400, "This meeting is not open. Captions are taken while it is.\n")
    assert await on.typed(on.rehearsal) == []


async def test_a_line_of_an_open_meeting_goes_to_no_rehearsal(on: Stage) -> None:
    url = captioning.address(await on.place(url=True))
    async with httpx.AsyncClient(base_url=on.desk.site.url, timeout=60) as client:
        await on.desk.site.keeper.open(PLANNED)  # the rehearsal is over; its channel is not detached yet
        assert (await client.post(f"{url}&seq=1", content=b"Bonjour.")).status_code == 400
    assert await on.typed(on.rehearsal) == []
