"""One select over all shared facts: who claims what of whom, in which state, and how much of it is confirmed.

Here so that sums, the matrix and the list of two agencies are one reading of the same rows, made by the
database: a summary over a million referrals loads none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Float, Text, and_, case, cast, func, literal, not_, null, or_, select, union_all
from sqlalchemy.sql import ColumnElement, FromClause, Select
from sqlalchemy.sql.selectable import Subquery

from contracts.kpi import Condition
from projections.halves.facts import CLAIMED, FACTS, SharedFact
from projections.kpi.populations import table_of
from projections.kpi.sql import compile_condition

Meets = Callable[[Condition], ColumnElement[bool]]

NO_CLOCK = 0
"""No condition of a shared fact looks at the clock; grace is counted apart."""


@dataclass(frozen=True, slots=True)
class _Joined:
    """What a condition is compiled over: a table's columns and the borrowed ones."""

    c: Mapping[str, ColumnElement[Any]]


def items(facts: Sequence[SharedFact] = tuple(FACTS.values())) -> Subquery:
    """Every claim and every half without a first of these facts.

    Columns: ``fact``, ``key``, ``subject``, ``claimer`` (NULL where the first half is missing and nobody can
    tell whose it is), ``other`` (who is to confirm; for what is unmatched who spoke; NULL where nobody is named),
    ``state``, ``at`` (UTC microseconds: of the claim, or of the half that stands alone; NULL where unknown),
    ``unit``, and the quantities ``claimed``, ``confirmed``, ``disputed`` and ``pending`` (NULL where the fact has
    none, and where nothing was claimed; ``sums.Amounts.told`` takes the difference of two of them exactly).
    """
    return union_all(*(_items_of(fact) for fact in facts)).subquery("items")


def items_about(fact: SharedFact, name: str) -> Subquery:
    """As ``items``, of one fact and one subject (what follows its prefix), found by an index."""
    about = table_of(fact.population).c[fact.about]
    return _items_of(fact).where(about == name).subquery("items")


@lru_cache(maxsize=32)
def _items_of(fact: SharedFact) -> Select[Any]:
    # Kept: building the expressions takes longer than reading a page of them.
    table = table_of(fact.population)
    source: FromClause = table
    columns: dict[str, ColumnElement[Any]] = dict(table.c.items())
    for loan in fact.borrowed:
        other_table = table_of(loan.table)
        source = source.outerjoin(other_table, other_table.c[loan.key] == table.c[loan.by])
        columns[loan.column] = other_table.c[loan.source]

    def column(name: str) -> ColumnElement[Any]:
        return columns[name]

    def meets(condition: Condition) -> ColumnElement[bool]:
        return compile_condition(condition, _Joined(columns), NO_CLOCK)

    claimer = column(fact.claimed_by)
    shared = meets(fact.claimed)
    claim = case((meets(fact.disputed), "disputed"), (meets(fact.confirmed), "confirmed"), else_="pending")
    # Whatever is no claim is unmatched: no other rows are selected.
    state = case((shared, claim), else_="unmatched")
    named = case(*((_another(column(name), claimer), column(name)) for name in fact.others), else_=null())
    seconds = (*fact.confirmations, *fact.disputes)
    spoke = case(*((_another(column(s.agency), claimer), column(s.agency)) for s in seconds), else_=null())
    spoken_at = func.coalesce(*(column(s.at) for s in seconds), null())
    quantities = _quantities(fact, column, meets, state)
    return (
        select(
            literal(fact.name).label("fact"),
            column(fact.key).label("key"),
            (literal(fact.subject) + column(fact.about)).label("subject"),
            claimer.label("claimer"),
            case((shared, named), else_=func.coalesce(spoke, named)).label("other"),
            case((shared, column(fact.claimed_at)), else_=spoken_at).label("at"),
            state.label("state"),
            quantities["unit"].label("unit"),
            *(cast(quantities[name], Float).label(name) for name in ("claimed", *CLAIMED)),
        )
        .select_from(source)
        .where(or_(shared, meets(fact.unmatched)))
    )


def _another(agency: ColumnElement[Any], claimer: ColumnElement[Any]) -> ColumnElement[bool]:
    """Somebody is named and is not the claimer."""
    return and_(agency.is_not(None), or_(claimer.is_(None), agency != claimer))


def _quantities(
    fact: SharedFact, column: Callable[[str], ColumnElement[Any]], meets: Meets, state: ColumnElement[Any]
) -> dict[str, ColumnElement[Any]]:
    """Unit and quantities by name; each claimed quantity is confirmed, disputed or pending, in whole or in part.

    More than was claimed confirms what was claimed and no more.
    """
    quantity = fact.quantity
    if quantity is None:
        return {"unit": cast(null(), Text), **dict.fromkeys(("claimed", *CLAIMED), cast(null(), Float))}
    claimed = func.coalesce(column(quantity.claimed), 0)
    part: ColumnElement[Any] = literal(0)
    if quantity.confirmed is not None and quantity.partly is not None:
        answered = func.coalesce(column(quantity.confirmed), 0)
        part = case((not_(meets(quantity.partly)), 0), (answered < claimed, answered), else_=claimed)
    is_claim = state != "unmatched"
    return {
        "unit": func.coalesce(column(quantity.unit_column) if quantity.unit_column else literal(quantity.unit), ""),
        "claimed": case((is_claim, claimed)),
        "confirmed": case((state == "confirmed", claimed), (state == "disputed", part), (is_claim, 0)),
        "disputed": case((state == "disputed", claimed - part), (is_claim, 0)),
        "pending": case((state == "pending", claimed), (is_claim, 0)),
    }
