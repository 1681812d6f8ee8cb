"""Recorded speech for tests. What is not part of this repository is looked for beside it, and its absence is said."""

import functools
import os
from pathlib import Path

import numpy as np
import pytest
from faster_whisper.audio import decode_audio

from hearing.transcribe.engine import Pcm
from hearing.transcribe.models import ModelChoice
from hearing.transcribe.onefile import load_engine
from hearing.transcribe.whisper import Whisper

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "hearing" / "demo_media"


def speech(name: str) -> Path:
    """Return a file of the recorded speech, `dev/...` or `bench/...`.

    Where it is absent the test is skipped, or fails where HEARING_REQUIRE names `audio`. HEARING_SPEECH is its folder.
    """
    path = Path(os.environ.get("HEARING_SPEECH") or ROOT.parent / "shared" / "data") / name
    if not path.is_file():
        _absent("audio", f"recorded speech {name} is not here; HEARING_SPEECH names the folder that holds it")
    return path


def demo_speech(language: str) -> Pcm:
    """Return a channel of the packaged dialogue."""
    path = DEMO / f"{language}.opus"
    if not path.is_file():
        _absent("audio", f"{path.name} of the packaged dialogue is not here")
    return pcm(path)


@functools.cache
def pcm(path: Path) -> Pcm:
    """Decode a file. float32, shape (samples,), mono, 16 kHz."""
    return np.asarray(decode_audio(str(path), sampling_rate=16_000), np.float32)


@functools.cache
def engine() -> Whisper:
    """Return the base model of the demo extra, loaded once."""
    return load_engine(ModelChoice())


def _absent(what: str, why: str) -> None:
    if what in os.environ.get("HEARING_REQUIRE", "").split(","):
        pytest.fail(why)
    pytest.skip(why)
