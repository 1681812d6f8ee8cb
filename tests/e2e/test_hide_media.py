"""A player that is playing drops what it holds of a hidden passage, fetches none of it, and goes on behind it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from hearing.events import PassageHidden, PassageShown, PublicEvent, encode, public_stream
from hearing.log.memory import MemoryLog
from hearing.site import media
from hearing.site.show import Track
from hearing.store.folder import FolderStore
from hearing.stream.relay import Relay
from tests.e2e.browsing import browser, page_on
from tests.needs import program
from tests.site.serving import Serving, serving
from tests.stream.made import make
from tests.stream.relaying import KeptEar, meeting

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
_RECORDED = [Track("audio", "en", 64_000), Track("video", None, 900_000)]
_WAIT_S = 60.0
_HELD = """() => {
  const {buffered} = document.getElementById("media");
  return Array.from({length: buffered.length}, (_, i) => [buffered.start(i), buffered.end(i)]);
}"""
_NOW = "document.getElementById('media').currentTime"


class Playing(msgspec.Struct, frozen=True):
    """A live meeting that loops over two channels and a picture."""

    site: Serving

    async def tell(self, event: PublicEvent) -> None:
        await self.site.log.append(public_stream("one"), [encode(event)])


@pytest.fixture
async def chrome() -> AsyncIterator[Browser]:
    program("chromium")
    async with browser() as running:
        yield running


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Playing]:
    source = make(tmp_path / "a.mp4", seconds=(60.0, 60.0), picture="libx264", beeps=range(1, 60, 2))
    one = meeting(source, "en", "fr", loop=True)
    async with MemoryLog() as log, FolderStore(tmp_path / "media") as store:
        kept: list[Serving] = []
        more = media.routes(log, store, lambda: kept[0].keeper.house())  # noqa: PLW0108 - the site comes later
        async with serving(log=log, more=lambda: more, recorded=_RECORDED) as site:
            kept.append(site)
            await site.keeper.create(one.created)
            await site.keeper.open("one")
            work = asyncio.ensure_future(Relay(one, log=log, store=store, ear=KeptEar()).run())
            try:
                yield Playing(site)
            finally:
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work


async def wait(page: Page, condition: str, seconds: float = _WAIT_S) -> None:
    """Wait for a condition on the element, looked at from outside: the page's policy forbids eval."""
    async with asyncio.timeout(seconds):
        while not await page.evaluate(
            f"() => {{ const media = document.getElementById('media'); return {condition}; }}"
        ):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("mode", ["audio", "video"])
async def test_what_is_hidden_leaves_the_player_and_it_goes_on_behind(
    chrome: Browser, live: Playing, mode: str
) -> None:
    if mode == "video" and not (ROOT / "web/vendor/hls.min.js").exists():
        pytest.skip("the video player is not here; it needs Node: scripts/web")
    async with page_on(chrome, live.site.url) as (page, watch):
        await page.goto(f"/m/one?channel=en&mode={mode}&l=en")
        await asyncio.sleep(8)
        await page.get_by_role("button", name="Play").click()
        await wait(page, "media.currentTime > 0 && !media.paused && media.readyState > 2")
        before = await t_of(page)
        t0, t1 = round(before * 1000) - 2000, round(before * 1000) + 9000
        began = time.monotonic()
        await live.tell(PassageHidden("p", t0, t1))
        await wait(page, f"!Array.from({{length: media.buffered.length}}).some((_, i) => {overlaps(before)})", 10)
        logger.info("hidden mode=%s player_ms=%d", mode, (time.monotonic() - began) * 1000)
        assert await page.evaluate("document.getElementById('media').error") is None
        await wait(page, f"media.currentTime > {t1 / 1000}")
        await expect(page.locator("#trouble")).to_be_hidden()
        held = await page.evaluate(_HELD)
        assert not [span for span in held if span[0] < before < span[1]], held
        now = await page.evaluate(_NOW)
        await wait(page, f"media.currentTime > {now + 1}")
        watch.faults = [fault for fault in watch.faults if "410" not in fault]  # one may have been asked for just then


def overlaps(at: float) -> str:
    """Write whether a buffered range holds this second."""
    return f"media.buffered.start(i) < {at} && {at} < media.buffered.end(i)"


async def t_of(page: Page) -> float:
    """Return where it plays, in seconds of the element: in one run they are media time."""
    return float(await page.evaluate(_NOW))


async def test_a_recording_is_played_without_it(chrome: Browser, live: Playing) -> None:
    async with page_on(chrome, live.site.url) as (page, _):
        await asyncio.sleep(8)
        await live.tell(PassageHidden("p", 2600, 5400))
        await page.goto("/m/one?channel=en&mode=audio&l=en")
        await page.get_by_role("button", name="Play").click()
        await wait(page, "media.currentTime > 0 && !media.paused")
        await page.evaluate("document.getElementById('media').currentTime = 3.5")
        await wait(page, "media.currentTime > 5.5")
        held = await page.evaluate(_HELD)
        assert not [span for span in held if span[0] < 4 < span[1]], held
        await live.tell(PassageShown("p"))
