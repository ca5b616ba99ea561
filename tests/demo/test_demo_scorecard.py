"""The demonstration's scorecard shows every status there is, and the same seed shows the same scorecard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import RejectedFault
from ops.composition import House, open_house
from ops.demo import AS_OF, DEFAULT_SEED, ZONE, SimulatedClock, fill, run
from ops.demo.committee import REVIEWS
from ops.reviewing import reviews_of
from ops.settings import load_settings
from projections.kpi.shapes import STATUSES, KpiLine

SCALE = 0.06


def _lines(house: House) -> dict[str, KpiLine]:
    (plan,) = house.scorecard().plans
    return {line.cell.kpi: line for goal in plan.goals for objective in goal.objectives for line in objective.lines}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    home = tmp_path_factory.mktemp("demo") / "home"
    return home, fill(home, scale=SCALE)


@pytest.fixture
def house(filled: tuple[Path, dict[str, Any]]) -> Iterator[House]:
    with open_house(filled[0], writable=False) as opened:
        yield opened


def test_every_status_is_on_the_scorecard(house: House) -> None:
    assert set(STATUSES) == {line.cell.status for line in _lines(house).values()}


def test_the_unowned_the_silent_and_the_empty_are_never_shown_as_on_track(house: House) -> None:
    lines = _lines(house)
    assert tuple(lines[kpi].cell.status for kpi in ("K20", "P01", "L01", "K02")) == (
        "unowned",
        "stale",
        "no_data",
        "no_target",
    )


def test_the_silent_agency_is_noticed_by_what_it_was_expected_to_report(house: House) -> None:
    received = {cell.group: cell.numerator for cell in house.cells(kpi="K37", period="2025-11")}
    assert received["agency:larkmoor-schools"] == 0
    assert all(n for group, n in received.items() if group not in ("agency:larkmoor-schools", "agency:open-door"))


def test_commitments_are_kept_late_and_disputed(house: House) -> None:
    (cell,) = [cell for cell in house.cells(kpi="K39", period="all") if cell.group == "all"]
    assert cell.denominator is not None
    assert cell.numerator is not None
    assert 0 < cell.numerator < cell.denominator
    assert {"disputed", "waived"} <= {reason for reason, n in cell.excluded.items() if n}


def test_what_the_committee_saw_at_its_reviews_is_kept_and_has_been_restated_since(house: House) -> None:
    moment = house.as_of(None)
    desk = reviews_of(house)
    held = {review.review: review for review in desk.every(moment)}
    assert {review: due.isoformat() for review, due, _ in REVIEWS} == {name: one.due for name, one in held.items()}
    assert [name for name, one in held.items() if not one.held] == ["review-2025-h2"]
    for review in held.values():
        assert not review.held or desk.snapshot(review).sha256 == review.sha256
    # Some agencies report up to 90 days late, so what was seen of the summer is no longer all there is.
    restated = [
        one for kpi in ("K06", "K17", "K18", "K20") for one in desk.restated(held["review-2025-h1"], moment, kpi=kpi)
    ]
    assert restated


def test_it_is_read_at_a_fixed_moment_in_its_own_zone(house: House) -> None:
    assert (house.settings.as_of, house.zone) == (AS_OF, ZONE)
    assert house.scorecard().to_json()["as_of"] == {"moment": AS_OF, "log_index": None}


def test_the_same_seed_gives_the_same_scorecard(
    house: House, filled: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    again = fill(tmp_path / "again", DEFAULT_SEED, scale=SCALE)
    assert filled[1] == again
    with open_house(tmp_path / "again", writable=False) as other:
        assert json.dumps(house.scorecard().to_json()) == json.dumps(other.scorecard().to_json())


def test_a_full_home_is_left_as_it_is(filled: tuple[Path, dict[str, Any]]) -> None:
    again = fill(filled[0], scale=SCALE)
    assert again["submitted"] == 0
    assert filled[1]["root"] == again["root"]


def test_a_home_that_is_no_demonstration_is_refused(tmp_path: Path) -> None:
    with open_house(tmp_path / "real", clock=SimulatedClock()):
        pass
    with pytest.raises(RejectedFault) as refused:
        fill(tmp_path / "real", scale=SCALE)
    assert "no demonstration" in refused.value.problem.detail


def test_a_house_with_another_clock_is_refused(tmp_path: Path) -> None:
    with (
        open_house(settings=load_settings(tmp_path / "real"), clock=lambda: 0) as opened,
        pytest.raises(TypeError, match="SimulatedClock"),
    ):
        run(opened)
