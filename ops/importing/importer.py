"""Runs an import: a file's rows through a mapping into the intake, batch by batch, with a report.

It holds at most one batch of rows, whatever the size of the file (a workbook is unpacked whole by its reader, up to a
limit), and it can be run again at any time: the ids of its events come from the rows, so what is already in the ledger
is answered as a duplicate.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from contracts.faults import RejectedFault
from contracts.intake import validate
from contracts.ports import Progress
from contracts.recorded import Accepted, Outcome, Rejected
from ops.importing.building import RowBuilder, UnmappedRow
from ops.importing.mapping import Mapping, load_mapping
from ops.importing.refusal import refused_row
from ops.importing.report import ImportReport
from ops.importing.table import TableRow, read_table

BATCH_EVENTS = 1000
UNREADABLE_BYTES_KEPT = 45_000
"""Of a record that cannot be read, so many bytes are kept (in base64 they still fit into one rejection)."""

Record = Callable[[list[bytes]], list[Outcome]]
"""Validates and records raw events in one durable transaction; one outcome each, in order."""

Reject = Callable[[list[Rejected]], list[Outcome]]
"""Keeps rejections that were found before the intake; one outcome each, in order."""


def run(
    path: str | Path,
    mapping: Mapping | str | Path,
    record: Record,
    dry_run: bool = False,
    progress: Progress | None = None,
    *,
    reject: Reject | None = None,
    batch_events: int = BATCH_EVENTS,
) -> ImportReport:
    """Import a CSV or XLSX file by a mapping (or the name or path of one).

    A row that the mapping cannot read becomes one rejection: handed to ``reject`` with the row's number as pointer
    or, where that is not given, sent through ``record`` as it stands, which keeps it as a rejection of its own.
    ``dry_run`` records nothing and reports how each event would end in a ledger that holds none of them yet.
    ``progress`` is called with rows done and about how many there are.

    Where the file stops being readable on the way, what came before is recorded and the report's ``stopped`` says why
    it ends there. Raises RejectedFault where the mapping or the file as a whole cannot be used, and lets whatever
    ``record`` raises through (what was acknowledged until then is in the ledger; run the import again).
    """
    if not isinstance(mapping, Mapping):
        mapping = load_mapping(mapping)
    file = Path(path)
    table = read_table(file, mapping.layout)
    builder = RowBuilder(mapping, table.headings)
    report = _empty_report(mapping, builder, dry_run)
    sink = _Rehearsal().outcomes if dry_run else _intake(record, reject)
    pending: list[tuple[int, bytes | Rejected]] = []

    def flush() -> None:
        outcomes = sink([item for _, item in pending])
        for (number, _), outcome in zip(pending, outcomes, strict=True):
            report.count(number, outcome)
        pending.clear()
        if progress is not None:
            progress(report.rows, max(report.rows, table.about))

    rows = iter(table.rows)
    while True:
        try:
            row = next(rows, None)
        except RejectedFault as fault:
            report.stopped = fault.problem
            break
        if row is None:
            break
        report.rows += 1
        built = builder.build(row)
        if isinstance(built, UnmappedRow):
            report.unmapped_rows += 1
            pending.append((row.number, _refused_row(mapping, builder, row, built, file.name)))
        else:
            pending.extend((row.number, body) for body in built.events)
            for rule in built.flags:
                report.flag(rule, row.number)
        if len(pending) >= batch_events:
            flush()
    flush()
    return report


def _empty_report(mapping: Mapping, builder: RowBuilder, dry_run: bool) -> ImportReport:
    says = {rule.name: rule.says for rule in mapping.rules}
    for codes in mapping.codes.values():
        if codes.fallback is not None:
            says.setdefault(codes.unmapped_rule, f"a local code is not listed; taken as {codes.fallback!r}")
        if codes.variants:
            says.setdefault(codes.variant_rule, "a local code in another spelling")
    return ImportReport(
        mapping=mapping.name,
        dry_run=dry_run,
        flags=dict.fromkeys(says, 0),
        says=says,
        unused_columns=builder.unused_columns,
    )


def _refused_row(mapping: Mapping, builder: RowBuilder, row: TableRow, found: UnmappedRow, file_name: str) -> Rejected:
    # A row that can be read is the same rejection from whichever file it comes; one that cannot be read is known by
    # its file and its bytes alone.
    cells: dict[str, Any] = (
        {
            "file": file_name,
            "row": row.number,
            "bytes": len(row.raw),
            "sha256": hashlib.sha256(row.raw).hexdigest(),
            "base64": b64encode(row.raw[:UNREADABLE_BYTES_KEPT]).decode(),
        }
        if row.spoiled
        else {"row": row.number, "cells": builder.cells(row)}
    )
    return Rejected(
        raw=orjson.dumps({"mapping": mapping.name, **cells}),
        problem=refused_row(row.number, found.reasons, unlisted_code=found.unlisted_code),
        source=None if row.spoiled else builder.source(row),
        id=None if row.spoiled else builder.name(row),
        agency=mapping.agency,
    )


def _intake(record: Record, reject: Reject | None) -> Callable[[Sequence[bytes | Rejected]], list[Outcome]]:
    """The live sink: events to ``record``, refused rows to ``reject``, outcomes in the order of the submissions."""

    def outcomes(items: Sequence[bytes | Rejected]) -> list[Outcome]:
        if not items:
            return []
        if reject is None:
            return record([item.raw if isinstance(item, Rejected) else item for item in items])
        refused = [item for item in items if isinstance(item, Rejected)]
        events = [item for item in items if not isinstance(item, Rejected)]
        kept = iter(reject(refused) if refused else [])
        recorded = iter(record(events) if events else [])
        return [next(kept) if isinstance(item, Rejected) else next(recorded) for item in items]

    return outcomes


class _Rehearsal:
    """The dry run's sink: the intake's own verdicts, and the identities seen so far in the file."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], bytes] = {}

    def outcomes(self, items: Sequence[bytes | Rejected]) -> list[Outcome]:
        return [self._outcome(item if isinstance(item, Rejected) else validate(item)) for item in items]

    def _outcome(self, verdict: Accepted | Rejected) -> Outcome:
        if isinstance(verdict, Rejected):
            return Outcome("rejected", verdict.source, verdict.id, problem=verdict.problem)
        identity = (verdict.source, verdict.id)
        first = self._seen.setdefault(identity, verdict.digest)
        if first is verdict.digest:
            return Outcome("recorded", *identity)
        return Outcome("duplicate" if first == verdict.digest else "conflict", *identity)
