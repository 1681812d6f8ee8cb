"""Live captions as a reader gets them: real speech paced into a server, read by SSE, on the reader's clock."""

import contextlib
import json
import logging
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
import wave
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hearing.events import RATE_HZ
from tests.e2e.serving import Serving, descendants, until
from tests.scoring import score
from tests.speech import pcm, speech

logger = logging.getLogger(__name__)

pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.audio]

OFFLINE_WER = {"en": 4.7, "fr": 26.8}
"""What the base model makes of the same files offline, beam 1, in percent."""
WORSE = {"en": 0.8, "fr": 1.5}
FILES = {
    "en": ("bench/ref_en.flac", "bench/ref_en.txt", "bench/ref_en.words.json"),
    "fr": (
        "dev/fr_librivox_fleursdumal_long1.flac",
        "dev/fr_librivox_fleursdumal_long1.txt",
        "bench/fr_librivox_fleursdumal_long1.words.json",
    ),
}


class Heard(msgspec.Struct, frozen=True):
    """An event as it came: seconds since the meeting's clock began, on the reader's clock."""

    at: float
    kind: str
    data: dict[str, Any]


def follow(server: Serving, meeting: str, seconds: float) -> Iterator[Heard]:
    """Read a meeting's feed until it is closed, or so many seconds have passed."""
    deadline, zero_s = time.monotonic() + seconds, None
    with urllib.request.urlopen(f"{server.url}/api/meetings/{meeting}/events?after=", timeout=60) as lines:  # noqa: S310 - loopback
        kind, body = "", ""
        for raw in lines:
            now_s = time.time()
            field, _, value = raw.decode().rstrip("\n").partition(": ")
            if field == "event":
                kind = value
            elif field == "data":
                body = value
            elif not field and body:
                event = json.loads(body)
                if kind == "state" and event.get("media_zero_utc"):
                    zero_s = datetime.fromisoformat(event["media_zero_utc"]).astimezone(UTC).timestamp()
                if zero_s is not None:
                    yield Heard(now_s - zero_s, kind, event)
                if kind == "state" and event["state"] == "closed":
                    return
                kind, body = "", ""
            if time.monotonic() > deadline:
                return


def event_lines(heard: list[Heard]) -> list[dict[str, Any]]:
    """Turn what was read into the lines that are scored; a draft whose base is not what was read is not shown."""
    lines: list[dict[str, Any]] = []
    known: dict[str, int] = {}
    for one in heard:
        data = one.data
        if one.kind == "words":
            known[data["segment"]] = data["first_word"] + len(data["words"])
            end = data["through_t"] / 1000
            lines.append({"at": one.at, "kind": "commit", "text": " ".join(data["words"]), "end": end})
        elif one.kind == "draft" and data["after"] == known.get(data["segment"], 0):
            lines.append({"at": one.at, "kind": "draft", "text": data["text"]})
    return lines


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_a_reader_gets_is_as_good_as_offline(language: str, tmp_path: Path) -> None:
    found = hear_outside(language, tmp_path)
    assert found["wer"] <= OFFLINE_WER[language] + WORSE[language]
    assert found["longest_missing"] < 3 or language == "fr"
    assert found["repeated_5grams"] == 0 or language == "fr"
    assert found["ahead_of_audio"] == 0


@pytest.mark.parametrize("nice", [5, 0], ids=["as-nice", "first"])
def test_on_one_core_with_a_busy_neighbour_no_more_words_are_lost(nice: int, tmp_path: Path) -> None:
    """The server has one core, and shares it with a process that is as nice as its worker, or goes before it."""
    with one_core(), busy(nice):
        found = hear_outside("en", tmp_path)
    assert found["wer"] <= OFFLINE_WER["en"] + WORSE["en"]
    assert found["longest_missing"] < 3
    assert found["repeated_5grams"] == 0
    assert found["ahead_of_audio"] == 0


