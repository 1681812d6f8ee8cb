"""Measure a model of some shape without its weights: how many at once, how fast. Its weights are noise.

Noise computes as fast as speech does, and never stops by itself: every guess runs to the same length, so that figures
compare. What it hears means nothing. For a GPU before a model is fetched, and for models that cannot be had here. The
vocabulary is that of the base model, which must be here.
"""

import logging
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from hearing.errors import Refused
from hearing.events import RATE_HZ
from hearing.transcribe.engine import Asked, Sound
from hearing.transcribe.glossary import MOST_TOKENS
from hearing.transcribe.models import BASE, ModelChoice, find
from hearing.transcribe.pace import FULL, STEPS

if TYPE_CHECKING:
    from hearing.transcribe.whisper import Whisper

logger = logging.getLogger(__name__)

BATCHES = (1, 2, 4, 8, 16, 32, 64)
_END = 50_257
"""The token that ends a text."""
_ROUNDS = 5
_HEARD_S = 12
_PROMPT = MOST_TOKENS
_FORCED = 20
_NEW = 12
"""Tokens guessed where there is no audio to bound them by (guard.max_tokens): as many as a draft has at the most."""
_MOST_MS = 5000
"""A batch that takes longer than this is the last."""


class Dimensions(msgspec.Struct, frozen=True):
    """What Whisper's sizes differ in (openai/whisper, model card and ModelDimensions)."""

    width: int
    heads: int
    encoder: int
    decoder: int
    mels: int = 80
    vocabulary: int = 51_865


SHAPES = {
    "tiny": Dimensions(384, 6, 4, 4),
    "base": Dimensions(512, 8, 6, 6),
    "small": Dimensions(768, 12, 12, 12),
    "medium": Dimensions(1024, 16, 24, 24),
    "large-v2": Dimensions(1280, 20, 32, 32),
    "large-v3": Dimensions(1280, 20, 32, 32, 128, 51_866),
    "large-v3-turbo": Dimensions(1280, 20, 32, 4, 128, 51_866),
}


class Batch(msgspec.Struct, frozen=True):
    """So many drafts at once: the median milliseconds of each part. A draft is one encode and one guess.

    On a processor one core does all of it; a GPU does it alone.
    """

    size: int
    encode_ms: float
    guess_ms: float
    align_ms: float
    drafts_per_s: float


class ShapeFigures(msgspec.Struct, frozen=True, tag_field="bench", tag="transcribe-shape"):
    """A draft: `heard_s` of audio, a prompt, forced words, and `new_tokens` guessed.

    `channels` are those that fit at each tick of the pace, in ms, at the best batch that is done within the tick; on a
    processor, with all its cores. Only encoding and guessing drafts is reckoned, in full batches.
    """

    shape: str
    model: str
    heard_s: int
    prompt_tokens: int
    forced_tokens: int
    new_tokens: int
    batches: list[Batch]
    channels: dict[int, int]
    cores: int
    load_average: float
    limited_by: str


def measure(folder: Path, shape: str, model: ModelChoice, sizes: Sequence[int] = BATCHES) -> ShapeFigures:
    """Make a model of a shape, and let it work on larger and larger batches. Raises Refused for an unknown shape."""
    if shape not in SHAPES:
        raise Refused(f"There is no shape {shape!r}. There are: {', '.join(SHAPES)}.")
    from hearing.transcribe.whisper import Whisper  # noqa: PLC0415 - it loads CTranslate2

    made = make(folder / shape, SHAPES[shape], find(ModelChoice(BASE), os.environ).folder)
    engine = Whisper(made, name=shape, device=model.device, compute=model.compute_type)
    cores = len(os.sched_getaffinity(0))
    pcm = np.random.default_rng(1).normal(0, 0.01, _HEARD_S * RATE_HZ).astype(np.float32)
    batches: list[Batch] = []
    for size in sizes:
        batches.append(_batch(engine, pcm, size))
        logger.info("measured shape=%s %s", shape, msgspec.json.encode(batches[-1]).decode())
        if batches[-1].encode_ms + batches[-1].guess_ms > _MOST_MS:
            break
    return ShapeFigures(
        shape=shape,
        model=engine.name,
        heard_s=_HEARD_S,
        prompt_tokens=_PROMPT,
        forced_tokens=_FORCED,
        new_tokens=_NEW,
        batches=batches,
        channels={
            step.tick_ms: fitting(batches, step.tick_ms, cores if engine.device == "cpu" else 1)
            for step in STEPS
            if step.drafts
        },
        cores=cores,
        load_average=round(os.getloadavg()[0], 2),
        limited_by="Guessing, token after token." if batches[-1].guess_ms > batches[-1].encode_ms else "Encoding.",
    )


