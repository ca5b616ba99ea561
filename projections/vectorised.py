"""The rebuild: the same declarations as the incremental fold, executed over whole columns of the log.

Here because rebuilding must be cheap enough to be the answer to every change of a declaration: rows, their
events and the winners of their slots are found with numpy over typed columns, a body is read only where a
payload field of it fills a column, and rows are written in bulk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.engine import Connection

from projections import statements
from projections.columns import Columns
from projections.corrections import SupersededRow
from projections.filling import Filling, Stretch
from projections.merges import DataKey, Model, SubjectKey
from projections.payloads import Payloads, attribute, decoders, supersession
from projections.winners import Ints

EVENTS_AT_ONCE = 40_000
"""The stretch of the log whose rows are built and written together: bounds the memory of decoded events."""

CORRECTIONS = ("record.corrected", "record.voided")
"""Types that name what they supersede in their data."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """A model's events grouped by row; rows are numbered in the order in which the log first speaks of them.

    ``positions`` are sorted by row, then by place in the log; those of row ``r`` are
    ``positions[starts[r] : starts[r + 1]]``. ``firsts`` is where each row is first spoken of.
    """

    model: Model
    keys: list[str]
    positions: Ints
    starts: Ints
    firsts: Ints


class Rebuild:
    """One rebuild of some models from one run of the log into empty tables."""

    def __init__(self, columns: Columns, zone: str, progress: Callable[[int], None]) -> None:
        self._columns = columns
        self._zone = zone
        self._progress = progress
        self.superseded: set[SupersededRow] = set()

    def run(self, connection: Connection, models: Sequence[Model]) -> None:
        """Writes every row of the models. Their tables must be empty."""
        columns = self._columns
        self._exclude_superseded()
        self._decoders = decoders(columns.types, models)
        plans = [plan for model in models if (plan := self._plan(model)) is not None]
        for start in range(0, len(columns), EVENTS_AT_ONCE):
            fillings = []
            for plan in plans:
                first, end = np.searchsorted(plan.firsts, (start, start + EVENTS_AT_ONCE)).tolist()
                if end > first:
                    fillings.append(Filling(columns, self._stretch(plan, first, end), self._zone))
            wanted = [positions for filling in fillings for positions in filling.wanted()]
            payloads = Payloads(columns, self._decoders, wanted)
            for filling in fillings:
                filling.fill(payloads)
                filling.write(connection)
            self._progress(min(EVENTS_AT_ONCE, len(columns) - start))

    def _exclude_superseded(self) -> None:
        """Finds what is superseded and leaves it out, before anything is folded."""
        columns = self._columns
        superseding = np.flatnonzero(columns.hot.supersedes)
        speakers = columns.agencies(superseding).tolist()
        for position, agency, body in zip(superseding.tolist(), speakers, columns.bodies(superseding), strict=True):
            event = supersession(body)
            named = columns.types[columns.codes[position]].name in CORRECTIONS
            target = str(event.data["supersedes"] if named else event.supersedes)
            known_at = int(columns.hot.recorded_at_us[position])
            self.superseded.add((event.source, target, agency, event.source, event.id, known_at))
        targets = {row[:3] for row in self.superseded}
        for chunk in statements.chunks(sorted({target[:2] for target in targets})):
            for found in columns.reader.by_identity(chunk, columns.upto):
                if found.kind == "statement" and (found.source, found.id, found.agency) in targets:
                    columns.live[columns.position(found.log_index)] = False

    def _plan(self, model: Model) -> _Plan | None:
        """Which events make which rows; None where there are none."""
        columns = self._columns
        positions = columns.of_types(model.types)
        if len(positions) == 0:
            return None
        if isinstance(model.key, SubjectKey):
            numbers = columns.hot.subject_id[positions]
        else:
            texts, numbers = self._data_keys(model.key, positions)
        # The first place of each key: written backwards, so that the first one stands.
        first_of = np.full(int(numbers.max()) + 1, -1, dtype=np.int64)
        first_of[numbers[::-1]] = positions[::-1]
        present = np.flatnonzero(first_of >= 0)
        by_age = present[np.argsort(first_of[present], kind="stable")]
        row_of = np.empty(len(first_of), dtype=np.int64)
        row_of[by_age] = np.arange(len(by_age))
        rows = row_of[numbers]
        order = np.argsort(rows, kind="stable")
        starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(by_age)))))
        if isinstance(model.key, SubjectKey):
            prefix = model.key.prefix
            keys = [subject.removeprefix(prefix) for subject in columns.texts[by_age].tolist()]
        else:
            keys = [texts[number] for number in by_age.tolist()]
        return _Plan(model, keys, positions[order], starts, first_of[by_age])

    def _data_keys(self, key: DataKey, positions: Ints) -> tuple[list[str], Ints]:
        """The distinct keys taken from payloads, and for each event the number of its key."""
        known: dict[str, int] = {}
        attributes = [attribute(name) for name in key.fields]
        payloads = Payloads(self._columns, self._decoders, [positions]).at(positions)
        texts = (key.separator.join(str(getattr(data, name)) for name in attributes) for data in payloads)
        numbers = np.array([known.setdefault(text, len(known)) for text in texts], dtype=np.int64)
        return list(known), numbers

    def _stretch(self, plan: _Plan, first: int, end: int) -> Stretch:
        """Consecutive rows of a plan."""
        columns = self._columns
        positions = plan.positions[plan.starts[first] : plan.starts[end]]
        return Stretch(
            plan.model,
            plan.keys[first:end],
            np.repeat(np.arange(end - first), np.diff(plan.starts[first : end + 1])),
            positions,
            columns.codes[positions],
            columns.hot.time_us[positions],
            columns.identities(positions),
        )
