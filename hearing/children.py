"""How our own children are started: with this very package, and nothing of the folder they happen to start in."""

import os
import sys
from pathlib import Path


def command(module: str) -> list[str]:
    """Return what runs a module of ours in a process of its own. `-P`: a tomllib.py that lies about is not run."""
    return [sys.executable, "-P", "-m", module]


def environ() -> dict[str, str]:
    """Return this process's environment, in which a child finds this package."""
    here = str(Path(__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))}
