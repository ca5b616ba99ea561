"""A definition in plain words.

A committee member has to be able to say what a number means without reading JSON; the words are made from
the definition itself, so they cannot say something else than what is computed.
"""

from __future__ import annotations

from functools import partial

from contracts.kpi import (
    AlsoPercentile,
    AlsoShareAtMost,
    Count,
    Duration,
    Eq,
    KpiDefinition,
    Percentile,
    Ratio,
    Share,
    Split,
    Value,
)
from projections.kpi.clauses import listed, many, moment, one_of, plain, words
from projections.kpi.telling import of_sides, standing_rules, standing_words, told
from projections.kpi.vocabulary import NOUNS, TERMS, VALUES, spoken_of

ORDINALS = {50: "median", 25: "first quartile", 75: "third quartile", 0: "least", 100: "greatest"}


def part_names(measure: Split) -> dict[str, str]:
    """Each part of a split in words, where its column's values have words; else its name."""
    columns = {part.when.column for part in measure.parts if isinstance(part.when, Eq)}
    named = {
        part.name: VALUES.get(part.when.column, {}).get(str(part.when.value), ("", plain(part.name)))[1]
        if isinstance(part.when, Eq)
        else plain(part.name)
        for part in measure.parts
    }
    rests = [VALUES[column][measure.rest][1] for column in columns if measure.rest in VALUES.get(column, {})]
    return {**named, measure.rest: rests[0] if rests else plain(measure.rest)}


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
            return "where " + one_of(column, means, spoken_of("")).replace("{it}", it, 1).replace("{it}", "it")
    names = part_names(measure)
    return f"that are {listed([names[name] for name in measure.headline], 'or')}"


def sentence(definition: KpiDefinition) -> str:
    """What the number is, in a sentence or two."""
    measure = definition.measure
    one, _ = NOUNS.get(definition.population, (definition.unit_of_count, ""))
    it, counted = f"the {one}", f"{many(definition.unit_of_count)}{standing_words(definition.timing)}"
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
                f"time, in {definition.unit}, from {moment(of.from_, words_of)} to {moment(of.to, words_of)}"
                if isinstance(of, Duration)
                else plain(of.column)
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
                if isinstance(extra, AlsoShareAtMost)
                else f"the {ORDINALS.get(extra.at, f'{extra.at}th percentile')} from {moment(extra.from_, words_of)} "
                f"to {moment(extra.to, words_of)}, where there was one"
                for extra in measure.also
            ]
            return f"{middle} Beside it: {listed(beside, 'and')}." if beside else middle
        case Count():
            which = "" if measure.when is None else f" where {words(measure.when, it, definition.population)}"
            return f"The number of {counted}{which}."
        case Value():
            return f"{definition.title}, as it was measured outside and reported for each period."
        case _:
            return told(definition, counted, it)


def explanation(definition: KpiDefinition) -> list[str]:
    """The definition's rules as sentences: what it is about, what is left out, its policies, and its terms."""
    one, more = NOUNS.get(definition.population, (definition.unit_of_count, "cases"))
    it = f"the {one}"
    lines = [sentence(definition)]
    if isinstance(definition.measure, Value):
        lines.append(_reported(definition, definition.measure, it))
    elif definition.scope is not None:
        lines.append(f"It looks only at {more} where {words(definition.scope, it, definition.population)}.")
    lines.extend(standing_rules(definition))
    if isinstance(definition.measure, Ratio):
        lines.extend(of_sides(definition, definition.measure))
    said_of = partial(words, it=it, population=definition.population)
    if isinstance(definition.measure, Share):
        lines.extend(
            f"Beside it, \u201c{plain(also.name)}\u201d: the percentage where {said_of(also.numerator)}."
            for also in definition.measure.also
        )
    lines.extend(
        f"Left out as \u201c{plain(exclusion.reason)}\u201d if {said_of(exclusion.when)}."
        for exclusion in definition.exclude
    )
    if len(definition.exclude) > 1:
        lines.append("Where several reasons apply, the first counts.")
    if definition.weight is not None:
        lines.append(f"Each counts as often as its \u201c{plain(definition.weight)}\u201d says.")
    lines.append(definition.censoring)
    lines.append("Where nothing is left to count there is no value, never 0.")
    by = "" if definition.group_by is None else f", and also given by {plain(definition.group_by)}"
    lines.append(f"It is read by {definition.period.grain}{by}.")
    lines.append("Data that arrive late restate the period they belong to.")
    digits = definition.rounding.digits
    lines.append(f"Rounded to {digits} {'digit' if digits == 1 else 'digits'}, ties to the even digit.")
    if definition.suppression == "people":
        lines.append("It counts people: counts of 1 to 10 are not for publication.")
    said = " ".join(lines)
    lines.extend(meaning for term, meaning in TERMS.items() if term in said)
    return lines


def _reported(definition: KpiDefinition, measure: Value, it: str) -> str:
    """Which of the reported figures are taken."""
    of = [plain(column) for column in (measure.numerator, measure.denominator) if column is not None]
    beside = f", with its {listed(of, 'and')} where they were reported" if of else ""
    where = "" if definition.scope is None else f" where {words(definition.scope, it, definition.population)}"
    return f"Taken is the {plain(measure.column)} of the figures{where}{beside}."


__all__ = ["explanation", "many", "part_names", "sentence", "words"]