def hear_outside(language: str, folder: Path) -> dict[str, Any]:
    """Pace a recording into a server, read it from outside, and score what was read."""
    source = in_short_packets(speech(FILES[language][0]), folder)
    with Serving(folder / "data") as server:
        create = ("--id", "one", "--title", "One", "--source", str(source), "--channels", language)
        server.hearing("meeting", "create", *create)
        until(lambda: _ready(server), 60, "the model to be loaded")
        server.hearing("meeting", "open", "one")
        heard: list[Heard] = []
        closing: threading.Thread | None = None
        for one in follow(server, "one", 600):  # what is late comes after the source has ended, and before it is closed
            heard.append(one)
            if one.kind == "state" and one.data["state"] == "ended" and closing is None:
                closing = threading.Thread(target=server.hearing, args=("meeting", "close", "one"))
                closing.start()
        assert closing, "the source did not end"
        closing.join()
    _, text, words = (speech(name) for name in FILES[language])
    found = score(event_lines(heard), language, text, folder, words)
    late = [one.data["late_ms"] for one in heard if one.kind == "captions"]
    told = {"language": language, **found, "told_late_ms": max(late, default=0), "load": os.getloadavg()[0]}
    logger.info("%s", json.dumps(told))
    return found


def in_short_packets(source: Path, folder: Path) -> Path:
    """Copy a recording to packets of 64 ms, as webcasts have them: FLAC holds a quarter of a second in each."""
    copy = folder / "source.wav"
    with wave.open(str(copy), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes((np.clip(pcm(source), -1, 1) * 32_767).astype("<i2").tobytes())
    return copy


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Keep what is started meanwhile, and this process, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def busy(nice: int) -> Iterator[None]:
    """Run a process that takes all it gets of the cores of this one, for an hour at most."""
    until_s = time.monotonic() + 3600
    loop = f"import os, time\nos.setpriority(os.PRIO_PROCESS, 0, {nice})\nwhile time.monotonic() < {until_s}: pass"
    process = subprocess.Popen([sys.executable, "-c", loop])
    try:
        yield
    finally:
        process.kill()
        process.wait(5)


def test_for_an_hour_it_is_as_late_and_as_large_as_in_the_beginning(tmp_path: Path) -> None:
    """HEARING_SOAK_S sets another length."""
    seconds = float(os.environ.get("HEARING_SOAK_S", "3600"))
    with Serving(tmp_path / "data") as server:
        create = ("--id", "one", "--title", "One", "--source", str(speech("bench/ref_en.flac")), "--channels", "en")
        server.hearing("meeting", "create", *create, "--loop")
        until(lambda: _ready(server), 60, "the model to be loaded")
        server.hearing("meeting", "open", "one")
        late: list[tuple[float, float]] = []
        sizes: list[tuple[float, int]] = []
        words = 0
        for one in follow(server, "one", seconds):
            if one.kind == "words":
                words += len(one.data["words"])
                late.append((one.at, one.at - one.data["through_t"] / 1000))
            if not sizes or one.at - sizes[-1][0] >= seconds / 12:
                sizes.append((one.at, _resident_mib(server)))
        server.hearing("meeting", "close", "one")
    first = [seconds_late for at, seconds_late in late if at < seconds / 3]
    last = [seconds_late for at, seconds_late in late if at > 2 * seconds / 3]
    told = {
        "seconds": seconds,
        "words": words,
        "late_p50_s": [round(statistics.median(one), 2) for one in (first, last)],
        "late_p95_s": [round(statistics.quantiles(one, n=20)[-1], 2) for one in (first, last)],
        "resident_mib": [size for _, size in sizes],
        "load": os.getloadavg()[0],
    }
    logger.info("%s", json.dumps(told))
    assert statistics.median(last) < 2 * statistics.median(first) + 0.5
    assert sizes[-1][1] < 1.25 * sizes[len(sizes) // 4][1]


def _ready(server: Serving) -> bool:
    return "worker_joined" in server.errors.read_text("utf-8", "replace")


def _resident_mib(server: Serving) -> int:
    """Return the memory of the server and all its children."""
    assert server.pid
    total = 0
    for pid in {server.pid, *descendants(server.pid)}:
        try:
            status = Path(f"/proc/{pid}/status").read_text("utf-8")
        except OSError:
            continue
        total += int(found[1]) if (found := re.search(r"VmRSS:\s+(\d+)", status)) else 0
    return total // 1024
