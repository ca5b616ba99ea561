"""The language in which read models are declared: slots, collections, derived columns.

It is here so that one declaration can be executed twice, event by event (``fold``) and over whole columns of
the log (``vectorised``), and so that both give the same rows whatever the order of arrival. Every column is a
*merge*: it keeps the winner of an order that does not depend on arrival, ``(time, source, id)``, and stores
enough of that order in the row to merge again. Such merges are associative, commutative and idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

Kind = Literal["text", "integer", "real", "json"]
Pick = Literal["first", "last"]
Row = list[Any]
"""The values of one row in the order of ``Model.columns``."""

SEPARATOR = "\n"
"""Between source and id in an identity column. CloudEvents allows no control character in either, and this
one sorts before every character that is allowed, so comparing joined identities equals comparing the
pairs."""


def identity(source: str, id: str) -> str:
    """The text under which a row remembers the event that won one of its slots."""
    return source + SEPARATOR + id


def split_identity(text: str) -> tuple[str, str]:
    """The ``(source, id)`` behind an identity column."""
    source, _, event_id = text.partition(SEPARATOR)
    return source, event_id


def json_text(value: Any) -> str | None:
    """A payload value as it is kept in a JSON column: compact, keys sorted; None where there is none."""
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


@dataclass(frozen=True, slots=True)
class Fill:
    """One column that a slot fills from the event that won it."""

    column: str
    origin: Literal["time", "agency", "won", "verb", "data"]
    path: tuple[str, ...] = ()
    kind: Kind = "text"


def at(column: str) -> Fill:
    """When the winner happened: UTC microseconds, NULL where its sender knew no moment."""
    return Fill(column, "time", kind="integer")


def by_agency(column: str) -> Fill:
    """The agency that spoke."""
    return Fill(column, "agency")


def won(column: str) -> Fill:
    """1 where an event won the slot, dated or not; NULL otherwise."""
    return Fill(column, "won", kind="integer")


def verb(column: str) -> Fill:
    """What the winner's type says happened, where a slot takes several: ``disbursed`` of ``funding.disbursed``."""
    return Fill(column, "verb")


def verb_of(event_type: str) -> str:
    """What a type says happened: what follows its noun."""
    return event_type.partition(".")[2]


def data(column: str, path: str | None = None, kind: Kind = "text") -> Fill:
    """A payload field; ``path`` may descend with dots (``period.from``) and defaults to the column's name."""
    return Fill(column, "data", tuple((path or column).split(".")), kind)


@dataclass(frozen=True, slots=True)
class Where:
    """Restricts a slot to events whose payload field has one of these values; without values, to those that
    have the field at all."""

    path: str
    values: frozenset[str] | None = None

    def admits(self, value: Any) -> bool:
        """Whether an event with this value in the field may win the slot."""
        return value is not None if self.values is None else value in self.values


@dataclass(frozen=True, slots=True)
class Slot:
    """The earliest or latest event of some types about a row, by ``(time, source, id)``.

    An unknown time loses to every known one in both directions. The row keeps the winner's time (in the
    column of an ``at`` fill, or in ``<name>_us``) and its identity (in ``<name>_event``), which is what makes
    the next merge possible and tells a reader which event a value came from.
    """

    name: str
    pick: Pick
    types: tuple[str, ...]
    fills: tuple[Fill, ...]
    where: Where | None = None

    @property
    def time_column(self) -> str:
        """The column that holds the winner's time."""
        return next((fill.column for fill in self.fills if fill.origin == "time"), f"{self.name}_us")

    @property
    def identity_column(self) -> str:
        """The column that holds the winner's identity."""
        return f"{self.name}_event"


@dataclass(frozen=True, slots=True)
class Collect:
    """Every event of some types about a row, kept as a JSON list ordered by ``(source, id)``: a union by
    identity.

    Each element is ``{"source", "id", "time", "agency"}`` and the named payload fields (null where absent).
    """

    column: str
    types: tuple[str, ...]
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Derived:
    """A column that is a pure function of other columns of its row; a zoned one is given the time zone
    first."""

    column: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    kind: Kind = "text"
    zoned: bool = False


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A row for every subject with this prefix, keyed by what follows it (``call/`` -> the call)."""

    prefix: str


@dataclass(frozen=True, slots=True)
class DataKey:
    """A row for every combination of payload fields. Only for types that cannot be superseded (decisions),
    because a row is found again from its events, not its events from the row."""

    fields: tuple[str, ...]
    separator: str = "/"


@dataclass(frozen=True, slots=True)
class Expansion:
    """Rows that follow purely from one row of a model and are replaced with it (obligations of a commitment).

    ``function`` takes the parent row by column name and the time zone, and returns rows in the order of
    ``columns``; ``parent`` is the column by which the parent's key is found in them.
    """

    table: str
    key: str
    parent: str
    columns: tuple[tuple[str, Kind], ...]
    function: Callable[[Mapping[str, Any], str], list[tuple[Any, ...]]]
    indexes: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Model:
    """One read model: a table of rows, each the merge of the events about one key.

    Its columns, in order: the key, what the slots fill, the orders of the slots, the collections, the derived
    ones.
    """

    name: str
    key_column: str
    key: SubjectKey | DataKey
    slots: tuple[Slot, ...] = ()
    collects: tuple[Collect, ...] = ()
    derived: tuple[Derived, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    expansion: Expansion | None = None
    columns: tuple[tuple[str, Kind], ...] = field(init=False)

    def __post_init__(self) -> None:
        columns: dict[str, Kind] = {self.key_column: "text"}

        def add(column: str, kind: Kind) -> None:
            if column in columns:
                raise ValueError(f"model {self.name} declares the column {column} twice")
            columns[column] = kind

        for slot in self.slots:
            for fill in slot.fills:
                add(fill.column, fill.kind)
        for slot in self.slots:
            if slot.time_column not in columns:
                add(slot.time_column, "integer")
            add(slot.identity_column, "text")
        for collect in self.collects:
            add(collect.column, "json")
        for derived in self.derived:
            missing = [name for name in derived.inputs if name not in columns]
            if missing:
                raise ValueError(f"model {self.name} derives {derived.column} from unknown columns {missing}")
            add(derived.column, derived.kind)
        object.__setattr__(self, "columns", tuple(columns.items()))

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, the key first."""
        return tuple(name for name, _ in self.columns)

    @property
    def types(self) -> frozenset[str]:
        """The event types this model listens to."""
        slots = (name for slot in self.slots for name in slot.types)
        collects = (name for collect in self.collects for name in collect.types)
        return frozenset((*slots, *collects))

    @property
    def month_column(self) -> str | None:
        """The column that says in which month a row counts, if the model has one."""
        return "month" if "month" in self.column_names else None


def coalesce(*values: Any) -> Any:
    """The first value that is not NULL."""
    for value in values:
        if value is not None:
            return value
    return None


def earliest(*values: int | None) -> int | None:
    """The least of the values that are not NULL."""
    known = [value for value in values if value is not None]
    return min(known) if known else None


def any_won(*values: int | None) -> int | None:
    """1 where one of the slots has a winner, else NULL."""
    return 1 if any(values) else None


def look_up(payload: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The payload value at a path, None where a step is absent."""
    value: Any = payload
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value
