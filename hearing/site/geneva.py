"""The clock on the wall of the room: Geneva time, without a time zone database, which small machines lack."""

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_WINTER = timezone(timedelta(hours=1), "CET")
_LATEST_MS = 7_258_118_400_000
_SUMMER = timezone(timedelta(hours=2), "CEST")


def at(utc_ms: int) -> datetime:
    """Return the time in Geneva of UTC milliseconds since the Unix epoch."""
    moment = utc(utc_ms)
    summer = _turn(moment.year, 3) <= moment < _turn(moment.year, 10)
    return moment.astimezone(_SUMMER if summer else _WINTER)


def utc(utc_ms: int) -> datetime:
    """Return UTC milliseconds since the Unix epoch as a time, at the latest 2200."""
    return datetime.fromtimestamp(min(max(utc_ms, 0), _LATEST_MS) / 1000, UTC)


def iso(at_ms: int | None) -> str | None:
    """Write UTC milliseconds since the Unix epoch as ISO 8601 with milliseconds and Z."""
    if at_ms is None:
        return None
    return utc(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_ms(there: datetime) -> int:
    """Return UTC milliseconds of a time in Geneva, given without a zone; of an hour that comes twice the first."""
    summer = _ms(there.replace(tzinfo=_SUMMER))
    return summer if at(summer).replace(tzinfo=None) == there else _ms(there.replace(tzinfo=_WINTER))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@lru_cache(512)
def _turn(year: int, month: int) -> datetime:
    """Return 01:00 UTC on the month's last Sunday (Directive 2000/84/EC, which Switzerland follows)."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=last.isoweekday() % 7)
