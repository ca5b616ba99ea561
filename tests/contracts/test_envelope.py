"""The envelope: a frozen CloudEvents 1.0 event, open to extensions by CloudEvents' rules and to nothing else."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts.catalogue import CATALOGUE
from contracts.envelope import Event
from contracts.oracle import oracle
from contracts.schemas_export import envelope_schema

ANY = TypeAdapter(Event[dict[str, Any]])
PUBLISHED = oracle(envelope_schema())
WHOLE = CATALOGUE.entry("call.received.v1").example_event()


def accepts(event: dict[str, Any]) -> bool:
    """The verdict of the model, which must also be that of the published schema."""
    try:
        ANY.validate_json(json.dumps(event))
    except ValidationError:
        verdict = False
    else:
        verdict = True
    assert PUBLISHED.is_valid(event) == verdict
    return verdict


def test_an_event_cannot_be_changed() -> None:
    event = ANY.validate_json(json.dumps(WHOLE))
    with pytest.raises(ValidationError, match="frozen"):
        event.id = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("traceparent", "00-0af7-01", True),
        ("sampled", True, True),
        ("sequence", 2**31 - 1, True),
        ("sequence", -(2**31), True),
        ("sequence", 2**31, False),
        ("unset", None, True),
        ("a1", "", True),
        ("Upper", "x", False),
        ("with_underscore", "x", False),
        ("with-dash", "x", False),
        ("", "x", False),
        ("a" * 20, "x", True),
        ("a" * 21, "x", False),
        ("é", "x", False),
        ("fraction", 0.5, False),
        ("nested", {"a": 1}, False),
        ("listed", ["a"], False),
        ("broken", "a\nb", False),
    ],
)
def test_extensions_follow_cloudevents(name: str, value: Any, verdict: bool) -> None:
    assert accepts({**WHOLE, name: value}) == verdict


@pytest.mark.parametrize("name", ["agency", "correlationid", "causationid", "purpose", "consentref", "dataschema"])
def test_an_attribute_set_to_null_is_one_left_out(name: str) -> None:
    assert accepts({**WHOLE, name: None})
    assert not accepts({**WHOLE, name: ""})


@pytest.mark.parametrize(
    ("time", "unknown", "verdict"),
    [
        ("2025-03-01T10:00:00Z", ..., True),
        ("2025-03-01T10:00:00Z", False, True),
        ("2025-03-01T10:00:00Z", None, True),
        ("2025-03-01T10:00:00Z", True, False),
        (..., True, True),
        (None, True, True),
        (..., False, False),
        (..., ..., False),
        (None, None, False),
        (..., "true", False),
        (..., 1, False),
    ],
)
def test_a_moment_is_given_or_said_to_be_unknown(time: Any, unknown: Any, verdict: bool) -> None:
    event = {**WHOLE, "time": time, "timeunknown": unknown}
    assert accepts({name: value for name, value in event.items() if value is not ...}) == verdict


NAMES = st.text(st.sampled_from("abz09_-A."), min_size=1, max_size=4)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, st.sampled_from(["x", "é", ""]), max_size=3), st.sampled_from(["", "x", " ", "i/1"]))
def test_what_is_accepted_is_an_event_to_the_sdk_too(extensions: dict[str, str], event_id: str) -> None:
    """One direction only: the SDK is laxer, above all in the contents of texts."""
    event = {**extensions, **WHOLE, "id": event_id}
    if not accepts(event):
        return
    attributes = {name: value for name, value in event.items() if name not in ("data", "time")}
    attributes["time"] = datetime.fromisoformat(event["time"])
    try:
        theirs = CloudEvent(attributes=attributes, data=event["data"])
    except CloudEventValidationError as error:
        pytest.fail(f"accepted here, refused by the SDK: {error.errors}")
    assert theirs.get_id() == event_id
