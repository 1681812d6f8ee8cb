"""HTTP ranges, pure (RFC 9110, 14.2). One range only: several are answered with the whole, as the RFC allows."""

import re

_ONE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def wanted_range(header: str | None, size: int) -> tuple[int, int, int]:
    """Return (status, start, end), end exclusive: 200 for the whole, 206 for a part, 416 where there is no such."""
    match = _ONE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return 200, 0, size
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return 200, 0, size
    return (206, start, end) if start < end else (416, 0, 0)
