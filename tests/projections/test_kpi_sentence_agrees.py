"""A definition's data, its words and its result agree: whatever is changed in the data changes both others.

Every number, value, column, operator and window of every library definition is changed in turn. The words are then
others, and so are the figures over rows in which every column takes every value that any condition speaks of.
"""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.kpi import KpiDefinition
from projections.kpi.check import check_definition
from projections.kpi.conditions import DAY_US, SECOND_US
from projections.kpi.definitions import library
from projections.kpi.evaluation import evaluate
from projections.kpi.figures import CellKey, Figures
from projections.kpi.measures import cell_figures
from projections.kpi.populations import POPULATIONS, Row, columns_of
from projections.kpi.sentence import explanation
from tests.projections.kpi_world import ZONE, library_body, us

NOW_US = us("2025-06-10")
ROWS = 800
AGES_DAYS = (0, 1, 2, 3, 5, 6, 10, 29, 30, 31, 32, 60, 89, 90, 91, 92, 182, 183, 184, 185, 364, 365, 366, 367, 730, 732)
MINUTES = (0, 0, 0, 0, 20, 60, 61, 90)
MONTHS = ("2024-03", "2024-06", "2024-12", "2025-01", "2025-03", "2025-04", "2025-05", "2025-06", None)
SAID_OTHERWISE = frozenset({"kpi", "version", "title", "question", "direction", "unit", "unit_of_count", "population"})
"""Parts that have no operator: names, and what the measure and the population require."""
POLICY = frozenset({"empty", "censoring", "late_data", "suppression", "freshness", "changed_by", "source", "period"})
"""Parts that say how a figure is treated and not which it is."""

Path = tuple[str | int, ...]


@cache
def values_of(column: str) -> tuple[Any, ...]:
    """Every value with which any library definition compares a column."""
    found: dict[Any, None] = {}
    for kpi in library():
        left: list[Any] = [library_body(kpi)]
        while left:
            part = left.pop()
            if isinstance(part, dict):
                left.extend(part.values())
                if part.get("column") == column:
                    found.update(dict.fromkeys([part["value"]] if "value" in part else part.get("values", ())))
            elif isinstance(part, list):
                left.extend(part)
    return tuple(found)


@cache
def rows_of(population: str) -> tuple[Row, ...]:
    """Rows of a population in which every column takes every value that matters, chosen by a fixed seed."""
    chance = random.Random(population)
    made: list[Row] = []
    for number in range(ROWS):
        row: dict[str, Any] = {}
        for column, kind in columns_of(POPULATIONS[population]).items():
            known = values_of(column)
            if column == "month":
                row[column] = chance.choice(MONTHS)
            elif column == "period":
                row[column] = chance.choice(("2024", "2025-Q1", *MONTHS))
            elif column.endswith("_at"):
                seconds = chance.choice(MINUTES) * 60 + chance.choice((-1, 0, 0, 1))
                age = chance.choice(AGES_DAYS) * DAY_US + seconds * SECOND_US
                row[column] = chance.choice((None, NOW_US - age, NOW_US - age, NOW_US - age))
            elif kind == "text":
                row[column] = chance.choice((*known, *known, f"{column}-1", f"{column}-2", f"{column}-3", None))
            elif kind == "integer":
                row[column] = chance.choice((0, 1, 1, 2, 3, 7, None))
            else:
                row[column] = chance.choice((1.5, 2.0, 4.25, None))
        row |= {name: f"{name}-{number}" for name in keys_of(population)}
        made.append(row)
    return tuple(made)


def keys_of(population: str) -> tuple[str, ...]:
    """The columns that tell rows apart."""
    one = POPULATIONS[population]
    table = one.table or population
    if one.built:
        return ("key",)
    from projections.tables import METADATA

    columns = METADATA.tables[table].primary_key.columns
    return tuple(column.name for column in columns) if len(columns) == 1 else ()


def figures(definition: KpiDefinition) -> dict[CellKey, Figures]:
    partials = evaluate(definition, lambda side: rows_of(side.definition.population), NOW_US, ZONE)
    return cell_figures(definition, partials.items())


