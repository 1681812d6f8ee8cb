"""A real browser plays the relay's HLS: what sounds is what the media time says, and channels can be switched."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright
from playwright.async_api import TimeoutError as PlaywrightTimeout
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from hearing.events import ClockStarted
from tests.needs import program
from tests.site.serving_media import serving
from tests.stream.made import make
from tests.stream.relaying import Place, house, meeting, place

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
HLS_PLACES = (ROOT / "web/vendor/hls.min.js", ROOT / "node_modules/hls.js/dist/hls.min.js")
ERROR_MS = 200
FIRST_BEEP_S, EVERY_S, LATER_S = 0.5, 1.5, 0.7
SECONDS = 12.0
WAIT_MS = 40_000
STATE = """({at: video.currentTime, ready: video.readyState, paused: video.paused, beeps, faults, track: hls.audioTrack,
  sounds: context.state, buffered: video.buffered.length && video.buffered.end(video.buffered.length - 1)})"""

PAGE = """<!doctype html><title>sound</title><video id="v" muted></video><script src="/hls.js"></script><script>
const video = document.getElementById("v"), beeps = [], faults = [];
const hls = new Hls();
hls.on(Hls.Events.ERROR, (_, error) => { if (error.fatal) faults.push(error.details); });
hls.loadSource("/media/one/master.m3u8");
hls.attachMedia(video);
video.muted = false;
const context = new AudioContext(), analyser = context.createAnalyser(), samples = new Float32Array(512);
analyser.fftSize = 512;
context.createMediaElementSource(video).connect(analyser).connect(context.destination);
let quietSince = 0;
setInterval(() => {
  analyser.getFloatTimeDomainData(samples);
  const now = performance.now();
  if (samples.some((sample) => Math.abs(sample) > 0.1)) {
    if (now - quietSince > 300 && hls.playingDate) beeps.push([hls.playingDate.getTime(), now]);
    quietSince = now;
  }
}, 4);
hls.on(Hls.Events.MANIFEST_PARSED, () => { video.play(); context.resume(); });
</script>"""


def hls_library() -> Path:
    """Return hls.js, or skip."""
    found = next((path for path in HLS_PLACES if path.exists()), None)
    if found is None:
        pytest.skip("hls.js is not here: run scripts/web")
    return found


@asynccontextmanager
async def listening(here: Place, source: Path) -> AsyncIterator[Page]:
    """Relay a file, live and looped, and open a page that plays it."""
    chromium, library = program("chromium"), hls_library()

    async def page_(request: Request) -> Response:
        return HTMLResponse(PAGE)

    async def library_(request: Request) -> Response:
        return FileResponse(library)

    one = meeting(source, "en", "fr", loop=True)
    async with serving(here, house(one), [Route("/", page_), Route("/hls.js", library_)]) as url:
        work = asyncio.ensure_future(here.relay(one, hurry=False).run())
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
                )
                page = await browser.new_page()
                await page.goto(url)
                yield page
                await browser.close()
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work


@pytest.mark.parametrize("picture", ["libx264", ""])
async def test_what_sounds_in_chromium_is_what_the_media_time_says(picture: str, tmp_path: Path) -> None:
    beeps = [FIRST_BEEP_S + EVERY_S * number for number in range(int(SECONDS / EVERY_S))]
    source = make(tmp_path / "a.mp4", seconds=(SECONDS,) * 2, picture=picture, beeps=beeps, later_s=LATER_S)
    async with place(tmp_path / "media") as here, listening(here, source) as page:
        await _beeps(page, 6)
        floor = await page.evaluate("beeps.splice(0)")
        await page.evaluate("hls.audioTrack = hls.audioTracks.findIndex((track) => track.lang === 'fr')")
        await _beeps(page, 9)
        french = await page.evaluate("beeps.splice(0)")
        assert await page.evaluate("faults") == []
        clock = (await here.events())[0]
    assert isinstance(clock, ClockStarted)
    zero_ms = clock.media_zero_utc_ms
    errors = [_error_ms(at - zero_ms, FIRST_BEEP_S) for at, _ in floor[1:]]
    after = [_error_ms(at - zero_ms, FIRST_BEEP_S + LATER_S) for at, _ in french[-5:]]
    figure = {"picture": picture or "none", "errors_ms": errors, "errors_after_switch_ms": after}
    logger.info("%s", figure)  # with --log-cli-level=INFO it is a measurement
    assert max(map(abs, errors + after)) <= ERROR_MS, figure


async def _beeps(page: Page, count: int) -> None:
    """Wait until so many beeps sounded. Raises AssertionError with what the player says of itself."""
    try:
        await page.wait_for_function(f"beeps.length >= {count}", timeout=WAIT_MS)
    except PlaywrightTimeout:
        raise AssertionError(await page.evaluate(STATE)) from None


def _error_ms(t_ms: float, first_s: float) -> float:
    """Return how far `t_ms` is from the nearest beep."""
    every = EVERY_S * 1000
    return round((t_ms - first_s * 1000 + every / 2) % every - every / 2, 1)
