"""The page plays what was relayed: our own sound, and the picture; what sounds is what the media time says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.serving import Serving, until
from tests.needs import program
from tests.stream.made import make

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SECONDS, EVERY_S, FIRST_S, LATER_S = 12.0, 1.5, 0.5, 0.7
ERROR_MS = 200
LISTEN = """() => {
  const media = document.getElementById("media");
  const context = new AudioContext(), analyser = context.createAnalyser(), samples = new Float32Array(512);
  analyser.fftSize = 512;
  context.createMediaElementSource(media).connect(analyser).connect(context.destination);
  self.beeps = [];
  let quietSince = 0;
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    if (!samples.some((sample) => Math.abs(sample) > 0.1)) return;
    if (performance.now() - quietSince > 300) beeps.push(media.currentTime * 1000);
    quietSince = performance.now();
  }, 4);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = program("chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        yield playwright.chromium.launch(executable_path=path, args=arguments)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("media")
    beeps = [FIRST_S + EVERY_S * number for number in range(int(SECONDS / EVERY_S))]
    source = make(folder / "a.mp4", seconds=(SECONDS,) * 2, picture="libx264", beeps=beeps, later_s=LATER_S)
    with Serving(folder / "data", "--no-worker") as running:
        for name, loop in (("live", ("--loop",)), ("once", ())):
            create = ("--id", name, "--title", name, "--source", str(source), "--channels", "en,fr", *loop)
            running.hearing("meeting", "create", *create)
            running.hearing("meeting", "open", name)
        until(lambda: running.get("/api/meetings/once")["state"] == "ended", 60, "the end of the file")
        running.hearing("meeting", "close", "once")
        until(lambda: _modes(running, "live") and _modes(running, "once"), 20, "something to play")
        yield running


def _modes(server: Serving, meeting: str) -> bool:
    import urllib.request

    with urllib.request.urlopen(f"{server.url}/m/{meeting}", timeout=60) as page:  # noqa: S310 - a loopback URL
        return b"mode=video" in page.read()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB")
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    faults: list[str] = []
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    context.close()
    assert faults == []


def wait(page: Page, condition: str, value: float = 0) -> None:
    """Wait for a condition on `media`, looked at from outside: the page's policy forbids eval."""
    look = f"value => {{ const media = document.getElementById('media'); return {condition}; }}"
    for _ in range(400):
        if page.evaluate(look, value):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"waited 20 s for {condition}")


def now(page: Page) -> float:
    """Return where the element plays, in seconds."""
    return float(page.evaluate("document.getElementById('media').currentTime"))


def errors(beeps: list[float], first_s: float) -> list[float]:
    """Return how far each beep is from the nearest that the source has."""
    every = EVERY_S * 1000
    return [(at - first_s * 1000 + every / 2) % every - every / 2 for at in beeps]


def beeps(page: Page, count: int) -> list[float]:
    """Wait for so many beeps and take them."""
    page.evaluate("self.beeps.length = 0")
    wait(page, "self.beeps.length >= value", count)
    heard: list[float] = page.evaluate("self.beeps.splice(0)")
    return heard


@pytest.mark.parametrize("meeting", ["live", "once"])
def test_what_sounds_is_what_the_media_time_says_and_channels_switch(server: Serving, page: Page, meeting: str) -> None:
    page.goto(f"{server.url}/m/{meeting}?channel=en&mode=audio&hear=en")
    page.evaluate(LISTEN)
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    floor = errors(beeps(page, 3), FIRST_S)
    page.locator('a[data-hear="fr"]').click()
    beeps(page, 1)
    french = errors(beeps(page, 3), FIRST_S + LATER_S)
    assert max(map(abs, floor + french)) <= ERROR_MS, (floor, french)
    assert "hear=fr" in page.url
    expect(page.locator("[data-kind]:visible")).to_contain_text("interpreter")


def test_a_live_listener_goes_back_and_to_the_edge(server: Serving, page: Page) -> None:
    page.goto(f"{server.url}/m/live?channel=en&mode=audio")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("#lag")).to_contain_text("s behind the room")
    wait(page, "media.currentTime > 12")
    before = now(page)
    page.get_by_role("button", name="Back ten seconds").click()
    wait(page, "media.currentTime < value - 6", before)
    back = now(page)
    wait(page, "media.currentTime > value + 1", back)
    page.locator("#edge").click()
    wait(page, "media.currentTime > value", before)


def test_a_recording_plays_from_any_place(server: Serving, page: Page) -> None:
    page.goto(f"{server.url}/m/once?channel=en&mode=audio")
    page.locator("#seek").fill("9000")
    wait(page, "media.currentTime > 9.5")
    page.locator("#seek").fill("2000")
    wait(page, "media.currentTime < 4")
    wait(page, "media.currentTime > 2.5")


@pytest.mark.parametrize("meeting", ["live", "once"])
def test_the_picture_plays_with_the_channel_that_was_chosen(server: Serving, page: Page, meeting: str) -> None:
    if not (ROOT / "web/vendor/hls.min.js").exists():
        pytest.skip("the video player is not here; it needs Node: scripts/web")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/m/{meeting}?channel=en&mode=video&hear=fr")
    assert not [url for url in asked if "hls" in url or "/media/" in url]
    page.get_by_role("button", name="Play").click()
    wait(page, "media.videoWidth > 0")
    before = now(page)
    wait(page, "media.currentTime > value + 1", before)
    assert any("/audio-fr/" in url and url.endswith(".m4s") for url in asked)
    asked.clear()
    page.locator('a[data-hear="en"]').click()
    wait(page, "media.currentTime > value + 3", before)
    assert any("/audio-en/" in url for url in asked)
    expect(page.locator("#trouble")).to_be_hidden()
