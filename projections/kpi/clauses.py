"""Conditions in plain words: what each says of a row, as a clause about the thing that is counted.

Here because scopes, exclusions and numerators are told in the same words wherever they stand, and the sentence of
every measure is put together from them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from contracts.kpi import (
    After,
    AllOf,
    AnyOf,
    Before,
    Condition,
    Differs,
    ElapsedAtMost,
    Eq,
    In,
    IsNull,
    Ne,
    Not,
    NotNull,
    Past,
)
from projections.kpi.vocabulary import PLURALS, Vocabulary, spoken_of


def plain(name: object) -> str:
    """A machine-readable name as words."""
    return str(name).replace("_", " ")


def event(column: str, said: Vocabulary) -> str:
    """What a moment's column says happened, as a clause."""
    return said.events[column][0] if column in said.events else plain(column.removesuffix("_at"))


def moment(column: str, said: Vocabulary) -> str:
    """The same as a noun."""
    return said.events[column][1] if column in said.events else plain(column.removesuffix("_at"))


def listed(words: list[str], last: str) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _is_set(condition: Condition, said: Vocabulary) -> tuple[str, bool] | None:
    """(column, set) where the condition is about a flag."""
    match condition:
        case Eq() if condition.column in said.flags and condition.value in (0, 1):
            return condition.column, bool(condition.value)
        case NotNull() | IsNull() if condition.column in said.flags:
            return condition.column, isinstance(condition, NotNull)
        case Not():
            inner = _is_set(condition.condition, said)
            return None if inner is None else (inner[0], not inner[1])
        case _:
            return None


def words(condition: Condition, it: str = "it", population: str = "") -> str:
    """A condition on a population's rows as a clause about ``it``, the thing that is counted: "the person was
    arrested"."""
    return clause(condition, spoken_of(population)).replace("{it}", it, 1).replace("{it}", "it")


def clause(condition: Condition, said: Vocabulary) -> str:
    """A condition as a clause, with ``{it}`` for the thing that is counted."""
    flag = _is_set(condition, said)
    if flag is not None:
        return said.flags[flag[0]][0 if flag[1] else 1]
    match condition:
        case Eq():
            return one_of(condition.column, [condition.value], said)
        case In():
            return one_of(condition.column, condition.values, said)
        case Ne():
            named = said.values.get(condition.column, {}).get(str(condition.value))
            other = plain(condition.value) if named is None else " ".join(named)
            return f"the {plain(condition.column)} is recorded, and it is another than: {other}"
        case IsNull() | NotNull():
            known = isinstance(condition, NotNull)
            if condition.column in said.known:
                return said.known[condition.column][0 if known else 1]
            if condition.column.endswith("_at"):
                return f"it is {'' if known else 'not '}known when {event(condition.column, said)}"
            return f"the {plain(condition.column)} is {'' if known else 'not '}known"
        case Before():
            return f"{event(condition.column, said)} before {event(condition.other, said)}"
        case After():
            return f"{event(condition.column, said)} after {event(condition.other, said)}"
        case Differs():
            return f"the {plain(condition.column)} and the {plain(condition.other)} are known and not the same"
        case ElapsedAtMost():
            return f"{event(condition.to, said)} within {span(condition.seconds)} of {moment(condition.from_, said)}"
        case Past():
            if condition.days == 0:
                return f"{moment(condition.column, said)} has passed"
            return f"more than {span(condition.days * 86_400)} have passed since {moment(condition.column, said)}"
        case AllOf():
            return listed([clause(inner, said) for inner in _telling(condition)], "and")
        case AnyOf():
            clauses = [clause(inner, said) for inner in condition.conditions]
            if any(isinstance(inner, AllOf) for inner in condition.conditions):
                return f"({'; or '.join(clauses)})"
            return f"({listed(clauses, 'or')})"
        case Not():
            return _negated(condition.condition, said)


def one_of(column: str, values: Sequence[object], said: Vocabulary) -> str:
    """That a column holds one of some values."""
    phrases = [said.values.get(column, {}).get(str(value)) for value in values]
    known = [one for one in phrases if one is not None]
    if len(known) < len(values):
        return f"the {plain(column)} is {listed([plain(value) for value in values], 'or')}"
    begun: dict[str, list[str]] = {}
    for beginning, ending in known:
        begun.setdefault(beginning, []).append(ending)
    return listed([f"{beginning} {listed(endings, 'or')}" for beginning, endings in begun.items()], "or")


def _telling(condition: AllOf) -> list[Condition]:
    """The conditions without those that say only that a moment is known of which another one speaks."""
    spoken = set()
    for inner in condition.conditions:
        bare = inner.condition if isinstance(inner, Not) else inner
        if isinstance(bare, Before | After):
            spoken.add(bare.column)
    kept = [c for c in condition.conditions if not (isinstance(c, NotNull) and c.column in spoken)]
    return kept or list(condition.conditions)


def _negated(condition: Condition, said: Vocabulary) -> str:
    match condition:
        case Past() if condition.days == 0:
            return f"{moment(condition.column, said)} has not come yet"
        case Past():
            return f"{span(condition.days * 86_400)} have not passed since {moment(condition.column, said)}"
        case After():
            return f"{event(condition.column, said)} no later than {event(condition.other, said)}"
        case Before():
            return f"{event(condition.column, said)} no earlier than {event(condition.other, said)}"
        case _:
            return f"it is not so that {clause(condition, said)}"


def span(seconds: int) -> str:
    """A span of time in the largest unit that divides it."""
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {name}{'' if seconds == size else 's'}"
    return f"{seconds} seconds"


def many(unit: str) -> str:
    """A unit of count, of which there are many: "encounter with a disposition" → "encounters with a …"."""
    for word in re.findall(r"[A-Za-z-]+", unit):
        if word in PLURALS:
            text = re.sub(rf"\b{word}\b", PLURALS[word], unit, count=1)
            return re.sub(r"\bits\b", "their", text)
    return f"cases of \u201c{unit}\u201d"
