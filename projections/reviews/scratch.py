"""Tables of a number's own in memory, in which some subjects can be told again as if fewer events had been recorded.

Here for numbers whose rows depend on each other or on several tables: what they count is then counted by the same code
as ever, over copies of the rows as they are, with the rows of a few subjects folded anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, select
from sqlalchemy.engine import Connection

from contracts.ports import LogReader
from contracts.recorded import Recorded
from projections import statements
from projections.fold import Fold
from projections.kpi.memory import MemoryStore
from projections.models import MODELS
from projections.reviews.later import Later
from projections.tables import METADATA


class Scratch:
    """Copies of some rows, and the events of the subjects that may be told again. To be closed.

    ``later`` are the events about these subjects since the review, and those that take one of theirs away, by
    log_index.
    """

    def __init__(
        self,
        connection: Connection,
        reader: LogReader,
        later: Later,
        zone: str,
        copied: Mapping[Table, ColumnElement[bool] | None],
        subjects: Collection[str],
    ) -> None:
        self._later = later
        self._subjects = sorted(subjects)
        self._fold = Fold(MODELS, zone)
        self._store = MemoryStore()
        self._rows = later.touching()
        known = [event for some in statements.chunks(self._subjects) for event in reader.by_subject(some, later.upto)]
        self._earlier = [event for event in known if event.log_index <= later.after]
        self.later = {event.log_index: event for event in known if event.log_index > later.after}
        for subject in self._subjects:
            self.later.update({event.log_index: event for event in self._rows.get(subject, ())})
        with self._store.write() as memory:
            METADATA.create_all(memory)
            for table, where in copied.items():
                query = select(table) if where is None else select(table).where(where)
                rows = [tuple(row) for row in connection.execute(query)]
                if rows:
                    statements.write_rows(memory, statements.insert(table), rows)

    def told(self, memory: Connection, with_later: Iterable[int]) -> None:
        """Make the rows of the subjects be those of the earlier events and of these later ones."""
        taken = set(with_later)
        gone = self._later.gone_before | self._later.targets(taken)
        mine = set(self._subjects)
        events: Sequence[Recorded] = [
            event
            for event in (*self._earlier, *(self.later[index] for index in sorted(taken) if index in self.later))
            if event.subject in mine
            and (event.kind == "decision" or (event.source, event.id, event.agency) not in gone)
        ]
        self._fold.refold(memory, self._subjects, events)

    def writing(self) -> Any:
        """The tables, for one evaluation."""
        return self._store.write()

    def close(self) -> None:
        """Give the memory back."""
        self._store.close()
