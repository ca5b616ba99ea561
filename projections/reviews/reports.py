"""Which later events changed a number of expected reports: what was expected of whom, and reports that came late.

Apart because a report is not an event but the first statement of a family about a day: every statement about a day of
which nothing had been heard by the review has to be taken away for the day to be silent again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from contracts.moments import day_text, local_epoch_day
from contracts.ports import NO_TIME, HotColumns
from projections import statements
from projections.kpi.periods import shift
from projections.kpi.populations import table_of
from projections.kpi.question import Question
from projections.reviews.fewest import fewest
from projections.reviews.scratch import Scratch
from projections.tallies import report_key

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from projections.reviews.causes import Events, Search

Atom = tuple[str, tuple[int, ...]]
"""Events that go together: ("", one event), or the key of a report with every later statement that makes it."""


def report_causes(search: Search, question: Question) -> Events:
    """The events responsible for a changed cell over the expected reports."""
    later, reports = search.later, table_of("reports")
    touched = {s for s in (*later.subjects, *later.touching()) if s.startswith(("feed/", "agency/"))}
    tables = {table_of(name): None for name in ("expected_feeds", "agencies", "reports")}
    scratch = Scratch(search.connection, search.reader, later, search.zone, tables, touched)
    came = _came_since(search, question)
    with scratch.writing() as memory:
        rows = {row.key: tuple(row) for row in memory.execute(select(reports)) if row.key in came}
    atoms: list[Atom] = [("", (index,)) for index in sorted(scratch.later)]
    atoms += [(key, tuple(indexes)) for key, indexes in sorted(came.items())]

    def outcome(some: Sequence[Atom]) -> str:
        taken = {key for key, _ in some if key}
        with scratch.writing() as memory:
            scratch.told(memory, [index for key, indexes in some if not key for index in indexes])
            statements.delete_where(memory, reports, "key", came)
            kept = [row for key, row in rows.items() if key in taken]
            if kept:
                statements.write_rows(memory, statements.insert(reports), kept)
            return search.counted(memory, question)

    try:
        return {index for _, indexes in fewest(atoms, outcome) for index in indexes}
    finally:
        scratch.close()


def _came_since(search: Search, question: Question) -> dict[str, list[int]]:
    """By the key of a report, the later statements about a day of which nothing had been heard by the review.

    Looked for are the months of the cell and the one before, in which a week may begin.
    """
    import numpy as np

    later, feeds, reports = search.later, table_of("expected_feeds"), table_of("reports")
    pairs = {(row.agency, row.feed) for row in search.connection.execute(select(feeds.c.agency, feeds.c.feed))}
    months = set(question.places or ())
    months |= {shift(month, -1) for month in months}
    stated = search.stated()
    families = {family for _, family in pairs}
    types = [number for number, family in stated.families.items() if family in families]

    def choose(hot: HotColumns) -> npt.NDArray[np.bool_]:
        of_feeds: npt.NDArray[np.bool_] = np.isin(hot.type_id, types) & (hot.time_us != NO_TIME)
        return of_feeds

    found: dict[str, list[int]] = defaultdict(list)
    for hot, chosen in stated.stretches(later.after, later.upto, choose):
        columns = (hot.log_index, hot.agency_id, hot.type_id, hot.time_us)
        for index, agency, kind, time in zip(*(column[chosen].tolist() for column in columns), strict=True):
            day = day_text(local_epoch_day(time, search.zone))
            name, family = stated.names[agency], stated.families[kind]
            if day[:7] in months and (name, family) in pairs:
                found[report_key(name, family, day)].append(index)
    if not found:
        return {}
    (last,) = search.reader.at([later.after]) if later.after else (None,)
    known_us = -1 if last is None else last.recorded_at_us
    first: dict[str, int] = {}
    for some in statements.chunks(found):
        query = select(reports.c.key, reports.c.first_recorded_at).where(reports.c.key.in_(some))
        first.update((key, at) for key, at in search.connection.execute(query))
    heard = {key for key in found if first.get(key, known_us + 1) < known_us}
    equal = {key for key in found if first.get(key) == known_us}
    if equal:
        heard |= equal & _heard_at(search, known_us)
    return {key: indexes for key, indexes in found.items() if key not in heard}


def _heard_at(search: Search, moment_us: int) -> set[str]:
    """The keys of the reports that statements recorded at one moment, up to the review, were about: those recorded
    with one batch have one moment, and the review may lie within it."""

    stated = search.stated()

    def choose(hot: HotColumns) -> npt.NDArray[np.bool_]:
        dated: npt.NDArray[np.bool_] = hot.time_us != NO_TIME
        return dated

    heard: set[str] = set()
    start = search.reader.upto_moment(moment_us - 1)
    for hot, chosen in stated.stretches(start, search.later.after, choose):
        columns = (hot.agency_id, hot.type_id, hot.time_us)
        for agency, kind, time in zip(*(column[chosen].tolist() for column in columns), strict=True):
            day = day_text(local_epoch_day(time, search.zone))
            heard.add(report_key(stated.names[agency], stated.families[kind], day))
    return heard
