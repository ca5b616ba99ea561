"""How sound each agency's reports are: every rule checked, and four scores that each open to what lowered them.

Here so that the page, the interface and the command tell the same. A score is the share of checks that held; where
nothing could be checked there is none, and none is not a good one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.engine import Connection

from contracts.moments import format_us
from projections.feeds import delays, feed_states
from projections.kpi.populations import POPULATIONS, table_of
from projections.kpi.rounding import share_of
from projections.kpi.sql import compile_condition
from projections.quality.rules import DIMENSIONS, RULES, Dimension, Rule
from projections.tables import TABLES


@dataclass(frozen=True, slots=True)
class Checked:
    """One rule and agency: how many rows it was about, how many broke it, and some of those, by subject."""

    rule: Rule
    agency: str
    checked: int
    broken: int
    examples: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The published shape."""
        return {
            "rule": self.rule.name,
            "dimension": self.rule.dimension,
            "sentence": self.rule.sentence,
            "agency": self.agency,
            "checked": self.checked,
            "broken": self.broken,
            "examples": list(self.examples),
        }


@dataclass(frozen=True, slots=True)
class Score:
    """One agency and dimension: how many checks there were and how many held. ``share`` is in percent, one digit."""

    agency: str
    dimension: Dimension
    checked: int
    held: int

    @property
    def share(self) -> float | None:
        return share_of(self.held, self.checked)

    def to_json(self) -> dict[str, Any]:
        """The published shape."""
        return {
            "agency": self.agency,
            "dimension": self.dimension,
            "checked": self.checked,
            "held": self.held,
            "share": self.share,
        }


@dataclass(frozen=True, slots=True)
class Flag:
    """A doubt somebody raised about the data: ``about`` is the subject it is about, where one is named."""

    flag: str
    rule: str
    severity: str
    about: str | None
    agency: str
    flagged_us: int | None
    resolved: bool

    def to_json(self) -> dict[str, Any]:
        """The published shape; moments are RFC 3339 in UTC."""
        return {
            "flag": self.flag,
            "rule": self.rule,
            "severity": self.severity,
            "about": self.about,
            "agency": self.agency,
            "flagged": None if self.flagged_us is None else format_us(self.flagged_us),
            "resolved": self.resolved,
        }


def checked(connection: Connection, as_of_us: int, *, examples: int = 3) -> list[Checked]:
    """Every rule by agency, those that were broken first; of a broken one so many ``examples``.

    Costs one pass over each population a rule is about, and one indexed read for the examples of a broken rule.
    """
    found = [line for rule in RULES for line in _by_agency(connection, rule, as_of_us, examples)]
    return sorted(found, key=lambda one: (-one.broken, one.rule.name, one.agency))


def _by_agency(connection: Connection, rule: Rule, as_of_us: int, examples: int) -> Iterable[Checked]:
    table = table_of(rule.population)
    about = compile_condition(rule.about, table, as_of_us)
    broken = compile_condition(rule.broken, table, as_of_us)
    query = select(table.c.agency, func.count(), func.sum(case((broken, 1), else_=0))).where(about)
    population = POPULATIONS[rule.population]
    column = table.c[population.subject_column]
    for agency, n, wrong in connection.execute(query.group_by(table.c.agency)):
        some: tuple[str, ...] = ()
        if wrong and examples:
            rows = connection.execute(
                select(column).where(about, broken, table.c.agency == agency).order_by(column).limit(examples)
            )
            some = tuple(population.subject({population.subject_column: row[0]}) for row in rows)
        yield Checked(rule, agency or "", int(n), int(wrong or 0), some)


def scores(
    connection: Connection,
    as_of_us: int,
    zone: str,
    lines: Iterable[Checked],
    *,
    rejected: Mapping[str, int],
    since_month: str = "",
) -> list[Score]:
    """The four scores of each agency, in order of the agencies' ids.

    * correct: submissions that kept their contract, of all it sent (``rejected`` by agency is what broke one),
    * complete: rules of completeness, and reports that fell due and came,
    * consistent: rules of consistency,
    * timely: dated statements entered within three days, and reports that fell due and came in time.
    """
    sums: dict[tuple[str, Dimension], list[int]] = defaultdict(lambda: [0, 0])

    def add(agency: str, dimension: Dimension, n: int, held: int) -> None:
        if agency and n:
            total = sums[agency, dimension]
            total[0] += n
            total[1] += held

    for line in lines:
        add(line.agency, line.rule.dimension, line.checked, line.checked - line.broken)
    for feed in feed_states(connection, as_of_us, zone):
        add(feed.agency, "complete", feed.due, feed.received)
        add(feed.agency, "timely", feed.due, feed.on_time)
    for lag in delays(connection, since_month=since_month):
        dated = lag.total - lag.counts["undated"]
        add(lag.agency, "timely", dated, lag.counts["0"] + lag.counts["1-3"])
        wrong = rejected.get(lag.agency, 0)
        add(lag.agency, "correct", lag.total + wrong, lag.total)
    agencies = sorted({agency for agency, _ in sums})
    return [
        Score(agency, dimension, *sums.get((agency, dimension), (0, 0)))
        for agency in agencies
        for dimension in DIMENSIONS
    ]


def flags(connection: Connection, as_of_us: int) -> list[Flag]:
    """The doubts raised by a moment, open ones first, then the latest."""
    table = TABLES["quality_flags"]
    found = []
    for row in connection.execute(select(table).where(table.c.flagged == 1)).mappings():
        if row["flagged_at"] is not None and row["flagged_at"] > as_of_us:
            continue
        at = row["resolved_at"]
        resolved = bool(row["resolved"]) and (at is None or at <= as_of_us)
        found.append(
            Flag(
                row["flag"],
                row["rule"],
                row["severity"],
                row["about"],
                row["agency"],
                row["flagged_at"],
                resolved,
            )
        )
    return sorted(found, key=lambda one: (one.resolved, -(one.flagged_us or 0), one.flag))
