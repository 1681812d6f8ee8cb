"""Scores of live transcription: the event lines of a run against its reference, by the scorer beside the speech."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.speech import speech


def score(
    lines: Iterable[Mapping[str, Any]], language: str, text: Path, folder: Path, words: Path | None = None
) -> dict[str, Any]:
    """Return what the scorer says of event lines; without the times of `words` it says nothing of latency.

    Where the scorer is not here the test is skipped.
    """
    tool = speech("README.md").parents[1] / "tools" / "score_live.py"
    if not tool.is_file():
        pytest.skip("the scorer is not here")
    events = folder / "events.jsonl"
    events.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    command = [sys.executable, str(tool), str(events), "--text", str(text), "--language", language]
    timed = ["--words", str(words)] if words else []
    told = subprocess.run([*command, *timed], check=True, capture_output=True, text=True, timeout=120)
    return dict(json.loads(told.stdout))
