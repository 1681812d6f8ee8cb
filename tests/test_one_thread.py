"""A sum over matrices takes the core that asked for it, and no other: a second thread would mostly wait, busily."""

import subprocess
import sys
from pathlib import Path

import pytest

MULTIPLY = """
import numpy as np
from pathlib import Path
square = np.ones((600, 600), np.float32)
square @ square
print(len(list(Path("/proc/self/task").iterdir())))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc, which Linux has")
@pytest.mark.parametrize("first", ["hearing.stream.tap", "hearing.stream.sound", "hearing.revising"])
def test_numpy_starts_no_thread_whatever_loads_it(first: str) -> None:
    command = [sys.executable, "-c", f"import {first}\n{MULTIPLY}"]
    told = subprocess.run(
        command, cwd=Path(__file__).parents[1], env={}, check=True, timeout=60, capture_output=True, text=True
    )
    assert told.stdout.strip() == "1"
