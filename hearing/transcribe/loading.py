"""Load what a worker runs: Whisper, and on a GPU the calls of many channels in batches."""

from collections.abc import Mapping

from hearing.transcribe.batching import Batching
from hearing.transcribe.engine import Engine
from hearing.transcribe.models import ModelChoice, find
from hearing.transcribe.whisper import Whisper, device_of


def load(model: ModelChoice, threads: int, environ: Mapping[str, str]) -> Engine:
    """Load a model for so many threads; a GPU runs one batch after another. Raises Refused, Unavailable."""
    found, device = find(model, environ), device_of(model.device)
    threads = threads if device == "cpu" else 1
    whisper = Whisper(found.folder, name=found.name, device=device, compute=model.compute_type, threads=threads)
    return arranged(whisper)


def arranged(whisper: Whisper) -> Engine:
    """Return the engine as many channels use it. On a CPU a thread per core does as well as batches, and sooner."""
    return whisper if whisper.device == "cpu" else Batching(whisper)
