"""What the words of a meeting give: recordings heard without them, with the right ones, and with ones nobody said.

Takes ten minutes: scripts/slow tests/transcribe/test_glossary_gain.py --log-cli-level=INFO. Words do not depend on how
fast the machine is, for ticks fall on a clock of the audio; latency counts CPU seconds, and is only logged.
"""

import itertools
import json
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hearing.transcribe.glossary import fitted
from hearing.transcribe.onefile import Line, hear_live
from hearing.transcribe.session import Session, plain
from tests.scoring import score
from tests.speech import engine, pcm, speech

logger = logging.getLogger(__name__)

pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.audio]


class Said(msgspec.Struct, frozen=True):
    """A recording, the names that are said in it, and, where latency is scored, the times of its words."""

    language: str
    sound: str
    names: tuple[str, ...]
    words: str = ""


RECORDINGS = [
    Said("en", "dev/synthetic_dialogue_A_en", ("Okonkwo", "Valdoria"), "bench/synthetic_dialogue_A_en.words.json"),
    Said("en", "bench/ref_en", ("John Dashwood", "GitHub", "Whisper", "Concord"), "bench/ref_en.words.json"),
    Said("en", "dev/en_fleurs_002", ("Sintra", "Lord Byron")),
    Said("es", "dev/es_fleurs_001", ("Oravec",)),
    Said("es", "dev/es_fleurs_002", ("San Pedro",)),
    Said("es", "dev/es_fleurs_004", ("Carpanedo",)),
    Said("fr", "dev/fr_fleurs_001", ("USOC",)),
    Said("fr", "dev/fr_fleurs_004", ("Mashhad",)),
]
UNSAID = ("Lindqvist", "Haddad")
"""On the right list too: not everybody who may speak does."""
WRONG = ("Diallo", "Rossi", "Chen", "Nguyen", "Kovačević")
NOISES = ("silence", "roomnoise", "trumpet", "music_vibe_ace")


def test_names_that_nobody_said_are_not_heard_and_what_the_right_ones_give_is_told(tmp_path: Path) -> None:
    rows = {how: [told(one, how, tmp_path) for one in RECORDINGS] for how in ("none", "right", "wrong")}
    for how, row in rows.items():
        logger.info("%s", json.dumps(summary(how, row)))
    assert [row["invented"] for row in rows["wrong"]] == [0] * len(RECORDINGS)


@pytest.mark.parametrize("name", NOISES)
def test_where_nobody_speaks_no_name_is_heard(name: str) -> None:
    lines = live(Said("en", f"dev/hard_{name}", ()), WRONG)
    assert [line for line in lines if line["kind"] in {"draft", "commit"} and line["text"]] == []


def told(one: Said, how: str, folder: Path) -> dict[str, Any]:
    """Hear a recording with a list and score it; count the names of the list that were said and those that were not."""
    terms = {"none": (), "right": (*one.names, *UNSAID), "wrong": WRONG}[how]
    text = speech(f"{one.sound}.txt")
    lines = live(one, terms)
    found = score(lines, one.language, text, folder, speech(one.words) if one.words else None)
    heard = " ".join(line["text"] for line in lines if line["kind"] == "commit")
    drafts = [line["text"] for line in lines if line["kind"] == "draft" and line["text"]]
    truth = text.read_text("utf-8")
    unsaid = sorted({*terms, *UNSAID, *WRONG} - set(one.names))
    row = {
        "recording": one.sound,
        "list": how,
        "terms_told": fitting(terms, one.language),
        **found,
        "words": len(plain_words(truth)),
        "names": sum(min(count(name, heard), count(name, truth)) for name in one.names),
        "of": sum(count(name, truth) for name in one.names),
        "invented": sum(count(name, heard) for name in unsaid),
        "drafts_with_unsaid": sum(any(count(name, draft) for name in unsaid) for draft in drafts),
        "load": os.getloadavg()[0],
    }
    logger.info("%s", json.dumps(row))
    return row


def summary(how: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what a list gave in all recordings: how many words are wrong in percent, and how many names right."""
    words, wrong = sum(row["words"] for row in rows), sum(sum(row["sdi"]) for row in rows)
    counted = {key: sum(row[key] for row in rows) for key in ("names", "of", "invented", "drafts_with_unsaid")}
    timed = {
        row["recording"]: {key: row[key] for key in ("commit_s", "shown_s", "erased", "cpu_per_s")}
        for row in rows
        if "commit_s" in row
    }
    return {"list": how, "words": words, "wrong_percent": round(100 * wrong / words, 2), **counted, "timed": timed}


def live(one: Said, terms: tuple[str, ...]) -> list[dict[str, Any]]:
    lines: list[Line] = []
    session = Session(plain(0, one.language, terms=terms), engine())
    sound = pcm(speech(f"{one.sound}.flac"))
    hear_live(sound, session, language=one.language, clock="cpu", phase_ms=0, on_event=lines.append)
    return [dict(msgspec.to_builtins(line)) for line in lines]


def fitting(terms: Sequence[str], language: str) -> int:
    """Count the terms of a list that fit into the prompt."""
    return sum(word.text.endswith(",") for word in fitted(terms, lambda words: engine().spell(words, language)))


def count(name: str, text: str) -> int:
    """Count how often a name stands in a text, each letter of it right; capitals do not matter."""
    wanted, words = plain_words(name), plain_words(text)
    windows = zip(*(itertools.islice(words, n, None) for n in range(len(wanted))), strict=False)
    return sum(list(window) == wanted for window in windows)


def plain_words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
