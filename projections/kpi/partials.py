"""Partial results of a KPI: what one month and one group contribute, in a form that can be added up.

A cell of any period is the sum of its months' partials, so a changed month costs the recomputation of that
month alone and a quarter, a year and "all" can never disagree with their months. Merging is associative and
commutative.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import orjson

NO_VALUE = "no_value"
"""The reason under which a row is left out whose value to be measured is absent."""


@dataclass(frozen=True, slots=True)
class Reported:
    """An outside indicator's figures, exact; kept as text so that no digit is lost."""

    value: str | None
    numerator: str | None = None
    denominator: str | None = None


@dataclass(frozen=True, slots=True)
class Partial:
    """Additive counts of rows (weighted where the definition says so).

    ``denominator`` counts the rows that are not excluded, ``numerator`` those that meet the numerator (the
    headline's parts of a split); ``excluded`` the rows left out by reason; ``counts`` the rows in each
    further share or part; ``histogram`` how often each value was measured, and ``values`` the same of each further
    duration by name; ``last_us`` the latest moment of a row in scope.
    """

    numerator: int = 0
    denominator: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    histogram: Mapping[int, int] = field(default_factory=dict)
    reported: Reported | None = None
    last_us: int | None = None
    values: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def to_text(self) -> str:
        """Compact JSON, the same for the same partial."""
        body = {
            "n": self.numerator,
            "d": self.denominator,
            "x": {name: self.excluded[name] for name in sorted(self.excluded)},
            "c": {name: self.counts[name] for name in sorted(self.counts)},
            "h": [[value, self.histogram[value]] for value in sorted(self.histogram)],
            "l": self.last_us,
        }
        if self.reported is not None:
            body["r"] = [self.reported.value, self.reported.numerator, self.reported.denominator]
        if self.values:
            body["v"] = {
                name: [[value, found[value]] for value in sorted(found)] for name, found in sorted(self.values.items())
            }
        return orjson.dumps(body).decode()

    @classmethod
    def from_text(cls, text: str) -> Partial:
        """The inverse of ``to_text``."""
        body = orjson.loads(text)
        reported = Reported(*body["r"]) if "r" in body else None
        values = {name: dict(pairs) for name, pairs in body.get("v", {}).items()}
        return cls(body["n"], body["d"], body["x"], body["c"], dict(body["h"]), reported, body["l"], values)


class Tally:
    """A partial under construction."""

    def __init__(self) -> None:
        self.numerator = 0
        self.denominator = 0
        self.excluded: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.histogram: dict[int, int] = {}
        self.reported: Reported | None = None
        self.last_us: int | None = None
        self.values: dict[str, dict[int, int]] = {}

    def add(self, partial: Partial) -> None:
        """Take a partial's counts in."""
        self.numerator += partial.numerator
        self.denominator += partial.denominator
        for mine, its in (
            (self.excluded, partial.excluded),
            (self.counts, partial.counts),
        ):
            for name, n in its.items():
                mine[name] = mine.get(name, 0) + n
        for value, n in partial.histogram.items():
            self.histogram[value] = self.histogram.get(value, 0) + n
        for name, histogram in partial.values.items():
            for value, n in histogram.items():
                self.measure(name, value, n)
        self.report(partial.reported)
        self.see(partial.last_us)

    def measure(self, name: str, value: int, n: int) -> None:
        """Note a value of a further duration."""
        mine = self.values.setdefault(name, {})
        mine[value] = mine.get(value, 0) + n

    def see(self, last_us: int | None) -> None:
        """Note a row's moment."""
        if last_us is not None and (self.last_us is None or last_us > self.last_us):
            self.last_us = last_us

    def report(self, reported: Reported | None) -> None:
        """Note a reported figure; of two for one period the greater stands, so that order does not
        matter."""
        if reported is not None and (self.reported is None or _rank(reported) > _rank(self.reported)):
            self.reported = reported

    def partial(self) -> Partial:
        """What was counted."""
        return Partial(
            self.numerator,
            self.denominator,
            self.excluded,
            self.counts,
            self.histogram,
            self.reported,
            self.last_us,
            self.values,
        )


def _rank(reported: Reported) -> tuple[Decimal, ...]:
    texts = (reported.value, reported.numerator, reported.denominator)
    return tuple(Decimal("-Infinity") if text is None else Decimal(text) for text in texts)


def merge(partials: Iterable[Partial]) -> Partial:
    """The sum of partials; the empty partial for none."""
    tally = Tally()
    for partial in partials:
        tally.add(partial)
    return tally.partial()
