"""The benchmark's ledgers are real ones: whatever is copied keeps its contract, and the log it makes is sound."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from contracts.intake import validate
from contracts.recorded import Accepted
from ops.bench.partnership import Partnership
from ops.composition import open_house
from projections.merges import Model
from projections.models import MODELS

SCALE = 0.05


@pytest.fixture(scope="module")
def partnership() -> Partnership:
    return Partnership(scale=SCALE)


def copies(partnership: Partnership, count: int) -> Iterator[Accepted]:
    for _, told in partnership.nights(count):
        yield from told


def differs(event: Accepted) -> bool:
    """Whether intake would have made something else of the bytes; a copy's ``data`` is left out on purpose."""
    checked = validate(event.body)
    return not isinstance(checked, Accepted) or msgspec.structs.replace(checked, data={}) != msgspec.structs.replace(
        event, data={}
    )


def test_a_copy_is_what_intake_would_have_accepted(partnership: Partnership) -> None:
    count = partnership.once + 2 * partnership.cases + 7
    told = list(copies(partnership, count))
    assert len(told) == count
    assert len({(event.source, event.id) for event in told}) == count
    assert [event for event in told[:: max(1, count // 1000)] if differs(event)] == []


def test_a_copy_with_another_subject_than_its_data_is_noticed(partnership: Partnership) -> None:
    case = next(case for day in partnership.days for case in day.cases if case.subject.startswith("call/"))
    assert not differs(case.copy(3))
    wrong = case.copy(3)
    assert differs(msgspec.structs.replace(wrong, body=wrong.body.replace(wrong.subject.encode(), b"call/another")))


def test_fewer_events_than_are_said_once_cannot_be_told(partnership: Partnership) -> None:
    with pytest.raises(ValueError, match="can be told"):
        list(islice(partnership.nights(partnership.once - 1), 1))


def test_a_ledger_filled_from_it_is_verified_and_fills_every_read_model(
    partnership: Partnership, tmp_path: Path
) -> None:
    count = partnership.once + 3 * partnership.cases
    partnership.fill(tmp_path / "home", count)
    with open_house(tmp_path / "home") as house:
        found = house.verify()
        assert (found.ok, found.events) == (True, count)
        house.rebuild()
        with house.store.read() as connection:
            empty = [model.name for model in MODELS if _is_empty(connection, model)]
        assert empty == []
        assert {line.cell.value is None for line in house.scorecard().lines()} == {True, False}


def _is_empty(connection: object, model: Model) -> bool:
    return connection.exec_driver_sql(f"SELECT 1 FROM {model.name} LIMIT 1").first() is None  # type: ignore[attr-defined]
