"""A remembered scorecard is the one that would be read again; what changes it is seen at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from contracts.moments import parse_us
from ops.composition import House, open_house
from ops.pages import asking
from ops.pages.remembering import KEPT, Scorecards
from ops.settings import load_settings
from projections.kpi.history import decisions
from projections.kpi.shapes import AsOf

NOW_US = parse_us("2025-06-15T12:34:56Z")


class Clock:
    """A clock that stands until it is moved."""

    now_us = NOW_US

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """A house with one call in May."""
    with open_house(settings=load_settings(tmp_path / "home", zone="UTC"), clock=clock) as opened:
        record(opened, 1)
        yield opened


def record(house: House, number: int) -> None:
    """One encounter that ended in the community, counted."""
    house.record(
        [
            json.dumps(
                {
                    "specversion": "1.0",
                    "id": f"e-{number}",
                    "source": "urn:test",
                    "type": "org.tallystick.encounter.closed.v1",
                    "subject": f"call/c-{number}",
                    "agency": "a",
                    "time": "2025-05-10T10:00:00Z",
                    "data": {"call": f"c-{number}", "disposition": "remained_in_community"},
                }
            ).encode()
        ]
    )
    house.catch_up()


def counted(cards: Scorecards, as_of: AsOf) -> object:
    """How many encounters K06 counts over all time."""
    (line,) = [line for line in cards.read(as_of).lines() if line.definition.kpi == "K06"]
    return line.overall.denominator


def test_the_same_state_and_moment_is_read_once(house: House) -> None:
    cards = Scorecards(house)
    assert cards.read(AsOf(NOW_US)) is cards.read(AsOf(NOW_US))


def test_what_is_remembered_equals_what_would_be_read(house: House) -> None:
    cards = Scorecards(house)
    cards.read(AsOf(NOW_US))
    assert house.scorecard(AsOf(NOW_US)) == cards.read(AsOf(NOW_US))


def test_a_new_event_is_seen_at_once(house: House) -> None:
    cards = Scorecards(house)
    assert counted(cards, AsOf(NOW_US)) == 1
    record(house, 2)
    assert counted(cards, AsOf(NOW_US)) == 2


def test_another_moment_is_read_anew(house: House) -> None:
    cards = Scorecards(house)
    years_later = AsOf(NOW_US + 3 * 366 * 86_400_000_000)
    assert cards.read(AsOf(NOW_US)).as_of != cards.read(years_later).as_of


def test_control_a_memory_that_ignores_the_state_is_noticed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = Scorecards(house)
    monkeypatch.setattr("ops.pages.remembering._state", lambda connection: ((), ""))
    assert counted(cards, AsOf(NOW_US)) == 1
    record(house, 2)
    assert counted(cards, AsOf(NOW_US)) == 1  # stale: exactly what the state in the key prevents


def test_nothing_is_remembered_while_a_refresh_is_due(house: House) -> None:
    cards = Scorecards(house)
    first = cards.read(AsOf(NOW_US))
    with house.store.write() as connection:
        connection.exec_driver_sql("INSERT INTO dirty_periods VALUES ('calls', '2025-05')")
    assert cards.read(AsOf(NOW_US)) is not first


def test_only_a_few_are_kept(house: House) -> None:
    cards = Scorecards(house)
    for minute in range(KEPT + 5):
        cards.read(AsOf(NOW_US + minute * 60_000_000))
    assert len(cards._kept) == KEPT


def test_readers_of_one_minute_read_the_same_moment(house: House, clock: Clock) -> None:
    first = asking.asked(house, "").as_of
    clock.now_us += 3_000_000
    assert asking.asked(house, "").as_of == first
    assert first.moment_us == parse_us("2025-06-15T12:34:00Z")
    clock.now_us += 60_000_000
    assert asking.asked(house, "").as_of != first


def test_a_day_means_its_last_moment(house: House) -> None:
    found = asking.asked(house, "2025-06-14")
    assert found.past
    assert found.as_of.moment_us == parse_us("2025-06-14T23:59:59.999999Z")
    assert found.as_of.log_index == 0


def decide(house: House, *said: tuple[str, dict[str, object]]) -> None:
    """Decisions about the plan, one after the other, counted."""
    for verb, data in said:
        body = {
            "specversion": "1.0",
            "id": f"d-{verb}",
            "source": "urn:test",
            "type": f"org.tallystick.{verb}.v1",
            "subject": "plan/p",
            "agency": "a",
            "time": "2025-05-10T10:00:00Z",
            "data": {"plan": "p", **data},
        }
        assert {"recorded"} == {outcome.status for outcome in house.record_batch([json.dumps(body).encode()])}, verb
    house.catch_up()


def a_kpi_in_dispute(house: House) -> None:
    """A plan with K06 in it, whose definition a partner disputes."""
    body = json.loads((resources.files("projections.kpi") / "library" / "K06.json").read_text(encoding="utf-8"))
    defined = {"kpi": "K06", "version": 1, "objective": "o", "definition": body, "effective_from": "2025-01-01"}
    decide(
        house,
        ("plan.adopted", {"version": 1, "period": {"from": "2025-01-01", "to": "2027-12-31"}}),
        ("goal.set", {"goal": "g", "statement": "x"}),
        ("objective.set", {"goal": "g", "objective": "o", "statement": "x"}),
        ("kpi.defined", {**defined, "owner": "a"}),
    )
    assert frozenset() == Scorecards(house).disputed(AsOf(NOW_US))
    decide(house, ("definition.disputed", {"kpi": "K06", "by": "b", "reason": "Arrests are left out."}))


def test_disputes_are_read_once_a_position_of_the_log(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    a_kpi_in_dispute(house)
    cards = Scorecards(house)
    read: list[object] = []

    def noted(*given: Any) -> Any:
        read.append(given)
        return decisions(*given)

    monkeypatch.setattr("ops.pages.remembering.decisions", noted)
    assert [frozenset({("K06", 1)})] * 2 == [cards.disputed(AsOf(NOW_US)), cards.disputed(AsOf(NOW_US + 1))]
    assert 1 == len(read)
    record(house, 2)
    assert frozenset({("K06", 1)}) == cards.disputed(AsOf(NOW_US))
    assert 2 == len(read)


def test_a_new_dispute_is_seen_at_once_and_not_before_it_was_stated(house: House) -> None:
    cards = Scorecards(house)
    assert frozenset() == cards.disputed(AsOf(NOW_US))
    a_kpi_in_dispute(house)
    assert frozenset({("K06", 1)}) == cards.disputed(AsOf(NOW_US))
    before = house.reader.head().log_index - 1
    assert frozenset() == cards.disputed(AsOf(NOW_US, log_index=before))


def test_control_a_memory_of_disputes_without_the_position_is_noticed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: forget the position, and a dispute is not seen where the plans are the same."""
    cards = Scorecards(house)
    monkeypatch.setattr("ops.pages.remembering.high_water", lambda connection: 0)
    a_kpi_in_dispute(house)
    assert frozenset({("K06", 1)}) == cards.disputed(AsOf(NOW_US))
    before = house.reader.head().log_index - 1
    assert frozenset() != cards.disputed(AsOf(NOW_US, log_index=before))  # stale: what the position prevents
