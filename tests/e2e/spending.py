"""How much of a processor the processes of a server take."""

import os
import time
from pathlib import Path

from tests.e2e.serving import descendants

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Spending:
    """What a server's processes have used of a processor since now, and another process `beside` them.

    Look now and then: what a process used before it ended is known from the last look.
    """

    def __init__(self, server: int, beside: int = 0) -> None:
        self._server, self._beside = server, beside
        self._began = time.monotonic()
        self._before: dict[tuple[str, int], float] = {}
        self._latest: dict[tuple[str, int], float] = {}
        self.look()
        self._before = dict(self._latest)

    def look(self) -> None:
        """See what they have used by now."""
        for pid in {self._server, self._beside, *descendants(self._server)} - {0}:
            try:
                kind = (
                    "worker" if b"hearing.transcribe.worker" in Path(f"/proc/{pid}/cmdline").read_bytes() else "server"
                )
                self._latest["neighbour" if pid == self._beside else kind, pid] = _cpu_s(pid)
            except OSError:  # it has ended
                continue

    def shares(self) -> dict[str, float]:
        """Return the processor seconds a second of the worker, the rest of the server, and the one beside them."""
        seconds = time.monotonic() - self._began
        told: dict[str, float] = {}
        for (kind, pid), used_s in self._latest.items():
            told[kind] = told.get(kind, 0.0) + used_s - self._before.get((kind, pid), 0.0)
        return {kind: round(used_s / seconds, 3) for kind, used_s in told.items()}


def _cpu_s(pid: int) -> float:
    """Return the processor seconds that a process has used (proc(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
