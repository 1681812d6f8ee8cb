"""Firefox: the live page with its scripts, and the page without end where scripts are off."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.firefox import Firefox, firefox
from tests.site.serving import HOSTILE, MEETING, SPEECH, Serving, hold_meeting, serving

pytestmark = pytest.mark.browser


@pytest.fixture
async def site() -> AsyncIterator[Serving]:
    async with serving() as running:
        yield running


async def shows(tab: Firefox, selector: str, wanted: str) -> None:
    """Wait until an element's text is what is wanted."""
    async with asyncio.timeout(60):
        while wanted not in await tab.text(selector):
            await asyncio.sleep(0.2)


async def test_words_arrive_by_themselves_with_scripts(site: Serving, tmp_path: Path) -> None:
    await hold_meeting(site)
    async with firefox(tmp_path / "profile", scripts=True) as tab:
        await tab.go(f"{site.url}/m/{MEETING}?channel=en", wait="interactive")
        await site.speaker.words("en", "I thank the delegation.")
        await shows(tab, "#log .said", "I thank the delegation.")
        await site.speaker.words("en", HOSTILE)
        await shows(tab, "#log .said", HOSTILE)


async def test_without_scripts_the_hearing_is_read_searched_and_followed(site: Serving, tmp_path: Path) -> None:
    await hold_meeting(site)
    async with firefox(tmp_path / "profile", scripts=False) as tab:
        await tab.go(f"{site.url}/?l=fr")
        assert await tab.text("h1") == ["Séances"]
        await tab.go(f"{site.url}/m/{MEETING}?channel=ar&l=ar")
        assert await tab.text("#log .said") == [*SPEECH["ar"]]
        await tab.go(f"{site.url}/m/{MEETING}?channel=en&q=madam+chair")
        assert await tab.text("mark") == ["Madam Chair", "Madam Chair"]
        await tab.go(f"{site.url}/m/{MEETING}/text?channel=en", wait="none")
        await shows(tab, ".said", SPEECH["en"][5])
        await site.speaker.words("en", "I thank the delegation.")
        await shows(tab, ".said", "I thank the delegation.")
        await site.speaker.words("en", HOSTILE)
        await shows(tab, ".said", HOSTILE)
