"""A real `hearing worker` in a process of its own, to be killed, frozen, or asked to leave."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.serving import ROOT, until


def token_file(folder: Path, token: str, mode: int = 0o600) -> Path:
    """Write a token as a worker wants it."""
    path = folder / "worker.token"
    path.write_text(f"{token}\n")
    path.chmod(mode)
    return path


class WorkerProcess:
    """`hearing worker` with options; `errors` holds what it says. `before` is put before its command."""

    def __init__(
        self,
        errors: Path,
        *options: str,
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.errors = errors
        self._command = [*before, sys.executable, "-m", "hearing", "worker", *options]
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it; it joins when its model is loaded."""
        with self.errors.open("ab") as errors:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdout=errors, stderr=errors
            )

    def kill(self) -> None:
        """Kill -9, and wait for its end."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(60)

    def freeze(self) -> None:
        """Stop it where it stands, every thread."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def leave(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to leave; return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def said(self) -> str:
        """Return what it has said so far."""
        return self.errors.read_text("utf-8") if self.errors.exists() else ""

    def says(self, text: str, times: int = 1, within_s: float = 120.0) -> None:
        """Wait until it has said something so many times."""
        until(lambda: self.said().count(text) >= times or self._process is None, within_s, text)
