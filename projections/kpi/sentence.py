"""A definition in plain words.

A committee member has to be able to say what a number means without reading JSON; the words are made from
the definition itself, so they cannot say something else than what is computed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from contracts.kpi import (
    After,
    AllOf,
    AlsoPercentile,
    AnyOf,
    Before,
    Condition,
    Count,
    Differs,
    Duration,
    ElapsedAtMost,
    Eq,
    In,
    IsNull,
    KpiDefinition,
    Ne,
    Not,
    NotNull,
    Past,
    Percentile,
    Share,
    Split,
    Value,
)
from projections.kpi.vocabulary import NOUNS, PLURALS, TERMS, VALUES, Vocabulary, spoken_of

ORDINALS = {50: "median", 25: "first quartile", 75: "third quartile", 0: "least", 100: "greatest"}


def _plain(name: object) -> str:
    return str(name).replace("_", " ")


def _event(column: str, said: Vocabulary) -> str:
    return said.events[column][0] if column in said.events else _plain(column.removesuffix("_at"))


def _moment(column: str, said: Vocabulary) -> str:
    return said.events[column][1] if column in said.events else _plain(column.removesuffix("_at"))


def _listed(words: list[str], last: str) -> str:
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
    return _clause(condition, spoken_of(population)).replace("{it}", it, 1).replace("{it}", "it")


def _clause(condition: Condition, said: Vocabulary) -> str:
    flag = _is_set(condition, said)
    if flag is not None:
        return said.flags[flag[0]][0 if flag[1] else 1]
    match condition:
        case Eq():
            return _is_one_of(condition.column, [condition.value], said)
        case In():
            return _is_one_of(condition.column, condition.values, said)
        case Ne():
            named = said.values.get(condition.column, {}).get(str(condition.value))
            other = _plain(condition.value) if named is None else " ".join(named)
            return f"the {_plain(condition.column)} is recorded, and it is another than: {other}"
        case IsNull() | NotNull():
            known = isinstance(condition, NotNull)
            if condition.column in said.known:
                return said.known[condition.column][0 if known else 1]
            if condition.column.endswith("_at"):
                return f"it is {'' if known else 'not '}known when {_event(condition.column, said)}"
            return f"the {_plain(condition.column)} is {'' if known else 'not '}known"
        case Before():
            return f"{_event(condition.column, said)} before {_event(condition.other, said)}"
        case After():
            return f"{_event(condition.column, said)} after {_event(condition.other, said)}"
        case Differs():
            return f"the {_plain(condition.column)} and the {_plain(condition.other)} are known and not the same"
        case ElapsedAtMost():
            return f"{_event(condition.to, said)} within {_span(condition.seconds)} of {_moment(condition.from_, said)}"
        case Past():
            if condition.days == 0:
                return f"{_moment(condition.column, said)} has passed"
            return f"more than {_span(condition.days * 86_400)} have passed since {_moment(condition.column, said)}"
        case AllOf():
            return _listed([_clause(inner, said) for inner in _telling(condition)], "and")
        case AnyOf():
            clauses = [_clause(inner, said) for inner in condition.conditions]
            if any(isinstance(inner, AllOf) for inner in condition.conditions):
                return f"({'; or '.join(clauses)})"
            return f"({_listed(clauses, 'or')})"
        case Not():
            return _negated(condition.condition, said)


def _is_one_of(column: str, values: Sequence[object], said: Vocabulary) -> str:
    phrases = [said.values.get(column, {}).get(str(value)) for value in values]
    known = [one for one in phrases if one is not None]
    if len(known) < len(values):
        return f"the {_plain(column)} is {_listed([_plain(value) for value in values], 'or')}"
    begun: dict[str, list[str]] = {}
    for beginning, ending in known:
        begun.setdefault(beginning, []).append(ending)
    return _listed([f"{beginning} {_listed(endings, 'or')}" for beginning, endings in begun.items()], "or")


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
            return f"{_moment(condition.column, said)} has not come yet"
        case Past():
            return f"{_span(condition.days * 86_400)} have not passed since {_moment(condition.column, said)}"
        case After():
            return f"{_event(condition.column, said)} no later than {_event(condition.other, said)}"
        case Before():
            return f"{_event(condition.column, said)} no earlier than {_event(condition.other, said)}"
        case _:
            return f"it is not so that {_clause(condition, said)}"


def _span(seconds: int) -> str:
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


def part_names(measure: Split) -> dict[str, str]:
    """Each part of a split in words, where its column's values have words; else its name."""
    columns = {part.when.column for part in measure.parts if isinstance(part.when, Eq)}
    named = {
        part.name: VALUES.get(part.when.column, {}).get(str(part.when.value), ("", _plain(part.name)))[1]
        if isinstance(part.when, Eq)
        else _plain(part.name)
        for part in measure.parts
    }
    rests = [VALUES[column][measure.rest][1] for column in columns if measure.rest in VALUES.get(column, {})]
    return {**named, measure.rest: rests[0] if rests else _plain(measure.rest)}


