"""What was decided about a KPI, in the order of the log: its targets and definitions, and who disputes them.

A later decision changes how the past is judged. It may, but never silently: here each one is laid beside the one
before it, old against new, so that a target that moved is found where the number is read. Read from the log itself,
because the views keep only what stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.kpi import KpiDefinition
from contracts.moments import format_us
from contracts.ports import LogReader
from contracts.recorded import Recorded
from projections.kpi.definitions import library, parse
from projections.kpi.explaining import high_water
from projections.kpi.populations import table_of
from projections.kpi.sentence import sentence

CHANGING = ("target.set", "kpi.defined", "kpi.retired")


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of a target or definition before (``old``) and after (``new``) a decision, as JSON values.

    None stands for absent. ``period`` is set where ``what`` is ``target``.
    """

    what: str
    old: Any
    new: Any
    period: str | None = None

    def to_json(self) -> dict[str, Any]:
        told = {"what": self.what, "old": self.old, "new": self.new}
        return told if self.period is None else {**told, "period": self.period}


@dataclass(frozen=True, slots=True)
class Change:
    """A recorded decision that set a target, or defined or retired a version, and what it changed.

    ``version`` is the definition's where the decision names one. ``differences`` is empty where it said again
    what stood.
    """

    event: Recorded
    version: int | None
    differences: tuple[Difference, ...]

    def to_json(self) -> dict[str, Any]:
        data = self.event.data
        return {
            **_place(self.event),
            "version": self.version,
            "reason": data.get("reason"),
            "differences": [difference.to_json() for difference in self.differences],
        }


@dataclass(frozen=True, slots=True)
class Dispute:
    """A partner's recorded objection. ``version`` is the one it is about: that named, else the latest of then."""

    event: Recorded
    by: str
    version: int | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {**_place(self.event), "by": self.by, "version": self.version, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class History:
    """What was decided about one KPI and what is disputed, both in the order of the log."""

    changes: tuple[Change, ...] = ()
    disputes: tuple[Dispute, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "changes": [change.to_json() for change in self.changes],
            "disputes": [dispute.to_json() for dispute in self.disputes],
        }


def decisions(connection: Connection, reader: LogReader) -> Sequence[Recorded]:
    """Every decision about any plan in the order of the log, as far as the views of ``connection`` have read it."""
    plans = table_of("plans")
    subjects = [f"plan/{plan}" for (plan,) in connection.execute(select(plans.c.plan).order_by(plans.c.plan))]
    if not subjects:
        return ()
    places = reader.about(subjects, high_water(connection))
    return [event for event in reader.at(places) if event.kind == "decision"]


def history(decided: Iterable[Recorded], kpi: str) -> History:
    """What some decisions, given in the order of the log, say about one KPI."""
    changes: list[Change] = []
    disputes: list[Dispute] = []
    latest: dict[str, dict[str, dict[str, Any]]] = {}
    for event in decided:
        data = event.data
        if data.get("kpi") != kpi:
            continue
        stood = latest.setdefault(data["plan"], {})
        if event.type == "target.set":
            changes.append(Change(event, None, tuple(_targets(stood.get(event.type), data))))
        elif event.type == "kpi.defined":
            changes.append(Change(event, data["version"], tuple(_definition(stood.get(event.type), data))))
        elif event.type == "kpi.retired":
            changes.append(Change(event, data.get("version"), (Difference("in use", True, False), *_successor(data))))
        elif event.type == "definition.disputed":
            current = stood.get("kpi.defined", {}).get("version")
            disputes.append(Dispute(event, data["by"], data.get("version") or current, data["reason"]))
        stood[event.type] = data
    return History(tuple(changes), tuple(disputes))


def disputed(decided: Iterable[Recorded]) -> frozenset[tuple[str, int | None]]:
    """The KPI versions that some decisions, given in the order of the log, hold in dispute."""
    decided = list(decided)
    kpis = {event.data["kpi"] for event in decided if event.type == "definition.disputed"}
    return frozenset((kpi, dispute.version) for kpi in kpis for dispute in history(decided, kpi).disputes)


def _targets(before: dict[str, Any] | None, now: dict[str, Any]) -> Iterable[Difference]:
    old = {} if before is None else {target["period"]: target["value"] for target in before["targets"]}
    new = {target["period"]: target["value"] for target in now["targets"]}
    for period in sorted({*old, *new}):
        if old.get(period) != new.get(period):
            yield Difference("target", old.get(period), new.get(period), period)
    for part in ("baseline", "bands"):
        earlier = None if before is None else before.get(part)
        if earlier != now.get(part):
            yield Difference(part, earlier, now.get(part))


def _definition(before: dict[str, Any] | None, now: dict[str, Any]) -> Iterable[Difference]:
    """Against the plan's version before; the plan's first one against the library's, which counted until then."""
    known = library().get(now["kpi"])
    if before is not None:
        old, old_body = _parts(before["definition"]), _body(before["definition"])
    elif known is not None:
        old, old_body = _dumped(known.body), known.body
    else:
        old, old_body = {}, None
    new, new_body = _parts(now["definition"]), _body(now["definition"])
    for part in ("owner", "objective", "effective_from"):
        earlier = None if before is None else before.get(part)
        if earlier != now.get(part):
            yield Difference(part, earlier, now.get(part))
    said = None if old_body is None else sentence(old_body), None if new_body is None else sentence(new_body)
    if said[0] != said[1]:
        yield Difference("sentence", *said)
    yield from _differing(old, new)


def between(old: KpiDefinition, new: KpiDefinition) -> tuple[Difference, ...]:
    """How two definitions differ: in words where their sentences do, then every part, as JSON values."""
    said = sentence(old), sentence(new)
    in_words = () if said[0] == said[1] else (Difference("sentence", *said),)
    return (*in_words, *_differing(_dumped(old), _dumped(new)))


def _differing(old: dict[str, Any], new: dict[str, Any]) -> Iterable[Difference]:
    # In the order of the definition, with what only the old one has at the end.
    for part in dict.fromkeys((*new, *old)):
        if old.get(part) != new.get(part):
            yield Difference(part, old.get(part), new.get(part))


def _successor(data: dict[str, Any]) -> Iterable[Difference]:
    if data.get("successor") is not None:
        yield Difference("successor", None, data["successor"])


def _body(definition: dict[str, Any]) -> KpiDefinition | None:
    try:
        return parse(json.dumps(definition)).body
    except ValidationError:
        return None


def _parts(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition's parts with every default filled in, so that leaving one out is no difference."""
    body = _body(definition)
    return {name: part for name, part in definition.items() if name != "kpi"} if body is None else _dumped(body)


def _dumped(body: KpiDefinition) -> dict[str, Any]:
    return body.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"kpi"})


def _place(event: Recorded) -> dict[str, Any]:
    return {
        "log_index": event.log_index,
        "type": event.type,
        "plan": event.data["plan"],
        "time": None if event.time_us is None else format_us(event.time_us),
        "recorded_at": format_us(event.recorded_at_us),
        "agency": event.agency,
        "source": event.source,
        "id": event.id,
    }
