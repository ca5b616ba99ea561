"""The read models behind one port: what a runner drives and what an operator rebuilds.

Here so that following the log, correcting it and rebuilding from it are three uses of the same declarations
in one transaction each. Nothing in here reads a clock, and nothing but the log decides what a row says.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import delete, select
from sqlalchemy.engine import Connection

from contracts.ports import LogReader, Progress, Store
from contracts.recorded import Recorded
from projections import dialect, statements
from projections.corrections import Corrections, Target, write_superseded
from projections.fold import Dirty, Fold
from projections.merges import Model
from projections.models import MODELS
from projections.tables import DIRTY_PERIODS, EVERYTHING, METADATA, VIEW_STATE
from projections.tallies import tally

FOLD_VERSION = 3
"""Raised when the meaning of a declaration changes without its text changing."""

Refresh = Callable[[Store, LogReader, int], int]
"""Brings cells up to date: (store, reader, now as UTC microseconds) -> how many changed."""

Done = Callable[[Connection, int], None]
"""Called at the end of a rebuild, in its transaction, with the log_index it reached: to set the position
there."""

_HIGH = "high_water"
_MARK = statements.insert_new(DIRTY_PERIODS)


class Views:
    """Every read model, in the time zone of the partnership. One instance serves one store at a time.

    ``on_refresh`` is what ``refresh`` delegates to; it is handed in because cells are somebody else's.
    """

    def __init__(
        self, zone: str, on_refresh: Refresh | None = None, *, models: Sequence[Model] = MODELS, name: str = "views"
    ) -> None:
        """``name`` is that of a generation, ``contracts.ports.views_name``, where there are several."""
        self.name = name
        self.zone = zone
        self.version = _version(models, zone)
        self._models = tuple(models)
        self._on_refresh = on_refresh
        self._fold = Fold(self._models, zone)
        self._corrections = Corrections()

    def prepare(self, connection: Connection) -> None:
        """Creates the tables that are missing. Idempotent."""
        statements.make_missing(connection, METADATA)

    def key(self, event: Recorded) -> str:
        """The subject: what an event is about is what has to wait while one about it cannot be applied."""
        return event.subject

    def apply(self, connection: Connection, batch: Sequence[Recorded], reader: LogReader) -> None:
        """Folds a batch: what it supersedes, its live events, the rows of superseded ones, the tallies,
        dirty marks.

        The rows are safe to deliver again; the tallies are counts and rely on the caller's position, which is
        committed with them.
        """
        if not batch:
            return
        corrections = self._corrections
        corrections.sync(connection)
        newly = corrections.learn(connection, batch)
        high = max(self._high_water(connection), max(event.log_index for event in batch))
        dirty = self._fold.fold(connection, [event for event in batch if corrections.is_live(event)])
        if newly:
            dirty |= self._correct(connection, reader, newly, high)
        dirty |= tally(connection, batch, self.zone)
        statements.write_rows(connection, _MARK, sorted(dirty))
        self._set_high_water(connection, high)

    def refresh(self, store: Store, reader: LogReader, now_us: int) -> int:
        """Lets the cells follow the rows; 0 where nobody asked for cells."""
        return 0 if self._on_refresh is None else self._on_refresh(store, reader, now_us)

    def reset(self, connection: Connection) -> None:
        """Drops and makes every table, so that the log can be folded from its beginning."""
        self._make_empty(connection)
        self._index(connection)
        self._mark_everything(connection)

    def rebuild(
        self,
        store: Store,
        reader: LogReader,
        *,
        upto: int | None = None,
        progress: Progress | None = None,
        done: Done | None = None,
    ) -> int:
        """Makes every table again from the log up to ``upto`` (the head), in one transaction; returns where
        it ended.

        Readers go on seeing the old rows until it commits. ``done`` sets the position in the same
        transaction. Raises whatever a declaration raises on an event it cannot apply; nothing has changed
        then.
        """
        from projections.columns import Columns
        from projections.recount import recount
        from projections.vectorised import Rebuild

        with _no_cycle_collection(), store.write() as connection:
            dialect.of(connection).be_patient(connection)
            # Inside the transaction: what is recorded or folded before it begins must be in what it makes.
            reached = reader.head().log_index if upto is None else upto
            advance = _Advance(reached, progress)
            columns = Columns(reader, reader.hot_columns(0, reached))
            self._make_empty(connection)
            work = Rebuild(columns, self.zone, advance)
            if len(columns):
                work.run(connection, self._models)
                recount(connection, columns, self.zone)
            self._index(connection)
            write_superseded(connection, sorted(work.superseded))
            self._corrections.forget()
            self._corrections.sync(connection)
            connection.execute(delete(DIRTY_PERIODS))
            self._mark_everything(connection)
            self._set_high_water(connection, reached)
            if done is not None:
                done(connection, reached)
        advance.finish()
        return reached

    def _correct(self, connection: Connection, reader: LogReader, targets: Iterable[Target], upto: int) -> Dirty:
        """Folds again every row that a superseded event has touched."""
        is_live = self._corrections.is_live
        dirty: Dirty = set()
        for chunk in statements.chunks(sorted({(source, event_id) for source, event_id, _ in targets})):
            found = reader.by_identity(chunk, upto)
            subjects = sorted({event.subject for event in found if not is_live(event)})
            if subjects:
                events = [event for event in reader.by_subject(subjects, upto) if is_live(event)]
                dirty |= self._fold.refold(connection, subjects, events)
        return dirty

    def _make_empty(self, connection: Connection) -> None:
        statements.make_empty(connection, METADATA)

    def _index(self, connection: Connection) -> None:
        """Makes the secondary indexes; apart from the tables because filling an indexed table costs twice
        as much."""
        statements.make_indexes(connection, METADATA)

    def _mark_everything(self, connection: Connection) -> None:
        statements.write_rows(connection, _MARK, [(EVERYTHING, EVERYTHING)])

    def _high_water(self, connection: Connection) -> int:
        return connection.scalar(select(VIEW_STATE.c.value).where(VIEW_STATE.c.name == _HIGH)) or 0

    def _set_high_water(self, connection: Connection, high: int) -> None:
        statements.write_rows(connection, statements.upsert(VIEW_STATE), [(_HIGH, high)])


@contextmanager
def _no_cycle_collection() -> Iterator[None]:
    """Millions of small objects come and go and none is in a cycle: looking for cycles would cost a tenth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Advance:
    """Adds up how many events are done and passes it on."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done = 0
        self._total = total
        self._progress = progress

    def __call__(self, events: int) -> None:
        self._done = min(self._done + events, self._total)
        if self._progress is not None:
            self._progress(self._done, self._total)

    def finish(self) -> None:
        """All events are done, those that no model reads among them."""
        self(self._total - self._done)


def _version(models: Sequence[Model], zone: str) -> str:
    """Changes with every declaration: rows made under another version are built again."""
    text = [str(FOLD_VERSION), zone]
    for model in models:
        text.append(f"{model.name} {model.key} {model.columns}")
        for slot in model.slots:
            where = slot.where and (slot.where.path, sorted(slot.where.values or ()))
            text.append(f"{slot.name} {slot.pick} {slot.types} {slot.fills} {where}")
        text += [f"{collect}" for collect in model.collects]
        text += [f"{d.column} {d.function.__qualname__} {d.inputs}" for d in model.derived]
        if model.expansion is not None:
            text.append(f"{model.expansion.table} {model.expansion.columns}")
    return f"{FOLD_VERSION}-{hashlib.sha256(chr(10).join(text).encode()).hexdigest()[:12]}"
