"""What this machine says of itself: the room in a folder, and whether its clock is kept right."""

import ctypes
import os
import shutil
import tempfile
from pathlib import Path

import msgspec

_UNSYNCHRONISED = 0x0040
_TIME_ERROR = 5


class Room(msgspec.Struct, frozen=True):
    """What a folder has room for. `free` is None where nobody knows."""

    writable: bool
    free: int | None


class _Timex(ctypes.Structure):
    """The beginning of `struct timex` (adjtimex(2)), and room for the rest of it. `modes` 0 only reads."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def room(folder: Path) -> Room:
    """Try to write a file there, and see how many bytes are free for who runs this. Blocks: call it on a thread."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
        return Room(writable=True, free=shutil.disk_usage(folder).free)
    except OSError:
        return Room(writable=False, free=None)


def clock_is_kept() -> bool | None:
    """Tell whether the kernel knows the system clock to be synchronised; None where it cannot be asked."""
    try:
        timex = _Timex()
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):  # no such call: not Linux
        return None
    if state < 0:  # not allowed here, as in some containers
        return None
    return state != _TIME_ERROR and not timex.status & _UNSYNCHRONISED
