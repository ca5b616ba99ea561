"""A silent feed is found on the day after its grace, named with the KPIs that live on it, and lag is told by agency."""

from __future__ import annotations

from projections.feeds import FeedState, delays, feed_states, reports_of
from projections.kpi.built import silent_feeds
from tests.projections.kpi_world import ZONE, World, us


def world() -> World:
    found = World()
    found.say(
        "report.expected",
        {"agency": "lakeside", "feed": "encounter", "cadence": "monthly", "grace_days": 5, "since": "2025-01-01"},
        "2025-01-01",
    )
    found.plan()
    return found


def state(found: World, moment: str) -> FeedState:
    with found.reading() as connection:
        (only,) = feed_states(connection, us(moment), ZONE)
    return only


def close(found: World, day: str, at: str, call: str = "c-1") -> None:
    data = {"call": call, "disposition": "remained_in_community"}
    found.say("encounter.closed", data, day, at=at)


def test_silence_begins_when_the_grace_has_passed() -> None:
    found = world()
    found.apply()
    # January's report is due at the end of 5 February in Los Angeles, which is 08:00 UTC on the 6th.
    before, after = state(found, "2025-02-06T07:59:59Z"), state(found, "2025-02-06T08:00:00Z")
    assert ("waiting", 0) == (before.status, before.missing)
    assert ("silent", 1) == (after.status, after.missing)
    assert "K06" in after.kpis


def test_a_report_in_time_is_on_time_and_one_after_the_grace_late() -> None:
    found = world()
    close(found, "2025-01-10", "2025-01-11")
    found.apply()
    assert "on_time" == state(found, "2025-02-10").status
    late = world()
    close(late, "2025-01-10", "2025-02-08")
    late.apply()
    assert "silent" == state(late, "2025-02-07").status
    assert ("late", 1, 0) == (
        state(late, "2025-02-10").status,
        state(late, "2025-02-10").received,
        state(late, "2025-02-10").on_time,
    )


def test_a_report_of_another_agency_breaks_no_silence() -> None:
    found = world()
    found.say(
        "encounter.closed",
        {"call": "c-1", "disposition": "remained_in_community"},
        "2025-01-10",
        at="2025-01-11",
        agency="harbor",
    )
    found.apply()
    assert "silent" == state(found, "2025-02-10").status


def test_an_agency_that_left_is_expected_to_report_no_more() -> None:
    found = world()
    found.say("agency.joined", {"agency": "lakeside", "name": "Lakeside", "sector": "health"}, "2024-12-01")
    close(found, "2025-01-10", "2025-01-11")
    found.say("agency.withdrew", {"agency": "lakeside"}, "2025-02-10")
    found.apply()
    assert ("ended", 1, 0) == (
        state(found, "2025-06-01").status,
        state(found, "2025-06-01").due,
        state(found, "2025-06-01").missing,
    )


def test_the_reports_of_one_feed_are_listed_the_latest_first() -> None:
    found = world()
    close(found, "2025-01-10", "2025-01-11")
    found.apply()
    with found.reading() as connection:
        reports = reports_of(connection, us("2025-03-10"), ZONE, "lakeside", "encounter")
        assert [] == reports_of(connection, us("2025-03-10"), ZONE, "lakeside", "call")
    assert [("2025-03", None), ("2025-02", None), ("2025-01", us("2025-01-11"))] == [
        (one.period, one.received_us) for one in reports
    ]


def test_lag_is_counted_by_whole_days() -> None:
    found = world()
    close(found, "2025-01-10", "2025-01-10")
    close(found, "2025-01-10", "2025-01-13", "c-2")
    close(found, "2025-01-10", "2025-03-01", "c-3")
    found.apply()
    with found.reading() as connection:
        lags = {one.agency: one for one in delays(connection)}
    # report.expected of 1 January and its recording fall into one of the buckets too, so only what closes calls moved.
    assert 1 <= lags["lakeside"].counts["11+"]
    assert 1 <= lags["lakeside"].counts["1-3"]
    assert lags["lakeside"].total == sum(lags["lakeside"].counts.values())


def test_what_the_page_calls_silent_makes_its_kpis_stale_and_nothing_else_does() -> None:
    """January was never reported; an event of February, which is not due yet, is no report about January."""
    found = world()
    found.say("agency.joined", {"agency": "lakeside", "name": "Lakeside", "sector": "health"}, "2024-12-01")
    close(found, "2025-02-10", "2025-02-11")
    found.apply()
    found.refresh("2025-02-20")
    assert "silent" == state(found, "2025-02-20").status
    with found.reading() as connection:
        assert [("lakeside", "encounter")] == [
            (agency, feed) for agency, feed, _ in silent_feeds(connection, us("2025-02-20"), ZONE)
        ]
    assert "stale" == found.cell("K06", "2025-02", now="2025-02-20").status


def test_an_agency_that_left_makes_nothing_stale() -> None:
    found = world()
    found.say("agency.joined", {"agency": "lakeside", "name": "Lakeside", "sector": "health"}, "2024-12-01")
    found.say("agency.withdrew", {"agency": "lakeside"}, "2025-02-10")
    found.apply()
    assert "silent" == state(found, "2025-02-09").status
    assert "ended" == state(found, "2025-06-01").status
    with found.reading() as connection:
        assert [] == silent_feeds(connection, us("2025-06-01"), ZONE)
        assert 1 == len(silent_feeds(connection, us("2025-02-09"), ZONE))
