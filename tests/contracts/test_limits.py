"""Every limit has a test: at the limit it is taken, one beyond it is refused with a code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts import limits
from contracts.catalogue import CATALOGUE
from contracts.faults import Fault
from contracts.intake import validate, validate_object
from contracts.recorded import Accepted, Rejected
from contracts.splitting import split_batch
from contracts.strictjson import loads

CALL = CATALOGUE.entry("call.received.v1")
NOT_SENT = CATALOGUE.entry("response.not_sent.v1")


def call(**changes: Any) -> Accepted | Rejected:
    return validate_object({**CALL.example_event({"call": "c-1"}), **changes})


def with_data(**fields: Any) -> Accepted | Rejected:
    data = {"call": "c-1", **fields}
    return validate_object({**CALL.example_event(data), "subject": f"call/{data['call']}"})


def padded(length: int) -> Accepted | Rejected:
    raw = json.dumps(CALL.example_event()).encode()
    return validate(raw + b" " * (length - len(raw)))


def deep(depth: int) -> Any:
    try:
        return loads(b"[" * depth + b"]" * depth)
    except Fault as refused:
        return Rejected(b"", refused.problem)


def number(value: int) -> Any:
    try:
        return loads(b"%d" % value)
    except Fault as refused:
        return Rejected(b"", refused.problem)


def errors_told(count: int) -> Any:
    """Rejected where the list was cut short."""
    verdict = with_data(**{f"unknown{n}": 1 for n in range(count + 1)})
    assert isinstance(verdict, Rejected)
    return verdict if len(verdict.problem.extra["errors"]) < count else None


Probe = tuple[Callable[[int], Any], str]
PROBES: dict[str, Probe] = {
    "EVENT_BYTES_MAX": (padded, "too_large"),
    "BATCH_BYTES_MAX": (lambda n: split_batch(b"[1]" + b" " * (n - 3)), "too_large"),
    "BATCH_EVENTS_MAX": (lambda n: split_batch(b"[" + b",".join([b"1"] * n) + b"]"), "batch_too_long"),
    "DEPTH_MAX": (deep, "too_deep"),
    "NUMBER_MAX": (number, "number_out_of_range"),
    "ID_CHARS_MAX": (lambda n: with_data(call="x" * n), "data_invalid"),
    "EVENT_ID_CHARS_MAX": (lambda n: call(id="é" * n), "attribute_invalid"),
    "SOURCE_CHARS_MAX": (lambda n: call(source="/" * n), "attribute_invalid"),
    "EXTENSION_CHARS_MAX": (lambda n: call(trace="é" * n), "attribute_invalid"),
    "EXTENSION_NAME_CHARS_MAX": (lambda n: call(**{"x" * n: "y"}), "attribute_invalid"),
    "NAME_CHARS_MAX": (lambda n: with_data(area="\U0001f600" * n), "data_invalid"),
    "TEXT_CHARS_MAX": (
        lambda n: validate_object(NOT_SENT.example_event({"call": "c-1", "reason": "other", "note": "é" * n})),
        "data_invalid",
    ),
    "LIST_ITEMS_MAX": (lambda n: with_data(needs=[f"n{i}" for i in range(n)]), "data_invalid"),
    "YEAR_MAX": (lambda n: call(time=f"{n}-12-31T23:59:59Z"), "attribute_invalid"),
    "FRACTION_DIGITS_MAX": (lambda n: call(time=f"2025-01-01T00:00:00.{'1' * n}Z"), "attribute_invalid"),
    "ERRORS_TOLD_MAX": (errors_told, "field_unknown"),
}
LEAST: dict[str, Probe] = {
    "YEAR_MIN": (lambda n: call(time=f"{n}-01-01T00:00:00Z"), "attribute_invalid"),
}


@pytest.mark.parametrize("name", list(PROBES))
def test_a_limit_holds_to_the_unit(name: str) -> None:
    probe, code = PROBES[name]
    limit = limits.LIMITS[name]
    assert not isinstance(probe(limit), Rejected)
    beyond = probe(limit + 1)
    assert isinstance(beyond, Rejected)
    assert code == beyond.problem.code


@pytest.mark.parametrize("name", list(LEAST))
def test_a_least_value_holds_to_the_unit(name: str) -> None:
    probe, code = LEAST[name]
    limit = limits.LIMITS[name]
    assert not isinstance(probe(limit), Rejected)
    below = probe(limit - 1)
    assert isinstance(below, Rejected)
    assert code == below.problem.code


def test_the_subject_is_limited() -> None:
    voided = CATALOGUE.entry("record.voided.v1").example_event()
    assert isinstance(validate_object({**voided, "subject": "x" * limits.SUBJECT_CHARS_MAX}), Accepted)
    verdict = validate_object({**voided, "subject": "x" * (limits.SUBJECT_CHARS_MAX + 1)})
    assert isinstance(verdict, Rejected)
    assert verdict.problem.pointer == "/subject"


def test_every_limit_is_probed() -> None:
    assert set(limits.LIMITS) == set(PROBES) | set(LEAST) | {"SUBJECT_CHARS_MAX"}
