"""Moments: text and microseconds agree, and a local day is the one a wall clock would show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import RejectedFault
from contracts.moments import (
    DAY_US,
    day_end_us,
    day_start_us,
    format_us,
    local_day,
    local_epoch_day,
    local_month,
    parse_date,
    parse_us,
)

ZONES = ["UTC", "America/Los_Angeles", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
MOMENTS = st.integers(
    int(datetime(1970, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000,
    int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000,
)


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_740_852_000_000_000, "2025-03-01T10:00:00-08:00"),
        (1_740_852_000_000_000, "2025-03-01t18:00:00z"),
        (1_740_852_000_123_456, "2025-03-01T18:00:00.123456789Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (0, "1970-01-01T00:00:00-00:00"),
    ],
)
def test_rfc_3339_is_read_to_the_microsecond(us: int, text: str) -> None:
    assert us == parse_us(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2025-03-01",
        "2025-03-01T10:00:00",
        "2025-03-01 10:00:00Z",
        "2025-03-01T10:00Z",
        "2025-02-29T10:00:00Z",
        "2025-13-01T10:00:00Z",
        "2025-03-01T24:00:00Z",
        "2025-03-01T10:00:60Z",
        "2025-03-01T10:00:00+24:00",
        "2025-03-01T10:00:00.1234567890Z",
        "2025-03-01T10:00:00Z\n",
        "2025-03-01T10:00:00+0800",
        "0001-01-01T00:00:00Z",
        "٢٠٢٥-03-01T10:00:00Z",
        "20250301T100000Z",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_us(text)


@given(MOMENTS)
def test_a_moment_written_out_reads_back_the_same(us: int) -> None:
    assert us == parse_us(format_us(us))


@given(MOMENTS, st.sampled_from(ZONES))
def test_a_local_day_is_what_the_wall_clock_shows(us: int, zone: str) -> None:
    wall = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(ZoneInfo(zone))
    assert wall.date().isoformat() == local_day(us, zone)
    assert wall.strftime("%Y-%m") == local_month(us, zone)
    assert wall.toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal() == local_epoch_day(us, zone)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("day", ["2025-03-09", "2025-03-30", "2025-10-26", "2025-11-02", "2024-02-29", "2025-04-06"])
def test_a_day_is_the_moments_from_its_start_to_its_end(day: str, zone: str) -> None:
    start, end = day_start_us(day, zone), day_end_us(day, zone)
    assert day == local_day(start, zone) == local_day(end, zone)
    assert day != local_day(start - 1, zone)
    assert day != local_day(end + 1, zone)


def test_the_day_of_a_clock_change_is_shorter_or_longer() -> None:
    zone = "America/Los_Angeles"
    assert day_end_us("2025-03-09", zone) + 1 - day_start_us("2025-03-09", zone) == DAY_US * 23 // 24
    assert day_end_us("2025-11-02", zone) + 1 - day_start_us("2025-11-02", zone) == DAY_US * 25 // 24


def test_an_unknown_zone_has_a_code() -> None:
    for zone in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(RejectedFault) as caught:
            local_day(0, zone)
        assert caught.value.problem.code == "zone_unknown"


@pytest.mark.parametrize("text", ["2025-02-29", "2025-3-1", "2025-03-01T", "2025-03-01\n", "1899-01-01", "2200-01-01"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_date(text)
