"""Law 8: unknown, stale and unowned are statuses of their own; none of them is ever shown as on track."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.kpi import Freshness
from projections.kpi import AsOf, scorecard, status
from projections.kpi.partners import Membership
from projections.kpi.status import Bands, Staleness, standing, target_for
from tests.projections.kpi_world import World, us

decimals = st.decimals(-1000, 1000, places=2)
STALE = Staleness(0, "old")
LAKESIDE = {"agency": "lakeside", "name": "Lakeside", "sector": "law_enforcement"}


def judged(**changes: Any) -> str:
    """The status of a good value, with something changed."""
    good: dict[str, Any] = {
        "value": Decimal(80),
        "staleness": None,
        "owned": True,
        "target": Decimal(75),
        "direction": "up",
        "bands": Bands(),
    }
    return standing(**(good | changes)).status


@given(
    value=st.none() | decimals,
    staleness=st.sampled_from([None, STALE]),
    owned=st.booleans(),
    target=st.none() | decimals,
    direction=st.sampled_from(["up", "down", "none"]),
    on_track=st.decimals(0, 100, places=1),
    watch=st.decimals(0, 100, places=1),
)
def test_what_is_unknown_stale_or_unowned_is_never_on_track(
    value: Decimal | None,
    staleness: Staleness | None,
    owned: bool,
    target: Decimal | None,
    direction: str,
    on_track: Decimal,
    watch: Decimal,
) -> None:
    found = judged(
        value=value,
        staleness=staleness,
        owned=owned,
        target=target,
        direction=direction,
        bands=Bands(on_track, watch),
    )
    if value is None:
        assert found == "no_data"
    elif staleness is not None:
        assert found == "stale"
    elif not owned:
        assert found == "unowned"
    elif target is None or direction == "none":
        assert found == "no_target"
    else:
        assert found in ("on_track", "watch", "off_track")


@pytest.mark.parametrize(
    ("expected", "value", "target", "direction"),
    [
        ("on_track", 75, 75, "up"),
        ("on_track", 74, 75, "up"),
        ("watch", 73, 75, "up"),
        ("watch", 70, 75, "up"),
        ("off_track", 69, 75, "up"),
        ("on_track", 75, 75, "down"),
        ("watch", 80, 75, "down"),
        ("off_track", 81, 75, "down"),
        ("on_track", 99, 75, "up"),
        ("on_track", 1, 75, "down"),
        ("no_target", 75, 75, "none"),
    ],
)
def test_a_value_is_compared_by_direction_and_bands(expected: str, value: int, target: int, direction: str) -> None:
    bands = Bands(Decimal(1), Decimal(5))
    assert expected == judged(value=Decimal(value), target=Decimal(target), direction=direction, bands=bands)


def test_without_bands_every_miss_is_off_track() -> None:
    assert judged(value=Decimal("74.9")) == "off_track"


@pytest.mark.parametrize(
    ("expected", "period"),
    [
        (70, "2025-03"),
        (75, "2025-04"),
        (75, "2025-Q1"),
        (75, "2025"),
        (80, "2026-02"),
        (80, "2026-12"),
        (80, "2027-05"),
        (None, "2024-12"),
        (75, "all"),
    ],
)
def test_the_nearest_target_applies_and_is_carried_forward(expected: int | None, period: str) -> None:
    targets = [
        {"period": "2025", "value": 75},
        {"period": "2025-03", "value": 70},
        {"period": "2026", "value": 80},
    ]
    found = target_for(targets, period, "2025-06")
    assert (None if expected is None else Decimal(expected)) == found


def test_a_value_is_current_until_the_next_one_is_due() -> None:
    monthly = Freshness(cadence="month", grace_days=10)
    assert us("2025-05-11T00:00:00Z") == status.fresh_until_us("2025-03", monthly, "UTC")
    quarterly = Freshness(cadence="quarter", grace_days=0)
    assert us("2025-07-01T00:00:00Z") == status.fresh_until_us("2025-02", quarterly, "UTC")


def on_the_scorecard(world: World, now: str) -> tuple[str, str, str]:
    """(period, status, status of "all") of K06's line."""
    world.refresh(now)
    with world.reading() as connection:
        lines = scorecard(connection, AsOf(us(now))).lines()
    found = next(line for line in lines if line.definition.kpi == "K06")
    return found.cell.period, found.cell.status, found.overall.status


def good_world(owner: str | None = "lakeside") -> World:
    """A partnership whose K06 was met in March."""
    world = World()
    world.plan("K06", owner=owner)
    world.aim("K06", {"2025": 75})
    world.call("a", "2025-03-05", disposition="remained_in_community")
    return world


def test_a_good_current_owned_value_is_on_track() -> None:
    """The control of what follows: with nothing missing, the same value is on track."""
    assert on_the_scorecard(good_world(), "2025-04-15") == ("2025-03", "on_track", "on_track")


def test_the_same_value_grown_old_is_stale() -> None:
    # Current through April and 30 days of grace.
    assert on_the_scorecard(good_world(), "2025-05-30") == ("2025-03", "on_track", "on_track")
    assert on_the_scorecard(good_world(), "2025-06-01") == ("2025-03", "stale", "stale")


def test_history_does_not_go_stale_by_being_history() -> None:
    world = good_world()
    assert world.cell("K06", "2025-03", now="2026-06-01").status == "on_track"
    # A year whose last values are of March was stale when it ended.
    assert world.cell("K06", "2025", now="2026-06-01").status == "stale"


