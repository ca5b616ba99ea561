"""A small partnership for the KPI tests: events go in as the ledger would hand them on, cells come out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

from sqlalchemy.engine import Connection

from contracts.moments import parse_us
from contracts.recorded import Recorded
from projections.kpi import AsOf, Cell, Explanation, cells, refresh
from projections.kpi.explaining import explain
from projections.kpi.measures import ALL_GROUPS
from projections.views import Views
from tests.projections.fake_log import FakeLog, MemoryStore, recorded

ZONE = "America/Los_Angeles"


def us(text: str) -> int:
    """A moment: a day at noon UTC, or a full RFC 3339 text."""
    return parse_us(text if "T" in text else f"{text}T12:00:00Z")


def library_body(kpi: str, **parts: Any) -> dict[str, Any]:
    """A library definition as data, with these parts changed."""
    text = (resources.files("projections.kpi") / "library" / f"{kpi}.json").read_text(encoding="utf-8")
    return {**json.loads(text), **parts}


class World:
    """A log, its views and cells, all in memory."""

    def __init__(self, zone: str = ZONE) -> None:
        self.zone = zone
        self.log = FakeLog()
        self.store = MemoryStore()
        self.views = Views(zone)
        self.applied = 0
        with self.store.write() as connection:
            self.views.prepare(connection)

    def say(
        self,
        type: str,
        data: dict[str, Any],
        time: str | None = None,
        *,
        at: str | None = None,
        id: str | None = None,
        agency: str = "lakeside",
        supersedes: str | None = None,
        subject: str | None = None,
    ) -> str:
        """Records an event that happened at ``time`` (None: unknown), entered at ``at``; returns its id."""
        number = len(self.log.events) + 1
        name = id or f"e{number}"
        entered = us(at) if at else max([us("2025-01-01"), *(e.recorded_at_us for e in self.log.events)])
        event = recorded(
            number,
            type,
            data,
            id=name,
            agency=agency,
            time_us=None if time is None else us(time),
            recorded_at_us=entered,
            supersedes=supersedes,
            subject=subject,
        )
        self.log.events.append(event)
        return name

    def void(self, event_id: str) -> str:
        """Withdraws an event."""
        target = next(e for e in self.log.events if e.id == event_id)
        data = {"supersedes": event_id, "reason": "wrong"}
        return self.say("record.voided", data, "2025-06-01", agency=target.agency, subject=target.subject)

    def call(
        self,
        call: str,
        day: str,
        *,
        eligibility: str | None = None,
        arrived: str | None = None,
        team: str = "civilian",
        not_sent: str | None = None,
        disposition: str | None = None,
        agency: str = "lakeside",
    ) -> None:
        """A call with the steps named."""
        named = {"call": call}
        self.say("call.received", {**named, "psap": "p", "channel": "911"}, day, agency=agency)
        if eligibility:
            self.say("call.triaged", {**named, "eligibility": eligibility}, day, agency=agency)
        if arrived:
            self.say("response.arrived", {**named, "team": team}, arrived, agency=agency)
        if not_sent:
            self.say("response.not_sent", {**named, "reason": not_sent}, day, agency=agency)
        if disposition:
            self.say("encounter.closed", {**named, "disposition": disposition}, day, agency=agency)

    def refer(self, referral: str, day: str | None, target: str = "harbor", **steps: str) -> None:
        """A referral with its steps: ``accepted="2025-03-02"``, ``completed="2025-03-09"``, …"""
        named = {"referral": referral}
        request = {**named, "requester": "lakeside", "target": target, "need": "housing"}
        self.say("referral.requested", request, day)
        for step, time in steps.items():
            extra: dict[str, Any] = {}
            if step == "declined":
                extra = {"reason": "no_capacity"}
            elif step == "failed":
                extra = {"reason": "could_not_contact"}
            elif step in ("got_help", "partly"):
                extra = {"outcome": step}
                step = "completed"
            self.say(f"referral.{step}", {**named, **extra}, time, agency=target)

    def plan(self, kpi: str = "K06", owner: str | None = "lakeside", **parts: Any) -> None:
        """A plan with one goal and objective that measures by this KPI."""
        plan = {"plan": "p1"}
        self.say("agency.joined", {"agency": "lakeside", "name": "Lakeside", "sector": "law_enforcement"}, "2024-11-01")
        self.say(
            "plan.adopted",
            {**plan, "version": 1, "title": "Care first", "period": {"from": "2025-01-01", "to": "2027-12-31"}},
            "2024-12-01",
        )
        self.say("goal.set", {**plan, "goal": "g1", "statement": "Care first"}, "2024-12-01")
        self.say(
            "objective.set",
            {**plan, "goal": "g1", "objective": "o1", "statement": "On the spot", "owners": ["lakeside"]},
            "2024-12-01",
        )
        self.define(kpi, owner=owner, **parts)

    def define(self, kpi: str, owner: str | None = "lakeside", since: str = "2025-01-01", **parts: Any) -> None:
        """A KPI of the plan."""
        body = library_body(kpi, **parts)
        data = {
            "plan": "p1",
            "objective": "o1",
            "kpi": kpi,
            "version": body["version"],
            "definition": body,
            "effective_from": since,
        }
        self.say("kpi.defined", data | ({"owner": owner} if owner else {}), "2024-12-02")

    def aim(self, kpi: str, targets: dict[str, float], **bands: float) -> None:
        """A target."""
        data: dict[str, Any] = {
            "plan": "p1",
            "kpi": kpi,
            "targets": [{"period": p, "value": v} for p, v in targets.items()],
        }
        self.say("target.set", data | ({"bands": bands} if bands else {}), "2024-12-03")

    def apply(self) -> None:
        """Folds what is new."""
        new: list[Recorded] = self.log.events[self.applied :]
        with self.store.write() as connection:
            self.views.apply(connection, new, self.log)
        self.applied = len(self.log.events)

    def refresh(self, now: str | int) -> int:
        """Folds what is new and refreshes the cells."""
        self.apply()
        moment = us(now) if isinstance(now, str) else now
        return refresh(self.store, self.log, moment, self.zone)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.store.read() as connection:
            yield connection

    def cell(self, kpi: str, period: str = "all", group: str = ALL_GROUPS, *, now: str, **more: Any) -> Cell:
        """One cell, refreshed and read at ``now``."""
        self.refresh(now)
        with self.reading() as connection:
            found = cells(connection, kpi=kpi, period=period, group=group, as_of=AsOf(us(now)), **more)
        assert len(found) == 1
        return found[0]

    def explain(self, kpi: str, period: str = "all", group: str = ALL_GROUPS, *, now: str, **more: Any) -> Explanation:
        """An explanation, of the views as they stand."""
        with self.reading() as connection:
            return explain(connection, self.log, kpi, period, group, as_of=AsOf(us(now)), **more)


def numbers(cell: Cell) -> tuple[Any, ...]:
    """(value, numerator, denominator, excluded) as a reader sees them in JSON."""
    body = cell.to_json()
    return body["value"], body["numerator"], body["denominator"], body["excluded"]
