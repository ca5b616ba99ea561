"""The fault table is complete, consistent, and the only source of codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.faults import (
    EXIT_STATUS,
    FAULT_CLASSES,
    FAULTS,
    ConflictFault,
    Fault,
    RejectedFault,
    UnavailableFault,
    fault,
    problem,
)

ROOT = Path(__file__).parents[2]
EMITTED = re.compile(r"\b(?:fault|problem)\(\s*\"([a-z0-9_]+)\"")


def codes_in_source(text: str) -> set[str]:
    return set(EMITTED.findall(text))


def test_every_code_emitted_anywhere_is_in_the_table() -> None:
    """Negative control: a code that is not in the table is found by the same search."""
    assert codes_in_source('raise fault(\n  "no_such_code", "x")') - set(FAULTS) == {"no_such_code"}
    unknown = {
        (str(path.relative_to(ROOT)), code)
        for room in ("contracts", "domain", "streams", "projections", "ops")
        for path in (ROOT / room).rglob("*.py")
        for code in codes_in_source(path.read_text(encoding="utf-8"))
        if code not in FAULTS
    }
    assert unknown == set()


@pytest.mark.parametrize("spec", list(FAULTS.values()), ids=lambda spec: spec.code)
def test_every_row_tells_what_happened_and_what_to_do(spec) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", spec.code)
    assert spec.title.endswith(".")
    assert spec.hint.endswith((".", ">"))
    assert 400 <= spec.http_status <= 599
    assert spec.exit_status == EXIT_STATUS[spec.family]
    assert spec.exit_status not in (0, 1, 2)


def test_statuses_agree_with_families() -> None:
    """A conflict is 409, what is unavailable may be retried, and what is rejected is the caller's to change."""
    for spec in FAULTS.values():
        if spec.family == "conflict":
            assert spec.http_status == 409
        elif spec.family == "unavailable":
            assert spec.http_status in (429, 500, 503, 507)
        else:
            assert spec.http_status < 500 or spec.code == "loopback_only"


def test_each_family_is_raised_as_its_own_class() -> None:
    assert {
        "rejected": RejectedFault,
        "conflict": ConflictFault,
        "unavailable": UnavailableFault,
    } == FAULT_CLASSES
    for code, spec in FAULTS.items():
        raised = fault(code)
        assert type(raised) is FAULT_CLASSES[spec.family]
        assert isinstance(raised, Fault)
        assert raised.problem.code == code


def test_an_unknown_code_cannot_be_told() -> None:
    with pytest.raises(KeyError):
        problem("made_up")


def test_a_problem_reads_the_same_everywhere() -> None:
    told = problem("field_missing", "call is missing", "/data/call", call="c-1")
    assert told.as_dict() == {
        "call": "c-1",
        "code": "field_missing",
        "title": "A required field is missing.",
        "detail": "call is missing",
        "pointer": "/data/call",
        "hint": "Add the field named by the pointer.",
        "docs": "/docs/errors#field_missing",
    }
    assert (told.family, told.http_status, told.exit_status) == ("rejected", 422, 3)


def test_extra_members_cannot_hide_the_code() -> None:
    assert problem("not_found", extra_code="x", docs="elsewhere").as_dict()["docs"] == "/docs/errors#not_found"