def make(folder: Path, dimensions: Dimensions, like: Path) -> Path:
    """Write a model with weights of noise; its words are those of the model in `like`."""
    import ctranslate2  # noqa: PLC0415 - it takes a while

    spec = ctranslate2.specs.WhisperSpec(dimensions.encoder, dimensions.heads, dimensions.decoder, dimensions.heads)
    _fill(spec, dimensions)
    known = (like / "vocabulary.txt").read_text("utf-8").split("\n")[: dimensions.vocabulary]
    spec.register_vocabulary([*known, *(f"<|more {n}|>" for n in range(dimensions.vocabulary - len(known)))])
    told = msgspec.json.decode((like / "config.json").read_bytes())
    spec.config.suppress_ids = [*told["suppress_ids"], _END]
    spec.config.suppress_ids_begin = told["suppress_ids_begin"]
    spec.config.lang_ids = told["lang_ids"]
    spec.config.alignment_heads = [[dimensions.decoder - 1, head] for head in range(2)]
    folder.mkdir(parents=True)
    spec.validate()
    spec.optimize(quantization="float16")
    spec.save(str(folder))
    (folder / "tokenizer.json").write_bytes((like / "tokenizer.json").read_bytes())
    return folder


def fitting(batches: Sequence[Batch], tick_ms: int, places: int) -> int:
    """Return how many channels fit: a batch that is done within a tick is drafted again and again."""
    done = [one for one in batches if one.encode_ms + one.guess_ms <= FULL * tick_ms]
    return max([0, *(int(FULL * one.drafts_per_s * tick_ms / 1000) * places for one in done)])


def _batch(engine: "Whisper", pcm: npt.NDArray[np.float32], size: int) -> Batch:
    words = engine.spell(["the"] * _FORCED, "en")
    prepared = [engine.prepare(pcm)] * size
    sounds = engine.encode_all(prepared)
    prompt = tuple(token for word in engine.spell(["water"] * _PROMPT, "en") for token in word.tokens[:1])
    asked = [Asked(Sound(0, sound.encoded), "en", prompt, tuple(words)) for sound in sounds]
    encode_ms = _median_ms(lambda: engine.encode_all(prepared))
    guess_ms = _median_ms(lambda: engine.guess_all(asked))
    align_ms = _median_ms(lambda: engine.align_all([(sound, words) for sound in sounds], "en"))
    return Batch(size, encode_ms, guess_ms, align_ms, round(1000 * size / (encode_ms + guess_ms), 2))


def _median_ms(act: Callable[[], object]) -> float:
    act()
    took: list[float] = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        act()
        took.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(took), 2)


def _fill(spec: Any, dimensions: Dimensions) -> None:  # noqa: ANN401 - CTranslate2 has no types
    """Give every part of a model its weights. The draws are the same each time."""
    chance = np.random.default_rng(1)
    d, four = dimensions.width, 4 * dimensions.width

    def noise(*shape: int) -> npt.NDArray[np.float16]:
        return (chance.standard_normal(shape, np.float32) * 0.02).astype(np.float16)

    def linear(part: Any, rows: int, columns: int) -> None:  # noqa: ANN401
        part.weight, part.bias = noise(rows, columns), np.zeros(rows, np.float16)

    def norm(part: Any) -> None:  # noqa: ANN401
        part.gamma, part.beta = np.ones(d, np.float16), np.zeros(d, np.float16)

    def layer(part: Any) -> None:  # noqa: ANN401
        linear(part.self_attention.linear[0], 3 * d, d)
        linear(part.self_attention.linear[1], d, d)
        linear(part.ffn.linear_0, four, d)
        linear(part.ffn.linear_1, d, four)
        for one in (part.self_attention.layer_norm, part.ffn.layer_norm):
            norm(one)

    for conv, inward in ((spec.encoder.conv1, dimensions.mels), (spec.encoder.conv2, d)):
        conv.weight, conv.bias = noise(d, inward, 3), np.zeros(d, np.float16)
    spec.encoder.position_encodings.encodings = noise(1500, d)
    spec.decoder.position_encodings.encodings = noise(448, d)
    for part in (*spec.encoder.layer, *spec.decoder.layer):
        layer(part)
    for part in spec.decoder.layer:
        norm(part.attention.layer_norm)
        for one, rows in zip(part.attention.linear, (d, 2 * d, d), strict=True):
            linear(one, rows, d)
    norm(spec.encoder.layer_norm)
    norm(spec.decoder.layer_norm)
    spec.decoder.embeddings.weight = spec.decoder.projection.weight = noise(dimensions.vocabulary, d)
