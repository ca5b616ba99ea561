"""Moves the rows of one ledger into another, empty one, whatever keeps either: the same events at the same places.

It is here because only this room knows which rows a ledger is made of. It is one transaction on the receiving side,
so that what is broken off leaves an empty ledger and never half of one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from contracts.faults import fault
from contracts.ports import Progress
from domain import rejections
from domain.back_end import Asking, BackEnd, Row, Writing
from domain.tree import Frontier

_RUN = 2_000
"""Rows in memory at a time; a body has 64 KiB at most."""

_LOG = (
    "log_index",
    "time_us",
    "recorded_at_us",
    "topic_id",
    "subject_id",
    "source_id",
    "agency_id",
    "originator_version",
    "originator_id",
    "event_id",
    "digest",
    "state",
)
_REST: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("names", ("id", "text")),
    ("log_columns", ("first_index", "recorded_at_us", "packed", "ids")),
    ("decision_identity", ("identity", "log_index")),
    ("claims", ("claim", "log_index")),
    ("rejections", ("number", *rejections.COLUMNS)),
)


def copy_rows(source: BackEnd, target: BackEnd, progress: Progress | None = None) -> int:
    """Copy every row that a ledger keeps, from one snapshot into one transaction; returns the number of events.

    Each body is hashed on the way and the tree over them is compared with the source's root before anything is
    committed. Memory does not grow with the ledger. Raises ConflictFault ``target_not_empty``, UnavailableFault
    ``ledger_damaged`` where the source's rows do not give its root, and what either database raises; the target is
    then as it was.
    """
    return target.transact(lambda writing: _copied(source, writing, progress), wait=True)


def _copied(source: BackEnd, writing: Writing, progress: Progress | None) -> int:
    _must_be_empty(writing)
    with source.snapshot() as asking:
        head = asking.ask("SELECT log_index, recorded_at_us, frontier, root FROM head").fetchone()
        assert head is not None
        for table, columns in _REST:
            for rows in _runs(asking, table, columns):
                writing.load(table, columns, [_storable(row) for row in rows] if table == "rejections" else rows)
        _log(asking, writing, head, progress)
        writing.execute("UPDATE head SET log_index = ?, recorded_at_us = ?, frontier = ?, root = ?", head)
        totals = asking.ask("SELECT n, outcome FROM totals").fetchall()
        writing.execute_many("UPDATE totals SET n = ? WHERE outcome = ?", totals)
    return int(head[0])


def _must_be_empty(writing: Writing) -> None:
    # Not the log alone: what was refused is kept and counted as well.
    for table in ("log", "names", "rejections"):
        if writing.ask(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None:
            raise fault("target_not_empty", f"The ledger to copy into has rows in {table}.")


def _log(asking: Asking, writing: Writing, head: Row, progress: Progress | None) -> None:
    tree = Frontier()
    for rows in _runs(asking, "log", _LOG):
        digests = []
        for row in rows:
            digest, state = row[-2:]
            if hashlib.sha256(state).digest() != digest:
                raise fault("ledger_damaged", f"The digest of event {row[0]} is not the digest of its body.")
            digests.append(digest)
        tree.extend(digests)
        writing.load("log", _LOG, rows)
        if progress is not None:
            progress(tree.size, max(head[0], tree.size))
    if (tree.size, tree.root()) != (head[0], head[3]):
        raise fault(
            "ledger_damaged",
            f"Its {tree.size} events have the root {tree.root().hex()}; its head says {head[0]} and {head[3].hex()}.",
        )


def _storable(row: Row) -> Row:
    """A rejection kept before U+0000 was escaped, as it would be kept now: not every database can hold it."""
    return tuple(value.replace("\0", "\\x00") if isinstance(value, str) else value for value in row)


def _runs(asking: Asking, table: str, columns: tuple[str, ...]) -> Iterator[list[Row]]:
    found = asking.stream(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {columns[0]}")
    while rows := found.fetchmany(_RUN):
        yield rows
