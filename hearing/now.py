"""The time of day. Who needs it is handed it: the core, and what tests run, take times as arguments."""

import time


def utc_ms() -> int:
    """Return UTC in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000
