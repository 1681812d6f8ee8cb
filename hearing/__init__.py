"""A live-session companion for human-rights hearings."""

import os

__version__ = "0.1.0"
RELEASED_MS = 1_795_478_400_000
"""24 November 2026, UTC: a clock that shows an earlier time is wrong. Moves with the version."""

# onnxruntime >= 1.29 sends use data to its maker by default, under an id it keeps in the cache folder, and
# huggingface_hub tells its own. Nothing here tells anybody anything: set before either can be loaded, whatever the
# environment says, and inherited by every child.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

# numpy's BLAS would start a thread per core for each small product: measured 1.8x the CPU for the same words. It reads
# this once, when numpy is first imported, by whatever part; the parallelism that pays is one engine job per core.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
