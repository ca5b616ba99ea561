"""The ledger's recorder: how ``eventsourcing`` reads and writes the table ``log``, with its dense ``log_index``.

It is here so that the library reads and writes decisions through the same rows, transaction and tree as
everything else. Each back end joins it to the library's own recorder class for its database, so that the library's
conformance suite can be run on what the ledger really uses.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import Any, Literal, NoReturn, TypeVar
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    DatabaseError,
    DataError,
    InfrastructureFactory,
    IntegrityError,
    InterfaceError,
    InternalError,
    Notification,
    NotSupportedError,
    OperationalError,
    PersistenceError,
    ProcessRecorder,
    ProgrammingError,
    StoredEvent,
    Subscription,
)
from eventsourcing.utils import Environment

from contracts.faults import RejectedFault, problem
from contracts.ports import Clock
from contracts.recorded import Accepted
from domain.appending import Appending
from domain.back_end import Asking, BackEnd, TurnTaken, Writing
from domain.names import Names

T = TypeVar("T")

FORBIDDEN_SETTINGS = ("POSTGRES_ENABLE_DB_FUNCTIONS",)
"""Settings of the library under which a tailing reader passes over events that commit later."""

# From the particular to the general: PEP 249 gives the databases' errors and the library's the same names.
_ERRORS: tuple[type[PersistenceError], ...] = (
    InterfaceError,
    DataError,
    OperationalError,
    IntegrityError,
    InternalError,
    ProgrammingError,
    NotSupportedError,
    DatabaseError,
)


class DecisionStored(StoredEvent):
    """A stored event that knows its submission, and with it the CloudEvent columns of its row."""

    def __init__(self, originator_id: str, originator_version: int, topic: str, accepted: Accepted) -> None:
        """``state`` is exactly the canonical bytes as received."""
        super().__init__(originator_id, originator_version, topic, accepted.body)
        object.__setattr__(self, "accepted", accepted)

    accepted: Accepted


class LedgerFactory(InfrastructureFactory[Any]):
    """Stands where the library expects its factory, and makes nothing: the ledger hands in what it uses."""

    def __init__(self) -> None:
        """Raises RejectedFault ``settings_invalid`` where the environment asks for what would lose events."""
        for name in FORBIDDEN_SETTINGS:
            if any(key.endswith(name) for key in os.environ):
                raise RejectedFault(
                    problem(
                        "settings_invalid",
                        detail=f"{name} is set; under it a reader can miss events. Unset it.",
                    )
                )
        super().__init__(Environment("ledger", {}))

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """There is none."""
        _not_made()

    def application_recorder(self) -> ApplicationRecorder:
        """The ledger has its own."""
        _not_made()

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> Any:
        """There is none: positions are kept with the views."""
        _not_made()

    def process_recorder(self) -> ProcessRecorder:
        """There is none."""
        _not_made()


def _not_made() -> NoReturn:
    raise NotSupportedError("the ledger makes its recorder itself")


class LedgerRecorder(ApplicationRecorder):
    """Inserts and selects stored events of the table ``log``."""

    def keep_log(self, back_end: BackEnd, clock: Clock, originator_id_type: Literal["uuid", "text"]) -> None:
        """To be called once, first. ``clock`` gives ``recorded_at``; the ledger's originators are texts."""
        self._back_end = back_end
        self._clock = clock
        self._as_uuid = originator_id_type == "uuid"
        self._names = Names()
        self._open: Appending | None = None
        self._owner: int | None = None
        self._turn = Lock()

    def append(self, work: Callable[[Appending], T], *, wait: bool = True) -> T:
        """Do some work in one write transaction on the log: all of what it appends becomes durable, or none of it.

        Where ``wait`` is off and another is writing, raises ``TurnTaken`` and changes nothing. The work may be done
        again where its transaction is lost. Asking for a second one inside it is a RuntimeError.
        """
        if self._owner == get_ident():
            raise RuntimeError("this thread already has a write transaction open")
        # Held until the names are settled: they are kept or forgotten after the commit, and the next transaction must
        # not have learnt any by then.
        if not self._turn.acquire(blocking=wait):
            raise TurnTaken
        try:
            self._owner = get_ident()
            result = self._back_end.transact(lambda writing: self._fill(writing, work), wait=wait)
        except BaseException:
            self._names.forget()
            raise
        else:
            self._names.keep()
            return result
        finally:
            self._owner = None
            self._turn.release()

    def _fill(self, writing: Writing, work: Callable[[Appending], T]) -> T:
        # What an attempt that was lost had interned was never given out.
        self._names.forget()
        page = Appending(writing, self._names, self._clock())
        self._open = page
        try:
            result = work(page)
            page.close()
            return result
        finally:
            self._open = None

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append stored events; inside ``append`` they join its transaction. Returns their log_indexes."""
        page = self._joined()
        if page is not None:
            return _append(page, stored_events)
        with as_library_errors():
            return self.append(lambda page: _append(page, stored_events))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The stored events of an originator; inside ``append``, with those it has just appended."""
        conditions = ["originator_id = ?"]
        parameters: list[object] = [_text(originator_id)]
        if gt is not None:
            conditions.append("originator_version > ?")
            parameters.append(gt)
        if lte is not None:
            conditions.append("originator_version <= ?")
            parameters.append(lte)
        sql = (
            "SELECT originator_id, originator_version, text, state FROM log JOIN names ON names.id = topic_id "
            f"WHERE {' AND '.join(conditions)} ORDER BY originator_version {'DESC' if desc else 'ASC'}"
        )
        if limit is not None:
            sql += " LIMIT ?"
            parameters.append(limit)
        rows = self._ask(lambda asking: asking.ask(sql, parameters).fetchall())
        return [
            StoredEvent(
                originator_id=self._originator(originator), originator_version=version, topic=topic, state=state
            )
            for originator, version, topic, state in rows
        ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Stored events by log_index, from ``start``, at most ``limit``, up to ``stop`` included."""
        conditions: list[str] = []
        parameters: list[object] = []
        if start is not None:
            conditions.append("log_index >= ?" if inclusive_of_start else "log_index > ?")
            parameters.append(start)
        if stop is not None:
            conditions.append("log_index <= ?")
            parameters.append(stop)
        if topics:
            conditions.append(f"text IN ({','.join('?' * len(topics))})")
            parameters.extend(topics)
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        sql = (
            "SELECT log_index, originator_id, originator_version, text, state "
            f"FROM log JOIN names ON names.id = topic_id {where}ORDER BY log_index LIMIT ?"
        )
        rows = self._ask(lambda asking: asking.ask(sql, (*parameters, limit)).fetchall())
        return [
            Notification(
                id=log_index,
                originator_id=self._originator(originator),
                originator_version=version,
                topic=topic,
                state=state,
            )
            for log_index, originator, version, topic, state in rows
        ]

    def max_notification_id(self) -> int:
        """The last log_index, None where the log is empty (as the library's conformance suite asks)."""
        (last,) = self._ask(lambda asking: asking.ask("SELECT max(log_index) FROM log").fetchone()) or (None,)
        return last  # type: ignore[no-any-return]

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Not supported: the library's subscriptions miss a wake-up now and then. Readers ask from a log_index."""
        raise NotSupportedError("ask the reader for what stands after a log_index")

    def _ask(self, question: Callable[[Asking], T]) -> T:
        page = self._joined()
        if page is not None:
            return question(page.writing)
        with as_library_errors():
            return self._back_end.answer(question)

    def _joined(self) -> Appending | None:
        """The open transaction, where it is this thread's."""
        return self._open if self._owner == get_ident() else None

    def _originator(self, text: str) -> UUID | str:
        return UUID(text) if self._as_uuid else text


def _append(page: Appending, stored_events: Sequence[StoredEvent]) -> list[int]:
    if any(isinstance(event, DecisionStored) for event in stored_events):
        return [
            page.decision(event.accepted, str(event.originator_id), event.originator_version).log_index
            for event in stored_events
            if isinstance(event, DecisionStored)
        ]
    return page.foreign(stored_events, [_text(event.originator_id) for event in stored_events])


def _text(originator_id: UUID | str) -> str:
    return originator_id.hex if isinstance(originator_id, UUID) else originator_id


@contextmanager
def as_library_errors() -> Iterator[None]:
    """Errors of a database's driver, as the library's class of the same name."""
    try:
        yield
    except PersistenceError:
        raise
    except Exception as error:
        names = {kind.__name__ for kind in type(error).__mro__}
        for kind in _ERRORS:
            if kind.__name__ in names:
                raise kind(error) from error
        raise
