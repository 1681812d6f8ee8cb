"""A name is taken out of the record while people read: it leaves every open page, and the sentence stays."""

import asyncio
import logging
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect

from hearing import redaction
from hearing.events import RunEnded
from hearing.redacting import Redactor
from hearing.redaction import Wanted
from hearing.store.folder import FolderStore
from tests.e2e.browsing import GONE, page_on
from tests.redacting import nothing_else
from tests.site.desking import MEETING, Desk, desk

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.browser

NAME = "Zyxwvuqa"
SPOKEN = f"The judge said that {NAME} was held for nine days"
LEFT = "The judge said that […] was held for nine days"
TAKEN = "Words were taken out of the record here."


async def redact(here: Desk, folder: Path, one: str, words: str) -> None:
    """Take words of the floor out."""
    async with FolderStore(folder) as store:
        site = here.site
        redactor = Redactor(
            site.log, store, site.board, house=site.keeper.house, forget=nothing_else, now_ms=here.clock
        )
        meeting = site.keeper.house().meeting(MEETING)
        cut = redaction.cut_words(meeting, (await redactor.account(MEETING)).said, "en", words)
        await redactor.ask(MEETING, Wanted(one, "person-at-risk", (cut,)))
        assert await redactor.carry_out_alone(MEETING, one)


async def test_a_name_leaves_open_pages_and_the_sentence_stays(chrome: Browser, tmp_path: Path) -> None:
    async with desk() as here:
        site = here.site
        await site.speaker.words("en", SPOKEN)
        await site.speaker.words("en", f"{NAME} was alone")
        await site.speaker.tell(RunEnded(1, 90_000, "lost"))
        async with (
            page_on(chrome, site.url) as (reader, _),
            page_on(chrome, site.url, java_script_enabled=False) as (quiet, _),
            httpx.AsyncClient(base_url=site.url, timeout=60) as client,
        ):
            await reader.goto(f"/m/{MEETING}?channel=en&l=en")
            await expect(reader.locator('[id="en.6"] .said')).to_have_text(SPOKEN)
            await quiet.goto(f"/m/{MEETING}/text?channel=en&l=en", wait_until="commit")
            await expect(quiet.locator('[id="en.6"]')).to_contain_text(NAME)
            began = await reader.evaluate("Date.now()")
            gone = asyncio.ensure_future(reader.evaluate(GONE, NAME))
            await redact(here, tmp_path, "1" * 16, "en.6.4")
            await redact(here, tmp_path, "2" * 16, "en.7")
            async with asyncio.timeout(60):
                logger.info("redacted live_page_ms=%d", await gone - began)
            await expect(reader.locator('[id="en.6"] .said')).to_have_text(LEFT)
            await expect(reader.locator('[id="en.7"]')).to_contain_text(TAKEN)
            await expect(quiet.locator('[id="en.6"]')).to_contain_text(LEFT)
            await expect(quiet.locator('[id="en.7"]')).to_contain_text(TAKEN)
            await expect(quiet.locator("body")).not_to_contain_text(NAME)
            passage = await client.get(f"/m/{MEETING}/en/7?l=en")
            assert (passage.status_code, NAME in passage.text) == (410, False)
            assert "It puts a person at risk" in passage.text
            await site.speaker.words("en", "We go on")
            await expect(reader.locator('[id="en.8"] .said')).to_have_text("We go on")
