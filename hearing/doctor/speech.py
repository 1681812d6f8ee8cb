"""The speech model: there, as its sums say, and fast enough for so many channels. Run for a few seconds."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hearing.config import Config
from hearing.doctor.report import Seen
from hearing.errors import HearingError, Unavailable
from hearing.transcribe import models
from hearing.transcribe.engine import Engine
from hearing.transcribe.models import FoundModel, ModelChoice
from hearing.transcribe.pace import STEPS, fitting
from hearing.transcribe.worker import thread_count

_SAID = [
    "The",
    "committee",
    "thanks",
    "the",
    "delegation",
    "for",
    "its",
    "replies",
    "about",
    "the",
    "right",
    "to",
    "water",
]
_HEARD_S = 6
_ROUNDS = 3


def look(config: Config, environ: Mapping[str, str], channels: int, *, measure: bool = True) -> list[Seen]:
    """Look for the model, verify it, and let it work."""
    if not config.local_worker:
        return [
            Seen("model", "go", "worker-elsewhere", "captions are made elsewhere, or not at all (local_worker = false)")
        ]
    try:
        found = models.find(ModelChoice(config.model, config.device, config.compute_type), environ)
    except HearingError as error:
        return [Seen("model", "no-go", "model-missing", str(error), _mend(config.model, error))]
    there = Seen("model", "go", "model", f"{found.name}, in {found.folder}; its files are what their sums say")
    if not measure:
        return [there]
    try:
        return [there, judge_speed(_service_s(found, config), thread_count(0), channels)]
    except HearingError as error:
        return [there, Seen("model", "no-go", "model-refuses", str(error), 'device = "cpu", compute_type = "int8"')]


def _mend(model: str, error: HearingError) -> str:
    """Return what brings a model that is missing, or is not what it must be."""
    if Path(model).expanduser().is_dir():
        return "put the right files into that folder, with their SHA256SUMS"
    if model != models.BASE:
        return f"hearing model fetch {model}"
    return "./scripts/setup run" if isinstance(error, Unavailable) else "delete that folder, and start again"


def judge_speed(service_s: float, threads: int, channels: int) -> Seen:
    """Judge how many channels keep up where one look at a channel takes so many seconds of one thread."""
    full, most = (fitting(service_s, threads, step.tick_ms) for step in (STEPS[0], STEPS[2]))
    text = f"{service_s:.2f} s a look, threads: {threads}; channels at full pace: {full}, at the slowest: {most}"
    if most < channels:
        return Seen(
            "model", "no-go", "speed-short", f"{text}; wanted: {channels}", "fewer channels, more cores, or a GPU"
        )
    if full < channels:
        return Seen(
            "model", "warn", "speed-slow", f"{text}; wanted: {channels}. Drafts come slower", "more cores, or a GPU"
        )
    return Seen("model", "go", "speed", text)


def _service_s(found: FoundModel, config: Config) -> float:
    """Return what one look takes, the least of three: six seconds encoded, a dozen words forced, and what follows."""
    from hearing.transcribe.whisper import Whisper  # noqa: PLC0415 - it loads for seconds

    engine: Engine = Whisper(Path(found.folder), name=found.name, device=config.device, compute=config.compute_type)
    pcm = np.random.default_rng(1).normal(0, 0.01, _HEARD_S * 16_000).astype(np.float32)
    words = engine.spell(_SAID, "en")
    took = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        engine.guess(engine.encode(pcm), "en", prompt=(), forced=words)
        took.append(time.perf_counter() - began)
    return min(took)
