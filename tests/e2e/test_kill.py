"""`serve` is killed -9 under readers: what was shown as final stays, once, and everybody goes on by themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.serving import Reader, Serving, until
from tests.needs import program

pytestmark = [pytest.mark.model, pytest.mark.browser]

KILLS = 3
TEXTS = """() => Object.fromEntries(
  [...document.querySelectorAll("#log .said")].map((said) => [said.closest("[id]").id, said.textContent.trim()]))"""


@pytest.fixture
def browser() -> Iterator[Browser]:
    path = program("chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


def shown(page: Page) -> dict[str, str]:
    found = page.evaluate(TEXTS)
    return {str(segment): str(text) for segment, text in found.items()}


def spoken(server: Serving, channel: str) -> dict[str, str]:
    answer = server.get(f"/api/meetings/one/segments?channel={channel}")
    return {segment["segment"]: segment["text"] for segment in answer["segments"]}


def test_final_words_survive_three_kills_and_every_reader_goes_on(tmp_path: Path, browser: Browser) -> None:
    create = ("--id", "one", "--title", "One", "--source", "demo:", "--channels", "en,fr", "--loop")
    with Serving(tmp_path / "data") as server, Reader(server.url, "one") as reader:
        server.hearing("meeting", "create", *create)
        server.hearing("meeting", "open", "one")
        until(lambda: reader.count() > 0, 90, "the first words")
        pages = {channel: browser.new_page() for channel in ("en", "fr")}
        for channel, page in pages.items():
            page.goto(f"{server.url}/m/one?channel={channel}")
        plain = browser.new_context(java_script_enabled=False).new_page()
        plain.goto(f"{server.url}/m/one/text?channel=en", wait_until="commit")
        for _ in range(KILLS):
            before = reader.count()
            until(lambda before=before: reader.count() >= before + 12, 90, "twelve more words")
            final = {segment: list(words) for segment, words in reader.words.items()}
            server.kill()
            server.start()
            for segment, words in final.items():
                assert reader.words[segment][: len(words)] == words
        last = reader.count()
        until(lambda: reader.count() >= last + 12, 90, "words after the last kill")
        server.hearing("meeting", "close", "one")
        until(lambda: reader.state == "closed", 60, "the meeting to close")
        assert reader.fault == ""
        with Reader(server.url, "one") as later:
            until(lambda: later.state == "closed", 30, "the whole record")
            assert later.words == reader.words
        for channel, page in pages.items():
            until(
                lambda page=page, channel=channel: shown(page) == spoken(server, channel), 30, f"{channel} on the page"
            )
        plain.goto(f"{server.url}/m/one/text?channel=en")
        text = plain.inner_text("body")
        assert all(said in text for said in spoken(server, "en").values())
