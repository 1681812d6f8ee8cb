"""Long recordings through the whole house: relayed, transcribed live, read in a browser, and played afterwards."""

import json
import logging
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.serving import ROOT, Serving, until
from tests.needs import program
from tests.speech import speech

logger = logging.getLogger(__name__)

pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.audio, pytest.mark.browser]

TRACKS = {"en": "en_libri_237-134500_long", "fr": "fr_librivox_fleursdumal_long1"}
WORSE = 0.05
"""How much worse than offline live may be before the test fails; the figures are in what it logs."""

TEXT = """() => [...document.querySelectorAll("#log .said")].map((said) => said.textContent.trim()).join(" ")"""


def two_tracks(path: Path) -> Path:
    """Put the recordings into one file, a track each, as they are."""
    with av.open(str(path), "w") as output:
        inputs = [av.open(str(speech(f"dev/{name}.flac"))) for name in TRACKS.values()]
        tracks = [output.add_stream_from_template(one.streams.audio[0]) for one in inputs]
        packets = [
            (float((packet.pts or 0) * packet.time_base), number, packet)
            for number, one in enumerate(inputs)
            for packet in one.demux(one.streams.audio[0])
            if packet.size and packet.time_base
        ]
        for _, number, packet in sorted(packets, key=lambda one: one[:2]):
            packet.stream = tracks[number]
            output.mux(packet)
        for one in inputs:
            one.close()
    return path


def error_rate(language: str, said: str) -> float:
    """Return the word error rate against the reference, in percent."""
    jiwer = pytest.importorskip("jiwer")
    from whisper_normalizer.basic import BasicTextNormalizer
    from whisper_normalizer.english import EnglishTextNormalizer

    rules: Callable[[str], str] = EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()

    def fold(text: str) -> str:
        text = unicodedata.normalize("NFKC", text).translate(str.maketrans("()«»", "    "))
        if language == "fr":
            text = text.replace("œ", "oe").replace("Œ", "Oe").replace("’", "'")
        return re.sub(r"\s+", " ", rules(text)).strip()

    reference = speech(f"dev/{TRACKS[language]}.txt").read_text("utf-8")
    return round(100 * float(jiwer.wer(fold(reference), fold(said))), 2)


def offline(language: str) -> str:
    """Return what the same weights hear when they are given the whole file."""
    path = str(speech(f"dev/{TRACKS[language]}.flac"))
    command = [sys.executable, "-m", "hearing", "transcribe", path, "--language", language]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=900).stdout


def shown(page: Page) -> str:
    return str(page.evaluate(TEXT))


def test_two_long_tracks_are_read_live_and_play_afterwards(tmp_path: Path) -> None:
    source = two_tracks(tmp_path / "two.mkv")
    path = program("chromium")
    with Serving(tmp_path / "data") as server, sync_playwright() as playwright:
        create = ("--id", "long", "--title", "Long", "--source", str(source), "--channels", "en,fr")
        server.hearing("meeting", "create", *create)
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        pages = {channel: browser.new_page() for channel in TRACKS}
        for channel, page in pages.items():
            page.goto(f"{server.url}/m/long?channel={channel}&l=en")
        server.hearing("meeting", "open", "long")
        until(lambda: server.get("/api/meetings/long")["state"] == "ended", 600, "the end of the file")
        server.hearing("meeting", "close", "long")
        until(lambda: server.get("/api/meetings/long")["state"] == "closed", 90, "the meeting to close")
        live = {}
        for channel, page in pages.items():
            expect(page.locator("#state")).to_contain_text("Closed")
            live[channel] = shown(page)
            page.goto(f"{server.url}/m/long?channel={channel}&l=en")
            assert shown(page) == live[channel], "what followed live and what is kept differ"
        played = play(pages["en"], server.url)
    rates = {
        channel: {"live": error_rate(channel, live[channel]), "offline": error_rate(channel, offline(channel))}
        for channel in TRACKS
    }
    logger.info("%s", json.dumps({"wer_percent": rates, "played_from_s": played}))
    for channel, rate in rates.items():
        assert rate["live"] <= rate["offline"] + 100 * WORSE, (channel, rate)


def play(page: Page, url: str) -> list[float]:
    """Play the recording from its beginning and from 200 s on; return where it then was."""
    page.goto(f"{url}/m/long?channel=en&mode=audio&hear=en&l=en")
    page.get_by_role("button", name="Play").click()
    begun = past(page, 2.0)
    page.locator("#seek").fill("200000")
    return [begun, past(page, 202.0)]


def past(page: Page, second: float) -> float:
    """Wait until it has played past a second and goes on."""
    look = "() => { const media = document.getElementById('media'); return media.paused ? 0 : media.currentTime; }"
    found: list[float] = []

    def played() -> bool:
        found.append(round(float(page.evaluate(look)), 2))
        return found[-1] > second

    until(played, 30, f"the recording to play past {second} s")
    return found[-1]
