"""Captions by hand on a floor of several languages: each line in the language that it was typed in."""

import contextlib
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from hearing.house_events import Channel
from hearing.qa.invites import Place
from hearing.site import captioning
from tests.site.desking import QUIET, fields
from tests.site.serving import meeting
from tests.site.test_captioning import PAGE, SECOND, STAFF, Live, captioner, live
from tests.transcribe.relaying import nothing_recorded

FLOOR = Channel("floor", "en", 0, "floor", ("en", "fr", "zh"))


@pytest.fixture
async def on() -> AsyncIterator[Live]:
    async with live() as running:
        yield running


@contextlib.asynccontextmanager
async def floor(on: Live) -> AsyncIterator[str]:
    """Be on in a meeting whose floor is in three languages, heard for a while."""
    keeper, dispatch = on.desk.site.keeper, on.desk.site.dispatch
    await keeper.create(meeting("floors", channels=(FLOOR, Channel("en", "en", 1))))
    await keeper.open("floors")
    ears = await dispatch.attach(keeper.house().meeting("floors"), nothing_recorded)
    ears.hear("floor", 1, 0, bytes(2 * SECOND * 60))
    try:
        yield "floors"
    finally:
        await ears.detach()


async def passages(on: Live, meeting_id: str) -> list[tuple[str, str]]:
    """Return what the API tells of a floor: each passage's language and text."""
    async with httpx.AsyncClient(timeout=60) as client:
        said = (await client.get(f"{on.desk.site.url}/api/meetings/{meeting_id}/segments?channel=floor")).json()
    return [(one["language"], one["text"]) for one in said["segments"]]


async def test_software_says_by_lang_which_of_the_floors_languages_it_sends(on: Live) -> None:
    async with floor(on) as there, httpx.AsyncClient(base_url=on.desk.site.url, timeout=60) as client:
        token = await on.desk.office.invite(STAFF, QUIET, "captioner", "", Place(there, "floor", url=True))
        url = captioning.address(token)
        assert (await client.post(f"{url}&seq=1&lang=fr-FR", content=b"Merci.")).status_code == 200
        assert (await client.post(f"{url}&seq=2&lang=zh-CN", content="谢谢主席。".encode())).status_code == 200
        assert (await client.post(f"{url}&seq=3", content="再见。".encode())).status_code == 200
        refused = await client.post(f"{url}&seq=4&lang=es-ES", content=b"Gracias.")
        assert (refused.status_code, refused.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
        assert refused.text == "This channel is in en, fr, zh: set your captions to one of these languages.\n"
        assert await passages(on, there) == [("fr", "Merci."), ("zh", "谢谢主席。"), ("zh", "再见。")]


async def test_the_page_of_a_floor_asks_in_which_language_one_types_and_keeps_it(on: Live) -> None:
    async with floor(on) as there, captioner(on, Place(there, "floor")) as client:
        path = f"{PAGE}?meeting={there}&channel=floor"
        page = (await client.get(path)).text
        assert re.findall(r'<option value="(\w+)"[^>]*?( selected)?>', page) == [
            ("en", " selected"),
            ("fr", ""),
            ("zh", ""),
        ]
        sent = await client.post(PAGE, data={**fields(page, 'id="typing"'), "text": "Merci.", "language": "fr"})
        assert re.findall(r'<option value="(\w+)"[^>]*? selected>', sent.text) == ["fr"]
        assert '<p class="said" lang="fr"' in sent.text
        assert re.search(r'<textarea id="text"[^>]* lang="fr"', sent.text)
        again = fields(sent.text, 'id="typing"')
        odd = await client.post(PAGE, data={**again, "text": "Gracias.", "language": "es"})
        assert (odd.status_code, "Gracias." in odd.text) == (400, True)
        assert await passages(on, there) == [("fr", "Merci.")]
        assert re.findall(r'<option value="(\w+)"[^>]*? selected>', (await client.get(path)).text) == ["fr"]


async def test_the_page_of_a_channel_of_one_language_does_not_ask(on: Live) -> None:
    async with captioner(on) as client:
        assert 'name="language"' not in (await client.get(PAGE)).text
