"""Nothing that runs here reports to anybody."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAR = """
import numpy as np
from hearing.transcribe.silero import Silero
assert Silero()(np.zeros(16000, np.float32))
"""


@pytest.mark.parametrize("asked", ["0", "1", None])
def test_the_speech_libraries_keep_no_identity_and_queue_no_report(tmp_path: Path, asked: str | None) -> None:
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"} | ({"ORT_DISABLE_TELEMETRY": asked} if asked else {})
    subprocess.run([sys.executable, "-c", HEAR], cwd=Path(__file__).parents[1], env=environ, check=True, timeout=60)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []
