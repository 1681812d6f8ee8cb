"""What the machine allows: open files, memory, and a clock that is kept right."""

import resource
import time
from pathlib import Path

from hearing import RELEASED_MS
from hearing.bounded import RESERVE
from hearing.doctor.report import Seen
from hearing.machine import clock_is_kept

_READERS = 1000
_MEMORY = 2_000_000_000
_CLOCK = "timedatectl set-ntp true"


def look(now_ms: int) -> list[Seen]:
    """Look at limits and the clock."""
    return [_files(), *_memory(), _clock(now_ms, clock_is_kept())]


def _files() -> Seen:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return Seen("limits", "go", "files", "as many readers at once as there is memory for")
    readers = max(0, hard - RESERVE)
    text = f"{hard} open files: {readers} readers at once"
    if readers < _READERS:
        return Seen("limits", "warn", "files-few", text, "LimitNOFILE=65536 in the unit, or ulimit -n 65536")
    return Seen("limits", "go", "files", text)


def _memory() -> list[Seen]:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return []
    text = f"{free / 1e9:.1f} GB of memory available"
    if free < _MEMORY:
        return [
            Seen("limits", "warn", "memory-little", f"{text}; the model base takes about 1 GB", "end other programs")
        ]
    return [Seen("limits", "go", "memory", text)]


def _clock(now_ms: int, kept: bool | None) -> Seen:
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_ms / 1000))
    if now_ms < RELEASED_MS:
        return Seen(
            "clock", "no-go", "clock-behind", f"{shown} is past: every time in the record comes from it", _CLOCK
        )
    if kept is None:
        return Seen(
            "clock",
            "warn",
            "clock-unknown",
            f"{shown}; whether it is synchronised cannot be seen here",
            "date -u, and compare",
        )
    if not kept:
        return Seen("clock", "warn", "clock-free", f"{shown}; it is not synchronised", _CLOCK)
    return Seen("clock", "go", "clock-kept", f"{shown}, synchronised")
