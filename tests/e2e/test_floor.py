"""A floor of several languages in a real browser: words arrive in their language, and it is named where it changes."""

import msgspec
import pytest
from playwright.async_api import Browser

from hearing.events import SegmentClosed, WordsCommitted
from hearing.transcribe.connection import DraftShown
from tests.e2e.browsing import page_on
from tests.site.serving import MEETING, meeting, serving
from tests.site.test_floor import CHANNELS, events

WAIT_MS = 60_000
pytestmark = pytest.mark.browser


async def test_what_comes_live_is_set_as_what_was_there_and_a_draft_too(chrome: Browser) -> None:
    async with serving() as site:
        await site.keeper.create(meeting(channels=CHANNELS))
        await site.keeper.open(MEETING)
        await site.speaker.begin()
        await site.speaker.tell(*events()[:4])
        async with page_on(chrome, site.url) as (page, _):
            await page.goto(f"{site.url}/m/{MEETING}?channel=floor")
            await page.wait_for_selector("[id='floor.1']", timeout=WAIT_MS)
            await site.speaker.tell(*(one for one in events()[4:] if isinstance(one, WordsCommitted)))
            await page.wait_for_selector("[id='floor.4'] .said", timeout=WAIT_MS)
            await site.speaker.tell(*(one for one in events()[4:] if isinstance(one, SegmentClosed)))
            said = "all => all.map(one => [one.lang, one.dir, one.textContent])"
            rows = await page.eval_on_selector_all("#log .said", said)
            assert [row[:2] for row in rows] == [
                ["en", "ltr"],
                ["fr", "ltr"],
                ["zh", "ltr"],
                ["ar", "rtl"],
                ["ar", "rtl"],
            ]
            assert rows[2][2] == "我们要求数字。"
            names = await page.eval_on_selector_all("#log .tongue", "all => all.map(one => one.textContent)")
            assert names == ["English", "Français", "中文", "العربية"]
            draft = DraftShown("floor.5", 0, "شكرًا جزيلاً", "ar")
            await site.board.put(f"draft:{MEETING}:floor", msgspec.json.encode(draft), 60)
            await page.wait_for_function(
                "() => document.getElementById('draft').textContent === 'شكرًا جزيلاً'", timeout=WAIT_MS
            )
            assert await page.eval_on_selector("#draft", "one => [one.lang, one.dir]") == ["ar", "rtl"]
