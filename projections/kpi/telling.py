"""The newer measures in plain words: ratios of two populations, returns, means, gaps and concentration; and when rows
count that stand at the end of a period.

Apart from ``sentence`` because each of these speaks of several things at once.
"""

from __future__ import annotations

from contracts.kpi import (
    Concentration,
    Gap,
    KpiDefinition,
    Latest,
    Mean,
    Open,
    Ratio,
    Return,
    Rolling,
    Rows,
    Timing,
    Total,
)
from projections.kpi.clauses import listed, moment, plain, words
from projections.kpi.vocabulary import AMOUNTS, NOUNS, WHOSE, spoken_of


def standing_words(timing: Timing | None) -> str:
    """Which of the rows stand at the end of a period, to be said after what is counted."""
    match timing:
        case Open():
            return " open at the end of the period" if timing.until else " up to the end of the period"
        case Rolling(months=1):
            return " of the last month of the period"
        case Rolling():
            return f" of the {timing.months} months that end with the period"
        case Latest():
            return " as last reported by the end of the period"
        case None:
            return ""


def standing_rules(definition: KpiDefinition) -> list[str]:
    """From when until when a row counts, where rows stand at the end of a period; of every side of a ratio."""
    sides: list[tuple[str, Timing | None]] = [(definition.population, definition.timing)]
    if isinstance(definition.measure, Ratio):
        further = (definition.measure.numerator, definition.measure.less)
        sides += [(rows.population, rows.timing) for rows in further if rows is not None]
    return list(dict.fromkeys(line for population, timing in sides if (line := _stands(population, timing))))


def _stands(population: str, timing: Timing | None) -> str:
    one, more = NOUNS.get(population, (plain(population), plain(population)))
    spoken = spoken_of(population)
    match timing:
        case Open():
            since = f"{_capital(_article(one))} {one} counts from {moment(timing.from_, spoken)}"
            ends = listed([moment(column, spoken) for column in timing.until], "or") if timing.until else ""
            return (f"{since} until {ends}." if ends else f"{since}.").replace("{it}", "it")
        case Latest():
            same = listed([plain(column) for column in timing.by], "and")
            stands = f"the last one stands for its month and at most {timing.months - 1} more"
            return f"Of several {more} of the same {same}, {stands}."
        case _:
            return ""


def amount(column: str) -> str:
    """What a column adds up to: "the money"."""
    return AMOUNTS.get(column, f"the {plain(column)}")


def told(definition: KpiDefinition, counted: str, it: str) -> str:
    """The sentence of a measure; ``counted`` is what is counted, ``it`` one of them.

    Raises ValueError on a measure whose sentence is made elsewhere.
    """
    measure = definition.measure
    match measure:
        case Total():
            return f"{_capital(amount(measure.column))}, added up over {counted}."
        case Mean():
            return f"The mean {plain(measure.column)} over {counted}. Beside it: half the width of its 95% interval."
        case Gap():
            share = f"the percentage of {counted} where {words(measure.numerator, it, definition.population)}"
            return (
                f"How many percentage points lie between the groups with the highest and the lowest value, which is "
                f"{share}. Groups of fewer than {measure.minimum} are left out by name. Beside it: the highest, the "
                f"lowest, and the one divided by the other."
            )
        case Concentration():
            return (
                f"How far {amount(measure.sum)} of {counted} lies in few hands: the squared share of each "
                f"{plain(measure.by)}, added up. It is 1 where one has all. Beside it: the largest share, in percent."
            )
        case Return():
            return _return(definition, measure)
        case Ratio():
            return _ratio(definition, measure, counted)
        case _:
            raise ValueError(f"the sentence of a {measure.kind} is made elsewhere")


def _return(definition: KpiDefinition, measure: Return) -> str:
    one, _ = NOUNS.get(definition.population, (definition.unit_of_count, ""))
    whose = WHOSE.get(measure.person, f"different values of {plain(measure.person)}")
    since = "the first" if measure.after == "first" else "any"
    again = f"another one within {measure.days} days after {since} of them"
    beside = [f"within {also.days} days" for also in measure.also]
    middle = f"The percentage of {whose} with {_article(one)} {one} in the period who had {again}."
    return f"{middle} Beside it: {listed(beside, 'and')}." if beside else middle


def _ratio(definition: KpiDefinition, measure: Ratio, counted: str) -> str:
    top = _rows(measure.numerator)
    if measure.less is not None:
        top = f"{top}, less {_rows(measure.less)}"
    bottom = counted if measure.sum is None else f"{amount(measure.sum)} of {counted}"
    match measure.per:
        case 100:
            middle = f"{_capital(top)}, as a percentage of {bottom}."
        case 1000:
            middle = f"{_capital(top)}, for every 1,000 {bottom}."
        case 1:
            middle = f"{_capital(top)}, divided by {bottom}."
        case per if definition.unit == "months":
            middle = f"For how many months {top} would last, at {per} months to {bottom}."
        case per:
            middle = f"{_capital(top)}, for every {per:,} {bottom}."
    lowest = [f"the lowest value among the groups (\u201c{plain(also.name)}\u201d)" for also in measure.also]
    return f"{middle} Beside it: {listed(lowest, 'and')}." if lowest else middle


def _rows(rows: Rows) -> str:
    """What the rows of a side come to: "members of staff in certifications where …"."""
    one, more = NOUNS.get(rows.population, (plain(rows.population), plain(rows.population)))
    which = f"{more}{standing_words(rows.timing)}"
    if rows.scope is not None:
        which = f"{which} where {words(rows.scope, f'the {one}', rows.population)}"
    if rows.distinct is not None:
        return f"{WHOSE.get(rows.distinct, f'different values of {plain(rows.distinct)}')} in {which}"
    return which if rows.sum is None else f"{amount(rows.sum)} of {which}"


def of_sides(definition: KpiDefinition, measure: Ratio) -> list[str]:
    """What is left out of the further sides of a ratio, and where groups have to match."""
    lines = []
    for rows in (measure.numerator, measure.less):
        if rows is not None:
            one, more = NOUNS.get(rows.population, (plain(rows.population), plain(rows.population)))
            lines += [
                f"Of the {more} counted above, left out as \u201c{plain(exclusion.reason)}\u201d if "
                f"{words(exclusion.when, f'the {one}', rows.population)}."
                for exclusion in rows.exclude
            ]
    if measure.matched:
        lines.append("What belongs to a group without a denominator is left out as \u201cno denominator\u201d.")
    return list(dict.fromkeys(lines))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _article(noun: str) -> str:
    return "an" if noun[:1] in "aeiou" else "a"
