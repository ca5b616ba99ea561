"""Why a KPI about the KPIs changed: other KPIs have values where they had none, partners came or went, the plan moved.

Apart because such a number rests on cells, not on rows: the events responsible are those that gave the other KPIs their
values, and the KPIs are named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from projections.kpi import built, found
from projections.kpi.counting import dating
from projections.kpi.definitions import Definitions
from projections.kpi.partners import memberships
from projections.kpi.populations import table_of
from projections.kpi.question import Question
from projections.reviews.causes import Events, Search, as_text
from projections.reviews.fewest import fewest
from projections.reviews.scratch import Scratch

PLAN = ("kpi.defined", "kpi.retired")

Key = tuple[str, int]
Atom = tuple[str, str, int]
"""("agency", "", log_index), ("plan", "", 0) for all of the plan's decisions, or ("kpi", KPI, version)."""
Valued = Mapping[Key, Collection[str]]


@dataclass(frozen=True, slots=True)
class Values:
    """Where every KPI version has a value now; ``moved`` are the periods in which it had none at the review or has
    none any more, by KPI version."""

    now: Valued
    moved: Mapping[Key, Collection[str]]

    def then(self, definitions: Definitions, kept: Collection[Key]) -> dict[Key, set[str]]:
        """Where every version has a value, those in ``kept`` as now, the others as at the review."""
        told: dict[Key, set[str]] = {}
        for definition in definitions:
            mine = set(self.now.get(definition.key, ()))
            if definition.key not in kept:
                mine ^= {p for p in self.moved.get(definition.key, ()) if dating(definition.body, p)}
            told[definition.key] = mine
        return told


def standing_causes(
    search: Search, question: Question, then: Definitions, values: Values, causes: Callable[[Key], Events]
) -> tuple[Events, tuple[str, ...]]:
    """The events responsible for a changed cell over the KPIs' standings, and the KPIs whose values changed it.

    ``causes`` gives the events by which a KPI version came by the values that it had not, or lost them.
    """
    later = search.later
    touched = {s for s in (*later.subjects, *later.touching()) if s.startswith("agency/")}
    scratch = Scratch(search.connection, search.reader, later, search.zone, {table_of("agencies"): None}, touched)
    plans = tuple(
        event.log_index
        for event in search.reader.by_subject(sorted(s for s in later.subjects if s.startswith("plan/")), later.upto)
        if event.log_index > later.after and event.type in PLAN
    )
    atoms: list[Atom] = [("agency", "", index) for index in sorted(scratch.later)]
    atoms += [("plan", "", 0)] if plans else []
    atoms += [("kpi", *key) for key in sorted(values.moved)]

    def outcome(some: Sequence[Atom]) -> str:
        definitions = search.definitions if ("plan", "", 0) in some else _known(search.definitions, then)
        valued = values.then(definitions, {(kpi, version) for what, kpi, version in some if what == "kpi"})
        with scratch.writing() as memory:
            scratch.told(memory, [index for what, _, index in some if what == "agency"])
            made = built.kpi_status(definitions, valued, memberships(memory), question.as_of_us, search.zone)
        return as_text(found.count(question, made.rows).values())

    events: Events = set()
    kpis = []
    try:
        for what, kpi, number in fewest(atoms, outcome):
            if what == "agency":
                events.add(number)
            elif what == "plan":
                events.update(plans)
            else:
                kpis.append(kpi)
                events |= causes((kpi, number))
    finally:
        scratch.close()
    return events, tuple(dict.fromkeys(kpis))


def _known(now: Definitions, then: Definitions) -> Definitions:
    """The definitions of now, those of the plan as they were known at the review."""
    kpis = set(then.kpis())
    return Definitions([*then, *(one for one in now if one.body.kpi not in kpis and one.plan is None)])
