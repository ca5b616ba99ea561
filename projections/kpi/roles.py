"""The rows of a cell with the part each has in it: counted, in the numerator, left out and why, and by how much.

Here because a number is compared row by row with another one, under whatever definition; the part a row has is found by
the reference evaluator, apart from the SQL by which the cells are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.kpi import Concentration, Latest, Ratio, Return
from projections.kpi import reference, returns, timed
from projections.kpi.counting import Valued
from projections.kpi.definitions import Definitions
from projections.kpi.evidence import OWN_ROWS, built_rows
from projections.kpi.figures import ALL_GROUPS
from projections.kpi.inside import inside, needed
from projections.kpi.joined import source
from projections.kpi.measures import parts_of
from projections.kpi.periods import ALL, UNDATED, grain_of
from projections.kpi.populations import Population, Row, table_of
from projections.kpi.question import Question
from projections.kpi.reference import Verdict
from projections.kpi.sides import Side

Kind = Literal["absent", "excluded", "further", "denominator", "numerator", "less"]

_ROWS_AT_ONCE = 2_000
_ORDER = {"rows": 0, "numerator": 1, "less": 2}


@dataclass(frozen=True, slots=True, order=True)
class Role:
    """How a row counts in a cell: not at all, left out for ``reason``, or counted, in the numerator or not.

    ``less`` is what a ratio takes off its numerator; ``further`` a row of a person who counts by another one. ``parts``
    are the further shares, or the part of a split, in which the row is counted.
    """

    kind: Kind
    reason: str = ""
    parts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The role as one word, the same for the same role."""
        told = f"{self.kind}:{self.reason}" if self.reason else self.kind
        return f"{told}({'+'.join(self.parts)})" if self.parts else told

    def to_json(self) -> dict[str, Any]:
        return {"role": self.kind, "reason": self.reason, "parts": list(self.parts)}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one row stands in one cell: its role, what it adds to numerator and denominator, and what was measured."""

    role: Role = Role("absent")
    numerator: int = 0
    denominator: int = 0
    measured: object = None


ABSENT = Place()


@dataclass(frozen=True, slots=True)
class Placed:
    """A row of a cell. ``order`` sorts rows as they come, and is the same for the same row of another definition."""

    order: tuple[Any, ...]
    population: Population
    key: str
    subject: str
    place: Place


def adds_up(question: Question) -> bool:
    """Whether numerator and denominator of a cell are sums over its rows."""
    measure = question.definition.measure
    if measure.kind == "value" or (isinstance(measure, Ratio) and measure.matched):
        return False
    return all(side.definition.distinct is None for side, _ in question.of_sides())


def placed_rows(
    question: Question, connection: Connection, definitions: Definitions, valued: Valued
) -> Iterator[Placed]:
    """Every row in the cell's period, group and scope, each once a side, in the order of ``Placed.order``.

    A group that the definition does not have holds no rows.
    """
    part = question.group.partition(":")[2] if question.group in parts_of(question.definition) else ""
    if question.group != ALL_GROUPS and not part and question.member is None:
        return
    for side, asked in question.of_sides():
        persons = _persons(asked, connection)
        for order, row in _rows(asked, connection, definitions, valued):
            verdict = reference.judge(asked.definition, row, asked.judged_us)
            if verdict is None:
                continue
            population = asked.population
            key = population.key(row)
            place = _place(question, side, asked, row, verdict, part, persons, key)
            order_of = (_ORDER[side.role], population.name, *order)
            yield Placed(order_of, population, key, population.subject(row), place)


def _rows(
    question: Question, connection: Connection, definitions: Definitions, valued: Valued
) -> Iterator[tuple[tuple[Any, ...], Row]]:
    """The rows of one side with what orders them."""
    population = question.population
    if population.built:
        made = built_rows(question, connection, definitions, valued)
        if isinstance(question.definition.timing, Latest) and question.end is not None:
            made = timed.standing(question.definition, made, question.end)
        yield from sorted((((population.key(row),), row) for row in made), key=lambda pair: pair[0])
        return
    keys = list(table_of(population.table or population.name).primary_key.columns)
    columns = dict(source(population).c.items())
    wanted = _named(question) | {key.name for key in keys} | {population.subject_column}
    names = [name for name in columns if name in wanted]
    query = select(*(columns[name].label(name) for name in names)).where(inside(question)).order_by(*keys)
    places = [names.index(key.name) for key in keys]
    for found in connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
        values = tuple(found)
        yield tuple(values[place] for place in places), dict(zip(names, values, strict=True))


def _named(question: Question) -> set[str]:
    """Every word of a definition: the columns that it may look at are among them."""
    named: set[str] = set()
    left: list[Any] = [question.definition.model_dump(mode="json", by_alias=True)]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            left.extend(part.values())
        elif isinstance(part, list):
            left.extend(part)
        elif isinstance(part, str):
            named.add(part)
    return named


def _place(
    question: Question,
    side: Side,
    asked: Question,
    row: Row,
    verdict: Verdict,
    part: str,
    persons: dict[str, Role] | None,
    key: str,
) -> Place:
    definition = asked.definition
    weight = 1 if definition.weight is None else int(row[definition.weight] or 0)
    amount = weight if verdict.amount is None else verdict.amount
    if verdict.excluded:
        return Place(Role("excluded", verdict.excluded))
    if persons is not None:
        role = persons.get(key, Role("further"))
        return Place(role, int(role.kind == "numerator"), int(role.kind in ("numerator", "denominator")))
    if isinstance(question.definition.measure, Ratio):
        if side.role == OWN_ROWS:
            return Place(Role("denominator"), 0, amount)
        return Place(Role(side.role), amount if side.role == "numerator" else -amount, 0)
    counted = part in verdict.counts if part else verdict.numerator
    of = isinstance(definition.measure, Concentration)
    return Place(
        Role("numerator" if counted and not of else "denominator", parts=tuple(verdict.counts)),
        amount if counted and not of else 0,
        amount if of else weight,
        (verdict.value, verdict.values, verdict.reported),
    )


def _persons(question: Question, connection: Connection) -> dict[str, Role] | None:
    """Of a return, the roles of the rows by which persons count, by key; None of any other measure."""
    definition, measure = question.definition, question.definition.measure
    if not isinstance(measure, Return):
        return None
    query = select(*(column.label(name) for name, column in source(question.population).c.items()))
    rows = [dict(row) for row in connection.execute(query.where(needed(question))).mappings()]
    roles: dict[str, Role] = {}
    for place, persons in returns.by_person(returns.visits(definition, rows, question.as_of_us)).items():
        # All time is the sum of the years, in each of which a person counts once.
        of_all = question.period == ALL and (place == UNDATED or grain_of(place) == "year")
        if not of_all and place != question.period:
            continue
        for mine in persons.values():
            if question.member is None or mine[0].group == question.member:
                roles[mine[0].key] = _returned(returns.stand(measure, mine, measure.days, question.as_of_us))
    return roles


def _returned(stand: bool | None) -> Role:
    if stand is None:
        return Role("excluded", returns.WINDOW_OPEN)
    return Role("numerator" if stand else "denominator")


__all__ = ["ABSENT", "Kind", "Place", "Placed", "Role", "adds_up", "placed_rows"]
