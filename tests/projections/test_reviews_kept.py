"""A kept snapshot is taken for what it says it is, and for nothing else: else it is folded from the log again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.engine import Connection

from projections.kpi.shapes import AsOf
from projections.reviews import Snapshot
from projections.reviews.kept import SNAPSHOTS, keep, kept
from tests.projections.fake_log import MemoryStore

READING = AsOf(1_741_000_000_000_000, 7)
NAME = ("K06", 1, "2025-01", "all")


def snapshot(value: int = 80, **changes: Any) -> Snapshot:
    cell = {"kpi": "K06", "version": 1, "period": "2025-01", "group": "all", "value": value}
    return replace(Snapshot("care", 7, READING.moment_us, {NAME: cell}), **changes)


FROZEN = snapshot()
OTHER = snapshot(60).sha256


def asked(connection: Connection, sha256: str, made_by: str, **changes: Any) -> Snapshot | None:
    place = {"plan": "care", "reading": READING, **changes}
    return kept(connection, place["plan"], place["reading"], sha256, made_by)


@pytest.mark.parametrize(
    ("sha256", "made_by", "taken"),
    [
        (FROZEN.sha256, "views-1", True),
        (FROZEN.sha256, "views-2", True),  # it is what was seen, whoever made it
        (OTHER, "views-1", True),  # these views make it so, and would again: the difference is shown
        (OTHER, "views-2", False),  # other views might make what was seen
    ],
)
def test_one_of_another_digest_is_taken_from_the_views_of_today_alone(sha256: str, made_by: str, taken: bool) -> None:
    with MemoryStore().write() as connection:
        assert asked(connection, sha256, made_by) is None
        keep(connection, FROZEN, "views-1")
        assert (FROZEN if taken else None) == asked(connection, sha256, made_by)


@pytest.mark.parametrize(
    "changes",
    [{"plan": "another"}, {"reading": AsOf(READING.moment_us, 8)}, {"reading": AsOf(READING.moment_us + 1, 7)}],
)
def test_one_of_another_plan_or_reading_is_not_taken(changes: dict[str, Any]) -> None:
    with MemoryStore().write() as connection:
        keep(connection, FROZEN, "views-1")
        assert asked(connection, FROZEN.sha256, "views-1", **changes) is None


@pytest.mark.parametrize("damage", ["bytes", "cells"])
def test_one_that_is_damaged_is_not_taken(damage: str) -> None:
    with MemoryStore().write() as connection:
        keep(connection, snapshot(60), "views-1")
        tampered = connection.scalar(SNAPSHOTS.select().with_only_columns(SNAPSHOTS.c.cells))
        keep(connection, FROZEN, "views-1")
        connection.execute(update(SNAPSHOTS).values(cells=b"x" if damage == "bytes" else tampered))
        assert asked(connection, FROZEN.sha256, "views-1") is None


def test_keeping_again_replaces_what_was_kept() -> None:
    with MemoryStore().write() as connection:
        keep(connection, FROZEN, "views-1")
        keep(connection, snapshot(60), "views-2")
        assert snapshot(60) == asked(connection, OTHER, "views-2")
        assert 1 == len(connection.execute(SNAPSHOTS.select()).all())
