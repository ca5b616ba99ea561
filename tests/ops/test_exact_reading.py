"""Law 6: a reading as of a log_index is the same however far the views are when it is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from ops import house as houses
from ops.composition import House
from ops.http.app import create_app
from projections.views import Views
from tests.ops.asgi_client import call

Raw = Callable[..., bytes]


def closed(raw: Raw, number: int, disposition: str) -> bytes:
    """An encounter of the call with this number that ended in this way."""
    return raw(
        f"closed-{number}",
        type="org.tallystick.encounter.closed.v1",
        subject=f"call/c-{number}",
        data={"call": f"c-{number}", "disposition": disposition},
    )


def lagging(house: House, raw: Raw) -> None:
    """Two calls of which the views know only the first one's end."""
    house.record([raw(1), closed(raw, 1, "remained_in_community"), raw(2)])
    house.catch_up()
    house.record([closed(raw, 2, "arrest")])


def k06(house: House) -> tuple[Any, ...]:
    (cell,) = house.cells(kpi="K06", period="all", group="all", as_of=house.as_of(4))
    return cell.numerator, cell.denominator


def test_a_reading_as_of_the_head_does_not_wait_for_views_that_lag(house: House, raw: Raw) -> None:
    lagging(house, raw)
    assert (1, 2) == k06(house)
    house.catch_up()
    assert (1, 2) == k06(house)


def test_the_api_and_the_views_answer_alike_while_the_views_lag(house: House, raw: Raw) -> None:
    lagging(house, raw)
    answer = asyncio.run(call(create_app(house), "GET", "/v1/kpis/K06?period=all&group=all&as_of=4"))
    (cell,) = json.loads(answer.body)["cells"]
    assert (1, 2) == (cell["numerator"], cell["denominator"])


def test_views_that_are_ahead_by_the_time_of_the_snapshot_are_not_used(house: House, raw: Raw) -> None:
    lagging(house, raw)
    asked = house.as_of(4)
    house.record([raw(3), closed(raw, 3, "arrest")])
    house.catch_up()
    (cell,) = house.cells(kpi="K06", period="all", group="all", as_of=asked)
    assert (1, 2) == (cell.numerator, cell.denominator)


def test_rows_whose_cells_wait_for_a_refresh_are_not_read(house: House, raw: Raw) -> None:
    lagging(house, raw)
    house.runner.step()
    assert 4 == house.runner.position()
    assert (1, 2) == k06(house)


def test_an_event_in_quarantine_is_counted_in_a_reading_as_of(
    house: House, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    lagging(house, raw)
    apply = Views.apply

    def poisoned(views: Views, connection: Any, batch: Any, reader: Any) -> None:
        if any(event.log_index == 4 for event in batch):
            raise ValueError("cannot apply it")
        apply(views, connection, batch, reader)

    monkeypatch.setattr(Views, "apply", poisoned)
    house.catch_up()
    assert (4, 1) == (house.runner.position(), house.quarantine.count())
    assert (1, 2) == k06(house)


def test_views_that_hold_the_log_to_the_event_are_read_as_they_stand(
    house: House, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The control of all of the above: where nothing is behind, no prefix is built; and where lagging views are
    # taken for exact ones, the reading is wrong.
    lagging(house, raw)
    monkeypatch.setattr(houses, "holds_exactly", lambda *_: True)
    assert (1, 1) == k06(house)
    monkeypatch.undo()
    house.catch_up()
    monkeypatch.setattr(house._prefixes, "borrow", lambda _: pytest.fail("a prefix was built"))
    assert (1, 2) == k06(house)
