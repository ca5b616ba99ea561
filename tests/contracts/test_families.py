"""Every family: its examples keep or break the contract as they say, and adding one is adding a module."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from contracts.catalogue import CATALOGUE, Catalogue, Entry
from contracts.declaration import Family
from contracts.families import discover
from contracts.intake import Intake, validate
from contracts.recorded import Accepted, Rejected

GOOD = [(entry, data) for entry in CATALOGUE for data in entry.good]
BAD = [(entry, bad) for entry in CATALOGUE for bad in entry.bad]


def topic(value: object) -> str | None:
    return value.topic if isinstance(value, Entry) else None


@pytest.mark.parametrize(("entry", "data"), GOOD, ids=topic)
def test_a_good_example_is_accepted(entry: Entry, data: dict[str, Any]) -> None:
    verdict = validate(json.dumps(entry.example_event(data)).encode())
    assert isinstance(verdict, Accepted), verdict
    assert (entry.name, entry.version, entry.kind, data) == (
        verdict.type,
        verdict.version,
        verdict.kind,
        verdict.data,
    )


@pytest.mark.parametrize(("entry", "bad"), BAD, ids=topic)
def test_a_bad_example_is_rejected_with_its_code_and_place(entry: Entry, bad: Any) -> None:
    verdict = validate(json.dumps(entry.example_event(bad.data)).encode())
    assert isinstance(verdict, Rejected)
    assert (bad.code, bad.pointer) == (verdict.problem.code, verdict.problem.pointer)
    assert verdict.problem.hint


@pytest.mark.parametrize("entry", list(CATALOGUE), ids=topic)
def test_every_type_has_examples_and_a_sentence(entry: Entry) -> None:
    assert entry.good
    assert entry.bad
    assert entry.summary.endswith((".", ")"))
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", entry.name)
    assert (entry.aggregate is not None) == (entry.kind == "decision")
    if entry.aggregate is not None:
        assert entry.aggregate in entry.model.model_fields


def models_of(kind: Any) -> set[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        inner = (models_of(field.annotation) for field in kind.model_fields.values())
        return {kind}.union(*inner) if kind.__module__.startswith("contracts.families") else set()
    if get_origin(kind) in (Union, UnionType, tuple):
        return set().union(*(models_of(part) for part in get_args(kind)))
    return set()


def test_every_field_says_what_it_is() -> None:
    """Negative control: the search does find a field without a description."""

    class Silent(BaseModel):
        silent: str

    def undescribed(model: type[BaseModel]) -> list[str]:
        return [f"{model.__name__}.{name}" for name, field in model.model_fields.items() if not field.description]

    assert undescribed(Silent) == ["Silent.silent"]
    models = set().union(*(models_of(entry.model) for entry in CATALOGUE))
    assert len(models) > len(CATALOGUE)
    assert [name for model in models for name in undescribed(model)] == []


def test_the_families_of_the_language_are_there() -> None:
    expected = """
        agency.joined agency.withdrew agreement.signed agreement.amended agreement.ended commitment.made
        commitment.evidenced commitment.accepted commitment.disputed commitment.waived plan.adopted goal.set
        objective.set kpi.defined kpi.retired target.set definition.disputed call.received call.triaged
        response.dispatched response.not_sent response.arrived response.backup_requested encounter.engaged
        encounter.closed referral.requested referral.received referral.accepted referral.declined referral.withdrawn
        referral.on_hold referral.completed referral.failed referral.outcome_confirmed appointment.scheduled
        appointment.missed appointment.cancelled capacity.reported service.delivered enrollment.started
        enrollment.ended assessment.completed record.corrected record.voided indicator.measured report.expected
        followup.made force.used arrest.made diversion.offered diversion.accepted diversion.declined
        referral.disputed service.confirmed service.disputed consent.granted consent.narrowed consent.revoked
        disclosure.made access.denied dataquality.flagged dataquality.resolved training.held training.confirmed
        training.disputed certification.earned certification.expired staffing.reported colocation.started
        colocation.ended funding.pledged funding.committed funding.disbursed funding.spent funding.lapsed
        funding.received funding.disputed survey.collected engagement.held input.recorded input.answered
        meeting.held decision.recorded action.opened action.closed review.scheduled review.held calendar.set
        audit.finding audit.closed
    """
    assert set(expected.split()) == {entry.name for entry in CATALOGUE}


@pytest.mark.parametrize("family", CATALOGUE.families, ids=lambda family: family.name)
def test_every_family_is_a_feed_under_the_name_of_its_module(family: Family) -> None:
    data = {"agency": "lakeside-health", "feed": family.name, "cadence": "monthly", "grace_days": 10}
    event = CATALOGUE.entry("report.expected.v1").example_event(data)
    assert isinstance(validate(json.dumps(event).encode()), Accepted)
    assert f"contracts.families.{family.name}" in sys.modules


def test_the_decisions_are_those_of_governance() -> None:
    families = {"plan", "kpi", "calendar", "agreement", "meeting", "decision", "action", "review"}
    decisions = {entry.name for entry in CATALOGUE if entry.kind == "decision"}
    expected = {entry.name for entry in CATALOGUE if entry.family in families} | {"commitment.made"}
    assert expected == decisions


NEW_FAMILY = '''
"""Training."""
from contracts.declaration import Bad, EventType, Family
from contracts.fields import Id, Payload
from pydantic import Field

class TrainingHeld(Payload):
    """A course was held."""
    course: Id = Field(description="The course.")

FAMILY = Family("training", "Training", (
    EventType("training.held", TrainingHeld, "training/{course}", good=({"course": "t-1"},), bad=()),
))
'''


def test_a_new_module_is_a_new_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the module is needed: not a registration, not an import."""
    package = tmp_path / "more_families"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "training.py").write_text(NEW_FAMILY)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = discover([str(package)], "more_families")
    catalogue = Catalogue(found)
    event = catalogue.entry("training.held.v1").example_event()
    assert isinstance(Intake(catalogue).validate(json.dumps(event).encode()), Accepted)
    sys.modules.pop("more_families.training", None)
    sys.modules.pop("more_families", None)


def test_a_module_without_a_family_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "half_families"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "empty.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(AttributeError, match="FAMILY"):
        discover([str(package)], "half_families")
    sys.modules.pop("half_families.empty", None)
    sys.modules.pop("half_families", None)
