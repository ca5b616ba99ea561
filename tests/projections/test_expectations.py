"""An expectation holds from its first day until the next one about the same feed, and its history stays as it was."""

from __future__ import annotations

from datetime import date

from projections.kpi.built import expected_reports, silent_feeds
from projections.kpi.expectations import feeds
from tests.projections.kpi_world import ZONE, World, us


def expected(found: World, moment: str) -> list[tuple[str, str]]:
    with found.reading() as connection:
        return [(row["feed"], row["period"]) for row in expected_reports(connection, us(moment), ZONE).rows]


def expect(found: World, cadence: str, time: str | None, since: str | None = None, grace: int = 5) -> str:
    data = {"agency": "lakeside", "feed": "call", "cadence": cadence, "grace_days": grace}
    return found.say("report.expected", {**data, **({"since": since} if since else {})}, time)


def test_a_new_cadence_says_nothing_about_the_months_before_it() -> None:
    found = World()
    expect(found, "monthly", "2025-01-01")
    expect(found, "quarterly", "2025-04-01")
    found.apply()
    # Monthly for January to March; quarterly from the second quarter on.
    assert [
        ("call", "2025-01"),
        ("call", "2025-02"),
        ("call", "2025-03"),
        ("call", "2025-Q2"),
        ("call", "2025-Q3"),
    ] == (expected(found, "2025-07-15"))


def test_a_period_that_a_new_expectation_cuts_is_not_expected() -> None:
    found = World()
    expect(found, "quarterly", "2025-01-01")
    expect(found, "monthly", "2025-02-10")
    found.apply()
    # The first quarter is cut by the new cadence, and so is February, which began under the old one.
    assert [("call", "2025-03")] == expected(found, "2025-03-15")


def test_the_later_stated_of_two_that_begin_on_one_day_stands() -> None:
    found = World()
    expect(found, "weekly", "2025-01-02", since="2025-01-01")
    expect(found, "monthly", "2025-01-03", since="2025-01-01")
    found.apply()
    with found.reading() as connection:
        (feed,) = feeds(connection, ZONE)
    assert ("monthly", date(2025, 1, 1), None) == (feed.cadence, feed.since, feed.until)


def test_an_expectation_without_a_day_expects_nothing() -> None:
    found = World()
    expect(found, "monthly", None)
    found.apply()
    assert [] == expected(found, "2025-07-01")


def test_a_withdrawn_expectation_gives_way_to_the_one_before() -> None:
    found = World()
    expect(found, "monthly", "2025-01-01")
    wrong = expect(found, "daily", "2025-02-01")
    found.apply()
    assert ("call", "2025-02-03") in expected(found, "2025-02-05")
    found.void(wrong)
    found.apply()
    assert [("call", "2025-01"), ("call", "2025-02")] == expected(found, "2025-02-05")


def test_silence_is_told_of_the_latest_report_due_under_either_expectation() -> None:
    found = World()
    expect(found, "monthly", "2025-01-01")
    expect(found, "quarterly", "2025-03-01")
    found.apply()
    with found.reading() as connection:
        # On 10 March the latest that fell due is February's (28 February and five days of grace).
        ((agency, feed, due),) = silent_feeds(connection, us("2025-03-10"), ZONE)
    assert ("lakeside", "call", us("2025-03-06T08:00:00Z")) == (agency, feed, due)
