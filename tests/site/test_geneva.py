"""Geneva's clock agrees with the time zone database, where there is one."""

import zoneinfo
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.site import geneva

_FROM = int(datetime(1996, 1, 1, tzinfo=UTC).timestamp() * 1000)
_TO = int(datetime(2037, 1, 1, tzinfo=UTC).timestamp() * 1000)


@given(st.integers(_FROM, _TO))
def test_it_is_the_same_time_as_in_the_database(utc_ms: int) -> None:
    try:
        zone = zoneinfo.ZoneInfo("Europe/Zurich")
    except zoneinfo.ZoneInfoNotFoundError:
        pytest.skip("no time zone database here")
    assert geneva.at(utc_ms).replace(tzinfo=None) == datetime.fromtimestamp(utc_ms / 1000, zone).replace(tzinfo=None)


@pytest.mark.parametrize("utc_ms", [-(10**18), -1, 253_402_300_799_000, 10**15, 10**18])
def test_no_number_is_too_wild_to_be_shown(utc_ms: int) -> None:
    assert 1970 <= geneva.at(utc_ms).year <= 2200
    assert (geneva.iso(utc_ms) or "").endswith("Z")


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "01:59"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "03:00"),
        (datetime(2026, 10, 25, 0, 59, tzinfo=UTC), "02:59"),
        (datetime(2026, 10, 25, 1, 0, tzinfo=UTC), "02:00"),
    ],
)
def test_the_clock_turns_at_one_in_the_morning_utc(moment: datetime, shown: str) -> None:
    assert f"{geneva.at(int(moment.timestamp() * 1000)):%H:%M}" == shown


def test_a_time_on_the_clock_in_geneva_is_one_instant() -> None:
    for text in ("2026-01-15T10:00", "2026-07-15T10:00", "2026-03-29T03:00", "2026-10-25T01:59", "2026-10-25T03:00"):
        there = datetime.fromisoformat(text)
        assert geneva.at(geneva.utc_ms(there)).replace(tzinfo=None) == there
    twice = geneva.utc_ms(datetime.fromisoformat("2026-10-25T02:30"))
    assert geneva.at(twice).tzname() == "CEST", "of the hour that comes twice the first"
    skipped = geneva.utc_ms(datetime.fromisoformat("2026-03-29T02:30"))
    assert f"{geneva.at(skipped):%H:%M}" == "03:30"