def test_the_same_value_without_an_owner_is_unowned() -> None:
    assert on_the_scorecard(good_world(owner=None), "2025-04-15")[1] == "unowned"


def test_the_same_value_whose_owner_has_left_is_unowned() -> None:
    world = good_world()
    world.say("agency.withdrew", {"agency": "lakeside", "reason": "merged"}, "2025-04-01")
    assert on_the_scorecard(world, "2025-04-15")[1] == "unowned"


def test_the_same_value_whose_owner_never_joined_is_unowned() -> None:
    assert on_the_scorecard(good_world(owner="nobody-such"), "2025-04-15")[1] == "unowned"


def test_the_same_value_whose_owner_came_back_is_owned_again() -> None:
    world = good_world()
    world.say("agency.withdrew", {"agency": "lakeside", "reason": "merged"}, "2025-04-01")
    world.say("agency.joined", LAKESIDE, "2025-04-10")
    assert on_the_scorecard(world, "2025-04-09")[1] == "unowned"
    assert on_the_scorecard(world, "2025-04-15")[1] == "on_track"


@given(stays=st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=6), moment=st.integers(0, 9))
def test_an_agency_is_a_partner_by_the_last_that_was_said_of_it(stays: list[tuple[bool, int]], moment: int) -> None:
    said = sorted((at, joined) for joined, at in stays if at <= moment)
    # At the same moment a joining counts behind a withdrawal, as False sorts before True.
    expected = bool(said) and said[-1][1]
    joined = sorted(at for came, at in stays if came)
    withdrew = sorted(at for came, at in stays if not came)
    found = Membership(tuple(joined), tuple(withdrew))
    assert expected == found.live(moment)
    # Where it has ever joined and is not live any more, it is away.
    if joined and joined[0] <= moment:
        assert expected != any(left <= moment and (to is None or moment < to) for left, to in found.absences())


def test_after_a_withdrawal_that_is_not_dated_nobody_answers() -> None:
    assert not Membership((1,), (), left_undated=True).live(5)
    assert Membership((None,)).live(5)
    assert not Membership((None,), (3,)).live(5)


def test_a_kpi_in_no_plan_is_unowned() -> None:
    world = World()
    world.call("a", "2025-03-05", disposition="remained_in_community")
    assert on_the_scorecard(world, "2025-04-15")[1] == "unowned"


def test_the_same_value_with_a_silent_feed_is_stale_until_it_is_heard() -> None:
    world = good_world()
    expected = {"agency": "lakeside", "feed": "encounter", "cadence": "monthly", "grace_days": 5}
    world.say("report.expected", {**expected, "since": "2025-01-01"}, "2025-01-01")
    assert on_the_scorecard(world, "2025-05-05")[1] == "on_track"
    assert on_the_scorecard(world, "2025-05-07")[1] == "stale"
    cell = world.cell("K06", "all", now="2025-05-07")
    assert cell.stale_since_us == us("2025-05-06T07:00:00Z")
    assert "lakeside/encounter" in cell.status_reason
    # What came about May is no report about April.
    world.call("b", "2025-05-01", disposition="remained_in_community")
    assert on_the_scorecard(world, "2025-05-07")[1] == "stale"
    world.call("c", "2025-04-30", disposition="remained_in_community")
    assert on_the_scorecard(world, "2025-05-07")[1] == "on_track"


def test_a_feed_another_agency_owes_does_not_make_an_agencys_cell_stale() -> None:
    world = good_world()
    world.call("b", "2025-03-05", disposition="remained_in_community", agency="harbor")
    expected = {"agency": "harbor", "feed": "encounter", "cadence": "monthly", "grace_days": 5}
    world.say("report.expected", {**expected, "since": "2025-01-01"}, "2025-01-01")
    assert world.cell("K06", "all", "agency:harbor", now="2025-05-07").status == "stale"
    assert world.cell("K06", "all", "agency:lakeside", now="2025-05-07").status == "on_track"


def test_an_agency_that_fell_quiet_is_stale_though_the_partnership_is_not() -> None:
    world = good_world()
    world.call("b", "2024-11-05", disposition="remained_in_community", agency="harbor")
    assert world.cell("K06", "all", now="2025-04-15").status == "on_track"
    assert world.cell("K06", "all", "agency:lakeside", now="2025-04-15").status == "on_track"
    assert world.cell("K06", "all", "agency:harbor", now="2025-04-15").status == "stale"


@pytest.mark.parametrize(
    ("wrong", "changes"),
    [
        ("stale", {"staleness": STALE}),
        ("unowned", {"owned": False}),
        ("no_data", {"value": None}),
        ("no_target", {"target": None}),
    ],
)
def test_control_each_missing_thing_changes_the_status_of_a_good_value(wrong: str, changes: dict[str, Any]) -> None:
    """Negative control: it is the missing thing that keeps the value from being on track."""
    assert judged() == "on_track"
    assert wrong == judged(**changes)


def test_control_a_standing_that_looks_at_the_target_first_is_noticed() -> None:
    """Negative control for law 8: the tempting order of questions shows a stale value as on track."""

    def naive(**asked: Any) -> str:
        return "on_track" if asked["value"] >= asked["target"] else "off_track"

    asked = {"value": Decimal(80), "staleness": STALE, "owned": True, "target": Decimal(75)}
    assert naive(**asked) == "on_track"
    assert judged(**asked) == "stale"
