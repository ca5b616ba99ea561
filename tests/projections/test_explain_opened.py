"""Pages of one reading share what was found; no other reading does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.recorded import Gist
from projections.kpi.opened import Evidence, Opened
from tests.projections.kpi_world import World
from tests.projections.test_explain_law5 import NOW


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    for number in range(7):
        made.call(f"c{number}", "2025-03-05", disposition="arrest" if number else "other")
    made.refresh(NOW)
    yield made
    made.store.close()


def count_reads(world: World) -> list[int]:
    """How many events each reading of gists was about, from now on."""
    reads: list[int] = []
    gists = world.log.gists

    def counted(log_indexes: Any) -> list[Gist]:
        reads.append(len(log_indexes))
        return list(gists(log_indexes))

    world.log.gists = counted  # type: ignore[method-assign]
    return reads


def test_a_further_page_folds_nothing_again(world: World) -> None:
    opened, reads = Opened(), count_reads(world)
    first = world.explain("K09", "2025-03", now=NOW, limit=5, opened=opened)
    second = world.explain("K09", "2025-03", now=NOW, limit=5, offset=5, opened=opened)
    assert [14] == reads
    assert (first.recomputed, True) == (second.recomputed, second.agrees)
    assert [6, 7, 8, 9, 10] == [row.event.log_index for row in second.events]


def test_what_was_found_is_of_its_position_only(world: World) -> None:
    opened = Opened()
    assert 14 == world.explain("K09", "2025-03", now=NOW, opened=opened).event_count
    world.call("more", "2025-03-06", disposition="arrest")
    world.refresh(NOW)
    again = world.explain("K09", "2025-03", now=NOW, opened=opened)
    assert (16, True, 8) == (again.event_count, again.agrees, again.cell.denominator)


def test_a_number_that_reads_the_clock_is_remembered_for_its_moment_only(world: World) -> None:
    world.refer("r", "2025-06-01")
    world.refresh("2025-06-02")
    opened, reads = Opened(), count_reads(world)
    for now in ("2025-06-02", "2025-06-20", "2025-06-20"):
        assert world.explain("K17", "2025-06", now=now, opened=opened).agrees
    assert [1, 1] == reads


def test_more_events_than_may_be_are_listed_and_not_said_to_agree(world: World) -> None:
    opened, reads = Opened(), count_reads(world)
    listed = world.explain("K09", "2025-03", now=NOW, at_most=13, opened=opened)
    assert (14, None, None, []) == (listed.event_count, listed.recomputed, listed.agrees, reads)
    assert world.explain("K09", "2025-03", now=NOW, at_most=14, opened=opened).agrees
    assert [14] == reads


def test_what_was_longest_unused_is_forgotten_first() -> None:
    from array import array

    opened = Opened(events_kept=5)
    keys: list[Any] = [("", "", "", "", number, None, "") for number in range(3)]
    for key in keys[:2]:
        opened.keep(key, Evidence(array("q", [1, 2])))
    assert opened.get(keys[0]) is not None
    opened.keep(keys[2], Evidence(array("q", [1, 2])))
    assert [True, False, True] == [opened.get(key) is not None for key in keys]
