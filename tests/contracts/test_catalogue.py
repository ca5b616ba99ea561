"""The catalogue: names are found, wrong ones explained, and old versions brought up to date."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from contracts.catalogue import CATALOGUE, Catalogue
from contracts.declaration import EventType, Family
from contracts.evolution.releases import released
from contracts.faults import RejectedFault
from contracts.fields import Id, Payload
from contracts.intake import Intake, validate
from contracts.recorded import Accepted, Rejected


class MeetingHeldV1(Payload):
    """A meeting."""

    meeting: Id


class MeetingHeldV2(Payload):
    """A meeting with its chair."""

    meeting: Id
    chair: Id | None


class MeetingHeldV3(Payload):
    """A meeting with its chairs."""

    meeting: Id
    chairs: tuple[Id, ...]


def meeting(version: int, model: type[Payload], upcast: Any, **more: Any) -> EventType:
    good = {1: {"meeting": "m"}, 2: {"meeting": "m", "chair": "a"}, 3: {"meeting": "m", "chairs": ["a"]}}[version]
    return EventType("meeting.held", model, "meeting/{meeting}", (good,), (), version=version, upcast=upcast, **more)


V1 = meeting(1, MeetingHeldV1, lambda data: {**data, "chair": None}, status="retired")
V2 = meeting(
    2,
    MeetingHeldV2,
    lambda data: {"meeting": data["meeting"], "chairs": [data["chair"]] if data["chair"] else []},
    status="deprecated",
)
V3 = meeting(3, MeetingHeldV3, None)
THREE = Catalogue([Family("meeting", "Meetings", (V1, V2, V3))])


def test_a_type_is_found_by_topic_and_by_wire_type() -> None:
    for entry in CATALOGUE:
        assert CATALOGUE.entry(entry.topic) is entry
        assert CATALOGUE.entry(entry.wire_type) is entry
        assert entry.wire_type == f"org.tallystick.{entry.name}.v{entry.version}"
    assert len(CATALOGUE) == len(list(CATALOGUE))


@pytest.mark.parametrize(
    ("name", "code", "hint"),
    [
        ("org.tallystick.call.recieved.v1", "type_unknown", "Did you mean org.tallystick.call.received.v1?"),
        ("org.tallystick.call.received.v2", "version_unknown", "Use org.tallystick.call.received.v1."),
        ("builtins.eval", "type_unknown", "Use a type listed under /v1/contracts."),
    ],
)
def test_an_unknown_name_is_explained(name: str, code: str, hint: str) -> None:
    with pytest.raises(RejectedFault) as caught:
        CATALOGUE.entry(name)
    assert (code, hint) == (caught.value.problem.code, caught.value.problem.hint)


def test_old_data_are_brought_to_the_newest_version() -> None:
    assert THREE.upcast("meeting.held.v1", {"meeting": "m"}) == {"meeting": "m", "chairs": []}
    assert THREE.upcast("meeting.held.v2", {"meeting": "m", "chair": "a"}) == {"meeting": "m", "chairs": ["a"]}
    assert THREE.upcast("meeting.held.v3", {"meeting": "m", "chairs": ["b"]}) == {"meeting": "m", "chairs": ["b"]}


def test_upcast_data_keep_the_newest_contract() -> None:
    for catalogue in (THREE, CATALOGUE):
        for entry in catalogue:
            newest = catalogue.newest(entry.name)
            for data in entry.good:
                brought = catalogue.upcast(entry.topic, data)
                newest.model.model_validate_json(json.dumps(brought))


def test_a_retired_version_is_read_but_not_taken() -> None:
    intake = Intake(THREE)
    verdict = intake.validate_object(THREE.entry("meeting.held.v1").example_event())
    assert isinstance(verdict, Rejected)
    assert verdict.problem.code == "type_retired"
    assert verdict.problem.hint == "Send org.tallystick.meeting.held.v3."
    assert isinstance(intake.validate_object(THREE.entry("meeting.held.v2").example_event()), Accepted)


def test_a_gap_in_versions_or_a_missing_upcaster_is_refused() -> None:
    with pytest.raises(ValueError, match="count up"):
        Catalogue([Family("meeting", "Meetings", (V1, V3))])
    with pytest.raises(ValueError, match="upcaster"):
        Catalogue([Family("meeting", "Meetings", (replace(V1, upcast=None), V2, V3))])
    with pytest.raises(ValueError, match="twice"):
        Catalogue([Family("meeting", "Meetings", (V3, V3))])


KEPT = [
    (topic, state.release, sample)
    for topic, states in released().items()
    for state in states
    for sample in state.samples
]


def test_every_version_has_a_kept_sample() -> None:
    assert {entry.topic for entry in CATALOGUE} == {topic for topic, _, _ in KEPT}


@pytest.mark.parametrize(("topic", "release", "sample"), KEPT, ids=[f"{topic} {name}" for topic, name, _ in KEPT])
def test_a_kept_sample_stays_readable_for_ever(topic: str, release: str, sample: str) -> None:
    """A sample is never edited: if this fails, an upcaster is missing or a contract was changed in place."""
    body = sample.encode()
    entry = CATALOGUE.entry(topic)
    data = CATALOGUE.upcast(entry.topic, json.loads(body)["data"])
    CATALOGUE.newest(entry.name).model.model_validate_json(json.dumps(data))
    if entry.status != "retired":
        verdict = validate(body)
        assert isinstance(verdict, Accepted)
        assert verdict.body == body
        assert verdict.digest == hashlib.sha256(body).digest()
