"""Live transcription: a worker that hears channels, and the relay's side that gives them to it."""

import os

# numpy's BLAS would start a thread per core for each small product: measured 1.8x the CPU for the same words. It reads
# this once, when numpy is first imported; the parallelism that pays is one engine job per core.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
