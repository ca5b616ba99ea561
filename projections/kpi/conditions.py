"""Walking the conditions of a definition: the columns they name, where they read the clock, what meets
them.

The meaning of every operator is written here once in plain Python; the SQL compiler must agree with it and
a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator

from contracts.kpi import (
    After,
    AllOf,
    AnyOf,
    Before,
    Condition,
    Count,
    Differs,
    ElapsedAtMost,
    Eq,
    Gap,
    In,
    IsNull,
    KpiDefinition,
    Ne,
    Not,
    NotNull,
    Past,
    Share,
    Split,
)
from projections.kpi.populations import Row

DAY_US = 86_400_000_000
SECOND_US = 1_000_000


def meets(condition: Condition, row: Row, as_of_us: int) -> bool:
    """Whether a row meets a condition, read at ``as_of_us``. A comparison with an absent value is not
    met."""
    match condition:
        case Eq():
            value = row[condition.column]
            return value is not None and value == condition.value
        case Ne():
            value = row[condition.column]
            return value is not None and value != condition.value
        case In():
            value = row[condition.column]
            return value is not None and value in condition.values
        case IsNull():
            return row[condition.column] is None
        case NotNull():
            return row[condition.column] is not None
        case Before():
            left, right = row[condition.column], row[condition.other]
            return left is not None and right is not None and left < right
        case After():
            left, right = row[condition.column], row[condition.other]
            return left is not None and right is not None and left > right
        case Differs():
            left, right = row[condition.column], row[condition.other]
            return left is not None and right is not None and left != right
        case ElapsedAtMost():
            start, end = row[condition.from_], row[condition.to]
            return start is not None and end is not None and end - start <= condition.seconds * SECOND_US
        case Past():
            value = row[condition.column]
            return value is not None and as_of_us >= value + condition.days * DAY_US
        case AllOf():
            return all(meets(inner, row, as_of_us) for inner in condition.conditions)
        case AnyOf():
            return any(meets(inner, row, as_of_us) for inner in condition.conditions)
        case Not():
            return not meets(condition.condition, row, as_of_us)


def walk(condition: Condition, pointer: str) -> Iterator[tuple[str, Condition]]:
    """A condition and everything inside it, each with its JSON pointer."""
    yield pointer, condition
    match condition:
        case AllOf() | AnyOf():
            for place, inner in enumerate(condition.conditions):
                yield from walk(inner, f"{pointer}/conditions/{place}")
        case Not():
            yield from walk(condition.condition, f"{pointer}/condition")
        case _:
            return


def roots(definition: KpiDefinition) -> Iterator[tuple[str, Condition]]:
    """The outermost conditions of a definition's own rows, each with its JSON pointer; see ``sides`` for a ratio's
    further ones."""
    if definition.scope is not None:
        yield "/scope", definition.scope
    for place, exclusion in enumerate(definition.exclude):
        yield f"/exclude/{place}/when", exclusion.when
    measure = definition.measure
    match measure:
        case Share():
            yield "/measure/numerator", measure.numerator
            for place, also in enumerate(measure.also):
                yield f"/measure/also/{place}/numerator", also.numerator
        case Gap():
            yield "/measure/numerator", measure.numerator
        case Split():
            for place, part in enumerate(measure.parts):
                yield f"/measure/parts/{place}/when", part.when
        case Count():
            if measure.when is not None:
                yield "/measure/when", measure.when
        case _:
            return


def clocks(definition: KpiDefinition) -> list[Past]:
    """Every place where the definition reads the moment of reading; empty where no clock matters."""
    found: dict[tuple[str, int], Past] = {}
    for pointer, root in roots(definition):
        for _, condition in walk(root, pointer):
            if isinstance(condition, Past):
                found[condition.column, condition.days] = condition
    return list(found.values())


def reads_clock(condition: Condition) -> bool:
    """Whether a condition depends on the moment of reading."""
    return any(isinstance(inner, Past) for _, inner in walk(condition, ""))


__all__ = ["DAY_US", "SECOND_US", "clocks", "meets", "reads_clock", "roots", "walk"]
