"""Which rows of a population fall in a cell, as SQL.

Here because a list of rows, the events behind a number and the comparison of two definitions all begin with the same
choice, and must not choose differently.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, false, or_, select, true
from sqlalchemy.sql import ColumnElement

from contracts.kpi import Return
from projections.dialect import spanned
from projections.kpi import sql_timed
from projections.kpi.joined import source
from projections.kpi.periods import shift
from projections.kpi.question import Question
from projections.kpi.returns import reach_months
from projections.kpi.sql import compile_condition


def inside(question: Question) -> ColumnElement[bool]:
    """The rows of the population's table that fall in the cell and are in scope.

    Of a timing, those that stand at the period's end; of a return, those of the period.
    """
    definition = question.definition
    table = source(question.population)
    if question.nobody:
        return false()
    met: list[ColumnElement[bool]] = [true()]
    at_us = question.as_of_us
    if definition.timing is not None:
        if question.end is None:
            return false()
        at_us = question.end.at_us
        met.append(sql_timed.standing(definition, table, question.end))
    elif question.months is not None:
        met.append(table.c[definition.period.on].in_(sorted(question.months)))
    if question.member is not None and definition.group_by is not None:
        met.append(table.c[definition.group_by] == question.member)
    if definition.scope is not None:
        met.append(compile_condition(definition.scope, table, at_us))
    return and_(*met)


def needed(question: Question) -> ColumnElement[bool]:
    """The rows that decide the cell: those inside and, of a return, what the same persons' rows say before and after.

    Every row of the period, whoever's group it is of, and of the months after it in which a return is looked for.
    """
    definition = question.definition
    measure = definition.measure
    if not isinstance(measure, Return):
        return inside(question)
    table = source(question.population)
    person: ColumnElement[Any] = table.c[measure.person]
    met = [or_(inside(question), person.in_(select(person).where(inside(question), person.is_not(None))))]
    if question.months is not None:
        month = table.c[definition.period.on]
        first, last = min(question.months), max(question.months)
        met.append(spanned(month, first, shift(last, reach_months(measure))))
    if definition.scope is not None:
        met.append(compile_condition(definition.scope, table, question.as_of_us))
    return and_(*met)
