"""A house in which a review was held, and four kinds of things were recorded since: the case that the tests look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from contracts.moments import format_us, parse_us
from ops.composition import House, open_house
from ops.reviewing import decide, reviews_of
from ops.settings import Settings
from projections.kpi import AsOf

ZONE = "America/Los_Angeles"
HELD_AT = "2025-02-20T20:00:00Z"
NOW = "2025-06-15T15:00:00Z"


class Watch:
    """UTC microseconds, as it was put."""

    def __init__(self, text: str) -> None:
        self.now_us = parse_us(text)

    def __call__(self) -> int:
        return self.now_us


def said(ident: str, name: str, subject: str, time: str, agency: str, data: dict[str, Any], **more: Any) -> bytes:
    """One event as its sender would write it."""
    event = {
        "specversion": "1.0",
        "id": ident,
        "source": f"urn:test:{agency}",
        "type": f"org.tallystick.{name}.v1",
        "subject": subject,
        "time": time,
        "agency": agency,
        "data": data,
        **more,
    }
    return json.dumps(event).encode()


def planned() -> list[bytes]:
    """A plan that measures by K06, resolved in the community."""
    body = json.loads((resources.files("projections.kpi") / "library" / "K06.json").read_text(encoding="utf-8"))
    plan = {"plan": "care"}
    joined = {"agency": "crisis", "name": "Crisis Team", "sector": "behavioral_health"}
    period = {"from": "2025-01-01", "to": "2027-12-31"}
    objective = {**plan, "goal": "g1", "objective": "o1", "statement": "Resolve crises where they happen"}
    defined = {**plan, "objective": "o1", "kpi": "K06", "version": 1, "definition": body, "owner": "crisis"}
    defined |= {"effective_from": "2025-01-01"}
    made: list[tuple[str, str, dict[str, Any]]] = [
        ("agency.joined", "agency/crisis", joined),
        ("plan.adopted", "plan/care", {**plan, "version": 1, "title": "Care first", "period": period}),
        ("goal.set", "plan/care", {**plan, "goal": "g1", "statement": "Care first"}),
        ("objective.set", "plan/care", objective),
        ("kpi.defined", "plan/care", defined),
    ]
    return [
        said(f"p-{number}", name, subject, f"2024-12-0{number + 1}T10:00:00Z", "crisis", data)
        for number, (name, subject, data) in enumerate(made)
    ]


def closed(number: int, disposition: str, agency: str = "crisis", day: str = "2025-01-10") -> bytes:
    """An encounter that ended."""
    data = {"call": f"c-{number}", "disposition": disposition}
    return said(f"c-{number}", "encounter.closed", f"call/c-{number}", f"{day}T10:00:00Z", agency, data)


def since() -> list[bytes]:
    """What came after the review: a late report, a withdrawal, a new target, and something of a later month."""
    voided = {"supersedes": "c-1", "reason": "entered twice"}
    target = {"plan": "care", "kpi": "K06", "targets": [{"period": "2025", "value": 90}]}
    return [
        closed(10, "arrest", "county"),
        said("v-1", "record.voided", "call/c-1", "2025-03-01T10:00:00Z", "crisis", voided),
        said("t-1", "target.set", "plan/care", "2025-03-02T10:00:00Z", "crisis", target),
        closed(11, "arrest", day="2025-03-05"),
    ]


@contextmanager
def reviewed(home: Path) -> Iterator[House]:
    """A writable house: reviews ``q1`` (held, matching), ``odd`` (held, of another digest) and ``q2`` (scheduled)."""
    clock = Watch("2025-01-15T00:00:00Z")
    with open_house(settings=Settings(home=home, zone=ZONE), clock=clock) as house:
        house.record([*planned(), *(closed(n, "remained_in_community") for n in range(4)), closed(4, "arrest")])
        house.catch_up()
        clock.now_us = parse_us(HELD_AT)
        moment = AsOf(clock.now_us, house.reader.head().log_index)
        frozen = reviews_of(house).freeze("care", moment)
        data = {"plan": "care", "as_of": moment.log_index, "moment": format_us(moment.moment_us)}
        seen = {"cells_sha256": frozen.sha256, "cells": len(frozen.cells)}
        decide(house, "review.held", "q1", "crisis", {**data, **seen})
        decide(house, "review.held", "odd", "crisis", {**data, **seen, "cells_sha256": "0" * 64})
        decide(house, "review.scheduled", "q2", "crisis", {"plan": "care", "due": "2025-05-31"})
        clock.now_us = parse_us("2025-03-06T00:00:00Z")
        house.record(since())
        clock.now_us = parse_us(NOW)
        house.catch_up()
        yield house
