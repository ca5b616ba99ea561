"""Populations that take a column from a second table: referrals with the first service that followed.

A row is one subject's events, and a service is a subject of its own, so what happened first for a referral is found
when it is counted. It is looked for within a fixed time, so that a late service changes a known stretch of months.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.sql import ColumnElement

from projections.kpi.conditions import DAY_US
from projections.kpi.populations import Population, Row, table_of
from projections.kpi.sql import Source

FIRST_SERVICE_DAYS = 183
"""How long after the request a first service is looked for."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A table with further columns; ``c`` are all of them by name."""

    c: Mapping[str, ColumnElement[Any]]


def source(population: Population) -> Source:
    """What SQL counts a population from: its table, or its table with what is joined to it."""
    if not population.table:
        return table_of(population.name)
    referrals, services = table_of("referrals"), table_of("services")
    asked, given = referrals.c.requested_at, services.c.delivered_at
    first = (
        select(func.min(given))
        .where(services.c.referral == referrals.c.referral)
        .where(given >= asked, given <= asked + FIRST_SERVICE_DAYS * DAY_US)
        .correlate(referrals)
        .scalar_subquery()
    )
    return Joined({**dict(referrals.c.items()), "first_served_at": first})


def with_first_service(referrals: Iterable[Row], services: Iterable[Row]) -> Iterator[Row]:
    """The same in plain Python: every referral with the moment of its first service."""
    given: dict[str, list[int]] = {}
    for service in services:
        if service["referral"] is not None and service["delivered_at"] is not None:
            given.setdefault(service["referral"], []).append(service["delivered_at"])
    for referral in referrals:
        asked = referral["requested_at"]
        moments = [] if asked is None else given.get(referral["referral"], [])
        inside = [moment for moment in moments if asked <= moment <= asked + FIRST_SERVICE_DAYS * DAY_US]
        yield {**referral, "first_served_at": min(inside, default=None)}
