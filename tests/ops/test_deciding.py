"""Decisions taken at a command: dated as the house reads, refused by name, and never in a home that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.faults import EXIT_STATUS, ConflictFault, RejectedFault
from ops.composition import House, open_house
from ops.deciding import decide, take
from ops.settings import Settings, write_settings
from tests.ops.test_cli import Run, home, run  # noqa: F401 - fixtures
from tests.pages.reviewed_house import ZONE, planned

FIXED = "2025-04-01T12:00:00Z"
OPEN = ("actions", "open", "Call them back", "--plan", "care", "--owner", "county", "--agency", "crisis")


@pytest.fixture
def fixed(tmp_path: Path) -> str:
    """A home with a plan whose reading is fixed to a day, as that of the demonstration is."""
    place = tmp_path / "fixed"
    place.mkdir()
    write_settings(place, {"zone": ZONE, "as_of": FIXED})
    with open_house(place) as house:
        house.record(planned())
    return str(place)


def action(house: House, name: str = "a1", due: str = "2025-05-01") -> Any:
    data = {"action": name, "plan": "care", "owner": "county", "due": due, "what": "Call them back"}
    return decide(
        house, "action.opened", data, subject=f"action/{name}", agency="crisis", source="//crisis/tallystick-cli"
    )


def test_an_action_opened_in_a_home_with_a_fixed_reading_is_listed(run: Run, fixed: str) -> None:  # noqa: F811
    assert run(*OPEN, "--due", "2025-05-01", "--id", "a1", "--home", fixed).status == 0
    (listed,) = run("actions", "list", "--home", fixed, "--format", "json").json()["actions"]
    assert ("a1", "open", "2025-04-01T12:00:00Z") == (listed["action"], listed["state"], listed["opened"])
    assert run("actions", "close", "a1", "--evidence", "minutes-4", "--agency", "county", "--home", fixed).status == 0
    (listed,) = run("actions", "list", "--home", fixed, "--format", "json").json()["actions"]
    assert ("met", "2025-04-01T12:00:00Z") == (listed["state"], listed["closed"])


@pytest.mark.parametrize(
    "line",
    [
        (*OPEN, "--due", "2025-05-01"),
        ("actions", "close", "a1", "--evidence", "e", "--agency", "county"),
        ("reviews", "schedule", "--plan", "care", "--review", "q1", "--due", "2025-05-31"),
        ("reviews", "hold", "--plan", "care", "--review", "q1"),
        ("quarantine", "replay"),
        ("rebuild",),
    ],
    ids=" ".join,
)
def test_a_home_that_is_not_there_is_told_and_not_made(run: Run, tmp_path: Path, line: tuple[str, ...]) -> None:  # noqa: F811
    told = run(*line, "--home", str(tmp_path / "hoem"))
    assert (EXIT_STATUS["unavailable"], True) == (told.status, told.err.startswith("error home_missing: "))
    assert not (tmp_path / "hoem").exists()


def test_control_a_home_that_is_there_takes_the_decision(run: Run, fixed: str) -> None:  # noqa: F811
    line = ("reviews", "schedule", "--plan", "care", "--review", "q1", "--due", "2025-05-31")
    assert run(*line, "--home", fixed).status == 0


def test_a_decision_that_breaks_a_rule_raises_the_fault_of_that_rule(tmp_path: Path) -> None:
    with open_house(settings=Settings(home=tmp_path, zone=ZONE)) as house:
        house.record(planned())
        outcome, receipt = action(house)
        assert ("recorded", house.reader.head().log_index) == (outcome.status, receipt.log_index)
        with pytest.raises(RejectedFault) as refused:
            action(house, due="soon")
        assert ("data_invalid", "/data/due") == (refused.value.problem.code, refused.value.problem.pointer)
        with pytest.raises(ConflictFault) as again:
            action(house)
        assert "action_already_opened" == again.value.problem.code
        event = {"specversion": "1.0", "id": "x", "source": "//crisis", "type": "org.tallystick.nothing.at_all.v1"}
        with pytest.raises(RejectedFault):
            take(house, event)
        assert receipt.log_index == house.reader.head().log_index