def _as(measure: Split, it: str) -> str:
    """What the parts' names continue, where all that are values of a column continue the same."""
    whens = [part.when for part in measure.parts]
    begun = {VALUES.get(w.column, {}).get(str(w.value), ("", ""))[0] if isinstance(w, Eq) else "" for w in whens}
    return f", as {begun.pop().replace('{it}', it)}" if len(begun) == 1 and "" not in begun else ""


def _headline(measure: Split, it: str) -> str:
    """The parts that make the value: as a clause where they are values of one column, else by name."""
    values = {part.name: part.when for part in measure.parts}
    columns = {when.column for when in values.values() if isinstance(when, Eq)}
    if len(columns) == 1:
        (column,) = columns
        means = [when.value if isinstance(when := values.get(name), Eq) else name for name in measure.headline]
        if all(str(value) in VALUES.get(column, {}) for value in means):
            return "where " + _is_one_of(column, means, spoken_of("")).replace("{it}", it, 1).replace("{it}", "it")
    names = part_names(measure)
    return f"that are {_listed([names[name] for name in measure.headline], 'or')}"


def sentence(definition: KpiDefinition) -> str:
    """What the number is, in a sentence or two."""
    measure = definition.measure
    one, _ = NOUNS.get(definition.population, (definition.unit_of_count, ""))
    it, counted = f"the {one}", many(definition.unit_of_count)
    words_of = spoken_of(definition.population)
    match measure:
        case Share():
            return f"The percentage of {counted} where {words(measure.numerator, it, definition.population)}."
        case Split():
            names = "; ".join(part_names(measure).values())
            headline = _headline(measure, it)
            return f"How {counted} divide up{_as(measure, it)}: {names}. The value is the percentage {headline}."
        case Percentile():
            of = measure.of
            what = (
                f"time, in {definition.unit}, from {_moment(of.from_, words_of)} to {_moment(of.to, words_of)}"
                if isinstance(of, Duration)
                else _plain(of.column)
            )
            if measure.at == 50:
                middle = f"The median {what}, over {counted}: half took less, half took longer."
            else:
                rank = ORDINALS.get(measure.at, f"{measure.at}th percentile")
                middle = f"The {rank} of the {what}, over {counted}."
            beside = [
                f"the {definition.unit} within which {extra.at}% fall"
                if isinstance(extra, AlsoPercentile)
                else f"the percentage of at most {extra.limit} {definition.unit}"
                for extra in measure.also
            ]
            return f"{middle} Beside it: {_listed(beside, 'and')}." if beside else middle
        case Count():
            which = "" if measure.when is None else f" where {words(measure.when, it, definition.population)}"
            return f"The number of {counted}{which}."
        case Value():
            return f"{definition.title}, as it was measured outside and reported for each period."


def explanation(definition: KpiDefinition) -> list[str]:
    """The definition's rules as sentences: what it is about, what is left out, its policies, and its terms."""
    one, more = NOUNS.get(definition.population, (definition.unit_of_count, "cases"))
    it = f"the {one}"
    lines = [sentence(definition)]
    if definition.scope is not None and not isinstance(definition.measure, Value):
        lines.append(f"It looks only at {more} where {words(definition.scope, it, definition.population)}.")
    clause = partial(words, it=it, population=definition.population)
    if isinstance(definition.measure, Share):
        lines.extend(
            f"Beside it, \u201c{_plain(also.name)}\u201d: the percentage where {clause(also.numerator)}."
            for also in definition.measure.also
        )
    lines.extend(
        f"Left out as \u201c{_plain(exclusion.reason)}\u201d if {clause(exclusion.when)}."
        for exclusion in definition.exclude
    )
    if len(definition.exclude) > 1:
        lines.append("Where several reasons apply, the first counts.")
    lines.append(definition.censoring)
    lines.append("Where nothing is left to count there is no value, never 0.")
    lines.append("Data that arrive late restate the period they belong to.")
    digits = definition.rounding.digits
    lines.append(f"Rounded to {digits} {'digit' if digits == 1 else 'digits'}, ties to the even digit.")
    if definition.suppression == "people":
        lines.append("It counts people: counts of 1 to 10 are not for publication.")
    said = " ".join(lines)
    lines.extend(meaning for term, meaning in TERMS.items() if term in said)
    return lines
