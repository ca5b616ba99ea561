"""The reference evaluator of returns: persons with a row in a period and another one soon after it.

Apart from the rest because a person is judged by several rows at once, and by rows after the period's end. Plain
and slow, as ``reference`` is; ``sql_returns`` must agree with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from contracts.kpi import KpiDefinition, Return
from projections.kpi.conditions import DAY_US
from projections.kpi.ends import places_of
from projections.kpi.partials import Partial, Tally
from projections.kpi.periods import UNDATED, Grain, bounds_us, shift
from projections.kpi.populations import POPULATIONS, Row
from projections.kpi.reference import Place, judge

WINDOW_OPEN = "window_open"
"""The reason under which a person is left out whose days have not passed yet."""

GRAINS: tuple[Grain, ...] = ("month", "quarter", "year")


@dataclass(frozen=True, slots=True)
class Visit:
    """A row that counts: whose, when, of which month and group, and when the person's next one was."""

    key: str
    person: str
    at_us: int
    month: str
    group: str
    next_us: int | None = None


def reach_months(measure: Return) -> int:
    """How many months after its own a row can still be looked for as a return."""
    return _reach(max([measure.days, *(also.days for also in measure.also)]))


def judged_months(measure: Return, month: str, as_of_us: int, zone: str) -> set[str]:
    """The months of the rows that a row of ``month`` may be a return to, as far as that tells at ``as_of_us``.

    Under each limit nobody is judged before its days have passed, whoever has come back by then: so a row of these
    days is told only by the few months that lie as far back as one of the limits.
    """
    found: set[str] = set()
    own = bounds_us(month, zone)
    if own is None:
        return found
    for days in (measure.days, *(also.days for also in measure.also)):
        for by in range(_reach(days) + 1):
            earlier = shift(month, -by)
            bounds = bounds_us(earlier, zone)
            within = days * DAY_US
            if bounds is not None and bounds[1] + within > own[0] and bounds[0] + within <= as_of_us:
                found.add(earlier)
    return found


def _reach(days: int) -> int:
    """How many months later than a row another one within so many days may be."""
    return days // 28 + 1


def visits(definition: KpiDefinition, rows: Iterable[Row], as_of_us: int) -> list[Visit]:
    """The rows that count, each with its person's next one, in the order of persons and moments."""
    measure = definition.measure
    assert isinstance(measure, Return)
    key = POPULATIONS[definition.population].key
    found = []
    for row in rows:
        verdict = judge(definition, row, as_of_us)
        if verdict is not None and not verdict.excluded:
            group = row[definition.group_by] if definition.group_by else None
            month = row[definition.period.on]
            found.append(Visit(key(row), str(row[measure.person]), row[measure.at], month or UNDATED, group or ""))
    found.sort(key=lambda visit: (visit.person, visit.at_us, visit.key))
    following = [*found[1:], None] if found else []
    return [
        Visit(
            one.key,
            one.person,
            one.at_us,
            one.month,
            one.group,
            after.at_us if after is not None and after.person == one.person else None,
        )
        for one, after in zip(found, following, strict=True)
    ]


def stand(measure: Return, mine: list[Visit], days: int, as_of_us: int) -> bool | None:
    """Whether a person with these rows in a period (in order) returned in time; None while that is open."""
    limit = days * DAY_US

    def soon(visit: Visit) -> bool:
        return visit.next_us is not None and visit.next_us - visit.at_us <= limit

    judged = mine[:1] if measure.after == "first" else mine
    # Who returned early waits like everybody else: counted at once, returns would crowd out those still to be seen.
    return None if judged[-1].at_us + limit > as_of_us else any(soon(visit) for visit in judged)


def by_person(found: Iterable[Visit]) -> dict[str, dict[str, list[Visit]]]:
    """The rows of every period (month, quarter, year, and "" for undated ones) by person."""
    periods: dict[str, dict[str, list[Visit]]] = defaultdict(lambda: defaultdict(list))
    for visit in found:
        for place in {places_of(visit.month, grain) for grain in GRAINS}:
            periods[place][visit.person].append(visit)
    return periods


def partials(
    definition: KpiDefinition, rows: Iterable[Row], as_of_us: int, wanted: Collection[str] | None = None
) -> dict[Place, Partial]:
    """What every month, quarter and year contributes, of all or of those wanted.

    ``rows`` are those of the periods and of the months after them in which a return is looked for. ``counts`` hold,
    by the name of each further limit, who returned within it and (``<name>_of``) of how many.
    """
    measure = definition.measure
    assert isinstance(measure, Return)
    time = POPULATIONS[definition.population].time
    known = list(rows)
    tallies: dict[Place, Tally] = {}

    def tally(place: str, group: str) -> Tally:
        return tallies.setdefault((place, group), Tally())

    for row in known:
        verdict = judge(definition, row, as_of_us)
        if verdict is None:
            continue
        group = (row[definition.group_by] if definition.group_by else None) or ""
        for place in {places_of(row[definition.period.on] or UNDATED, grain) for grain in GRAINS}:
            mine = tally(place, group)
            mine.see(row[time] if time else None)
            if verdict.excluded:
                mine.excluded[verdict.excluded] = mine.excluded.get(verdict.excluded, 0) + 1
    for place, persons in by_person(visits(definition, known, as_of_us)).items():
        for found in persons.values():
            mine = tally(place, found[0].group)
            returned = stand(measure, found, measure.days, as_of_us)
            if returned is None:
                mine.excluded[WINDOW_OPEN] = mine.excluded.get(WINDOW_OPEN, 0) + 1
            else:
                mine.denominator += 1
                mine.numerator += returned
            for also in measure.also:
                returned = stand(measure, found, also.days, as_of_us)
                if returned is not None:
                    mine.counts[f"{also.name}_of"] = mine.counts.get(f"{also.name}_of", 0) + 1
                    mine.counts[also.name] = mine.counts.get(also.name, 0) + returned
    return {place: one.partial() for place, one in tallies.items() if wanted is None or place[0] in wanted}