def leaves(part: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every scalar of a definition's data that says what is counted, with its place."""
    if isinstance(part, dict):
        for name, inner in part.items():
            if path or name not in SAID_OTHERWISE | POLICY:
                yield from leaves(inner, (*path, name))
    elif isinstance(part, list):
        for place, inner in enumerate(part):
            yield from leaves(inner, (*path, place))
    elif path[-1] not in ("name", "reason", "dimension", "rest", "population", "kind", "mode", "unit"):
        yield path, part


FIXED = frozenset({("measure", "per"), ("measure", "at"), ("weight",)})
"""Places at which the check allows nothing else: what a percentage is per, when a person is seen, what a row weighs."""
ONLY_SAID = frozenset({("rounding", "digits")})
"""Places that need not show in every result: a count has no digits."""


def population_at(body: dict[str, Any], path: Path) -> str:
    """The population whose columns are meant at a place."""
    side = body["measure"].get(path[1]) if path[0] == "measure" and len(path) > 2 else None
    return str((side if isinstance(side, dict) and "population" in side else body)["population"])


def others(body: dict[str, Any], path: Path, value: Any) -> Iterator[Any]:
    """What a scalar may be changed to, the likeliest first."""
    swapped = {"eq": "ne", "ne": "eq", "before": "after", "after": "before", "is_null": "not_null"}
    swapped |= {"not_null": "is_null", "all_of": "any_of", "any_of": "all_of", "first": "any", "any": "first"}
    columns = columns_of(POPULATIONS[population_at(body, path)])
    if isinstance(value, bool):
        yield not value
    elif path[-1] == "value":
        column = at(body, path[:-1])["column"]
        yield from (1 - value,) if value in (0, 1) else (other for other in values_of(column) if other != value)
        yield "something-else"
    elif isinstance(value, int):
        yield from (value + 1, value - 1, value * 10, 1)
    elif value in swapped:
        yield swapped[value]
    elif value in columns:
        yield from (other for other in columns if columns[other] == columns[value] and other != value)
    elif path[-2:-1] == ("headline",):
        yield from (part["name"] for part in body["measure"]["parts"])
        yield body["measure"]["rest"]
    elif path[-2:-1] == ("values",):
        yield "something-else"


def at(body: Any, path: Path) -> Any:
    for step in path:
        body = body[step]
    return body


def changed(body: dict[str, Any], path: Path, value: Any) -> KpiDefinition | None:
    """The definition with one part changed; None where that is no definition."""
    copied = copy.deepcopy(body)
    at(copied, path[:-1])[path[-1]] = value
    try:
        found = KpiDefinition.model_validate(copied, strict=False)
    except ValidationError:
        return None
    return None if check_definition(found) else found


def variants(body: dict[str, Any], path: Path, value: Any) -> Iterator[KpiDefinition]:
    """The definitions in which one scalar is another; of an operator without a twin, in which it is negated."""
    if path[-1] == "op" and value in ("not", "in", "past", "elapsed_at_most", "differs"):
        condition = at(body, path[:-1])
        negated = condition["condition"] if value == "not" else {"op": "not", "condition": condition}
        found = changed(body, path[:-1], negated)
        if found is not None:
            yield found
        return
    for other in others(body, path, value):
        found = changed(body, path, other)
        if found is not None:
            yield found


def told(kpi: str) -> list[str]:
    """Where a change of the data changes the words or the result alone, or neither; and where none could be made."""
    body = library_body(kpi)
    original = KpiDefinition.model_validate(body, strict=False)
    words, result = explanation(original), figures(original)
    wrong = []
    for path, value in leaves(body):
        place = "/".join(str(step) for step in path)
        tried = list(islice(variants(body, path, value), 12))
        if not tried and path not in FIXED:
            wrong.append(f"{place}: nothing else is possible than {value!r}")
        elif tried and all(explanation(found) == words for found in tried):
            wrong.append(f"{place}: the words stay the same")
        elif tried and path not in ONLY_SAID and all(figures(found) == result for found in tried):
            wrong.append(f"{place}: the result stays the same")
    return wrong


@pytest.mark.parametrize("kpi", sorted(library()))
def test_whatever_is_changed_in_the_data_changes_words_and_result(kpi: str) -> None:
    assert [] == told(kpi)


@pytest.mark.parametrize("kpi", sorted(library()))
def test_every_number_of_the_data_stands_in_the_words(kpi: str) -> None:
    body = library_body(kpi)
    said = " ".join(explanation(KpiDefinition.model_validate(body, strict=False))).replace(",", "")
    numbers = set(re.findall(r"\d+", said))
    for path, value in leaves(body):
        if isinstance(value, int) and not isinstance(value, bool) and path[-1] != "value":
            # A span of seconds is told in the greatest unit in which it is whole; a standing figure in further months.
            shown = {str(value), str(value - 1)} if path[-1] == "months" else {str(value)}
            if path[-1] == "seconds":
                shown = {str(value // size) for size in (86_400, 3_600, 60, 1) if value % size == 0}
            median = path[-1] == "at" and value == 50 and "median" in said
            flagless = path[-1] in ("days", "per") and (value == 0 or value in (1, 100))
            assert numbers & shown or median or flagless, (path, value, said)


def test_control_words_that_leave_something_out_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: words without the exclusions, and a result that ignores them, are each found out."""
    assert [] == told("K17")
    real = explanation
    monkeypatch.setattr(
        "tests.projections.test_kpi_sentence_agrees.explanation",
        lambda definition: [line for line in real(definition) if "Left out" not in line],
    )
    assert any("exclude" in place and "words" in place for place in told("K17"))
    monkeypatch.undo()
    counted = figures
    monkeypatch.setattr(
        "tests.projections.test_kpi_sentence_agrees.figures",
        lambda definition: counted(definition.model_copy(update={"exclude": ()})),
    )
    assert any("exclude" in place and "result" in place for place in told("K17"))
