"""Intake: what is accepted is canonical and complete, and a rejection names the field and the fix."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.canonical import canonical_bytes
from contracts.catalogue import CATALOGUE
from contracts.intake import validate, validate_object
from contracts.limits import ERRORS_TOLD_MAX
from contracts.moments import parse_us
from contracts.recorded import Accepted, Rejected
from contracts.splitting import split_batch

CALL = CATALOGUE.entry("call.received.v1")
VOIDED = CATALOGUE.entry("record.voided.v1")
SIGNED = CATALOGUE.entry("agreement.signed.v1")


def event(**changes: Any) -> dict[str, Any]:
    """A sound call.received with attributes replaced, or taken out where the value is ...."""
    whole = {**CALL.example_event({"call": "c-1", "channel": "911"}), **changes}
    return {name: value for name, value in whole.items() if value is not ...}


def accepted(verdict: Accepted | Rejected) -> Accepted:
    assert isinstance(verdict, Accepted), verdict
    return verdict


def refused(verdict: Accepted | Rejected) -> tuple[str, str]:
    assert isinstance(verdict, Rejected), verdict
    return verdict.problem.code, verdict.problem.pointer


def send(**changes: Any) -> Accepted | Rejected:
    return validate(json.dumps(event(**changes)).encode())


def test_an_accepted_event_carries_its_canonical_form() -> None:
    whole = event()
    verdict = accepted(validate(json.dumps(whole, indent=3).encode()))
    assert verdict.body == canonical_bytes(whole)
    assert verdict.digest == sha256(verdict.body).digest()
    assert (whole["source"], whole["id"], whole["subject"]) == (verdict.source, verdict.id, verdict.subject)
    assert (verdict.type, verdict.version, verdict.kind) == ("call.received", 1, "statement")
    assert verdict.agency == "lakeside-health"
    assert verdict.time_us == parse_us(whole["time"])
    assert verdict.supersedes is None
    assert verdict.data == {"call": "c-1", "channel": "911"}


@pytest.mark.parametrize(
    "spell",
    [
        lambda whole: json.dumps(whole).encode(),
        lambda whole: json.dumps(whole, separators=(",", ":")).encode(),
        lambda whole: json.dumps(dict(reversed(whole.items()))).encode(),
        lambda whole: json.dumps(whole).replace("911", "\\u0039\\u0031\\u0031").encode(),
        lambda whole: json.dumps(whole).replace("call", "\\u0063all").encode(),
    ],
)
def test_spelling_does_not_change_the_digest(spell: Callable[[dict[str, Any]], bytes]) -> None:
    assert accepted(validate(spell(event()))).digest == accepted(validate_object(event())).digest


def test_a_whole_number_is_one_number_however_it_is_spelled() -> None:
    closed = CATALOGUE.entry("encounter.closed.v1")
    data = {"call": "c-1", "disposition": "other", "minutes_on_scene": 12}
    whole = json.dumps(closed.example_event(data))
    spelled = [whole, whole.replace(": 12}", ": 12.0}"), whole.replace(": 12}", ": 1.2e1}")]
    verdicts = [accepted(validate(text.encode())) for text in spelled]
    assert len({verdict.digest for verdict in verdicts}) == 1
    assert [verdict.data["minutes_on_scene"] for verdict in verdicts] == [12, 12, 12]
    assert all(type(verdict.data["minutes_on_scene"]) is int for verdict in verdicts)


def test_data_are_those_of_the_stored_bytes() -> None:
    for entry in CATALOGUE:
        for data in entry.good:
            verdict = accepted(validate_object(entry.example_event(data)))
            assert json.loads(verdict.body)["data"] == verdict.data


def test_an_unknown_time_is_said_never_guessed() -> None:
    assert accepted(send(time=..., timeunknown=True)).time_us is None
    assert accepted(send(timeunknown=False)).time_us is not None
    assert refused(send(time=...)) == ("time_missing", "/time")
    assert refused(send(time=..., timeunknown=False)) == ("time_missing", "/time")
    assert refused(send(timeunknown=True)) == ("attribute_invalid", "/timeunknown")


@pytest.mark.parametrize("name", ["id", "source", "subject", "specversion", "type"])
def test_a_missing_attribute_is_named(name: str) -> None:
    assert refused(send(**{name: ...})) == ("attribute_missing", f"/{name}")
    assert refused(send(**{name: None})) == ("attribute_missing", f"/{name}")


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"specversion": "0.3"}, "specversion_unsupported", "/specversion"),
        ({"specversion": 1.0}, "specversion_unsupported", "/specversion"),
        ({"type": 7}, "attribute_invalid", "/type"),
        ({"type": {"a": 1}}, "attribute_invalid", "/type"),
        ({"type": "call.received.v1"}, "type_unknown", "/type"),
        ({"type": "org.tallystick.call.received"}, "version_unknown", "/type"),
        ({"type": "org.tallystick.call.received.v9"}, "version_unknown", "/type"),
        ({"id": ""}, "attribute_invalid", "/id"),
        ({"id": 5}, "attribute_invalid", "/id"),
        ({"id": "a\u0000"}, "attribute_invalid", "/id"),
        ({"source": "a b"}, "attribute_invalid", "/source"),
        ({"time": "yesterday"}, "attribute_invalid", "/time"),
        ({"time": "2025-03-01T10:00:00"}, "attribute_invalid", "/time"),
        ({"time": 1740852000}, "attribute_invalid", "/time"),
        ({"agency": "Metro Police"}, "attribute_invalid", "/agency"),
        ({"datacontenttype": "text/xml"}, "attribute_invalid", "/datacontenttype"),
        ({"sensitivity": "secret"}, "attribute_invalid", "/sensitivity"),
        ({"traceParent": "x"}, "attribute_invalid", "/traceParent"),
        ({"trace": {"a": 1}}, "attribute_invalid", "/trace"),
        ({"trace": 0.5}, "attribute_invalid", "/trace"),
        ({"data_base64": "e30="}, "attribute_invalid", "/data_base64"),
        ({"data": ...}, "data_missing", "/data"),
        ({"data": None}, "data_missing", "/data"),
        ({"data": "x"}, "data_invalid", "/data"),
        ({"data": []}, "data_invalid", "/data"),
        ({"subject": "call/c-2"}, "subject_mismatch", "/subject"),
        ({"subject": "referral/c-1"}, "subject_mismatch", "/subject"),
        ({"supersedes": "call.received-1"}, "supersedes_itself", "/supersedes"),
        ({"agency": ...}, "agency_missing", "/agency"),
        ({"agency": None}, "agency_missing", "/agency"),
    ],
)
def test_a_broken_envelope_is_told_with_code_and_place(changes: dict[str, Any], code: str, pointer: str) -> None:
    verdict = send(**changes)
    assert (code, pointer) == refused(verdict)
    assert isinstance(verdict, Rejected)
    assert verdict.problem.hint
    assert verdict.problem.docs == f"/docs/errors#{code}"


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"data": {"call": "c-1", "chanel": "911"}}, "Did you mean channel?"),
        ({"data": {"call": "c-1", "channel": "9111"}}, "Did you mean 911?"),
        ({"data": {"call": "c-1", "channel": "fax"}}, "Use one of 911, 988, non_emergency, self_initiated."),
        ({"data": {"Call": "c-1"}}, "Did you spell it 'Call'? The contract says 'call'."),
        ({"data": {"call": 17}}, "Send a text in double quotes."),
        ({"subject": "call/c-2"}, "Set subject to call/c-1, or correct call in data."),
        ({"time": "1.3.2025"}, "Write it as 2025-03-01T10:00:00-08:00"),
        ({"type": "org.tallystick.call.recieved.v1"}, "Did you mean org.tallystick.call.received.v1?"),
        ({"type": "call.received.v1"}, "Did you mean org.tallystick.call.received.v1?"),
        ({"Agency": "metro"}, "Did you mean agency?"),
    ],
)
def test_the_hint_says_how_to_put_it_right(changes: dict[str, Any], hint: str) -> None:
    verdict = send(**changes)
    assert isinstance(verdict, Rejected)
    assert verdict.problem.hint.startswith(hint)


def test_allowed_values_are_given_for_programs_too() -> None:
    verdict = send(data={"call": "c-1", "channel": "fax"})
    assert isinstance(verdict, Rejected)
    assert verdict.problem.extra["allowed"] == ["911", "988", "non_emergency", "self_initiated"]


def test_every_error_of_an_event_is_told_at_once() -> None:
    verdict = send(source="a b", data={"channel": "fax", "colour": "red"})
    assert isinstance(verdict, Rejected)
    told = [(verdict.problem.code, verdict.problem.pointer)]
    told += [(error["code"], error["pointer"]) for error in verdict.problem.extra["errors"]]
    assert told == [
        ("attribute_invalid", "/source"),
        ("field_missing", "/data/call"),
        ("data_invalid", "/data/channel"),
        ("field_unknown", "/data/colour"),
    ]


def test_thousands_of_errors_are_told_in_few_words() -> None:
    """Hints are made for what is told only, and what is missing comes before what is too much."""
    verdict = send(data={f"field{n}": n for n in range(3_000)})
    assert isinstance(verdict, Rejected)
    assert refused(verdict) == ("field_missing", "/data/call")
    assert len(verdict.problem.extra["errors"]) == ERRORS_TOLD_MAX


def test_a_key_with_a_slash_is_escaped_in_the_pointer() -> None:
    assert refused(send(data={"call": "c-1", "a/b~": 1})) == ("field_unknown", "/data/a~1b~0")


def test_what_can_be_read_of_the_sender_is_kept() -> None:
    verdict = send(data={})
    assert isinstance(verdict, Rejected)
    assert (verdict.source, verdict.id, verdict.agency) == (event()["source"], event()["id"], "lakeside-health")
    assert json.loads(verdict.raw) == event(data={})
    verdict = validate(b"{", agency="metro")
    assert isinstance(verdict, Rejected)
    assert (verdict.source, verdict.id, verdict.agency, verdict.raw) == (None, None, "metro", b"{")


def test_a_credential_speaks_for_its_agency_only() -> None:
    raw = json.dumps(event(agency=...)).encode()
    assert accepted(validate(raw, agency="metro")).agency == "metro"
    assert accepted(validate(json.dumps(event()).encode(), agency="lakeside-health")).agency == "lakeside-health"
    assert refused(validate(json.dumps(event()).encode(), agency="metro")) == ("agency_not_entitled", "/agency")


def test_supersedes_comes_from_the_envelope_or_from_a_correction() -> None:
    assert accepted(send(supersedes="old")).supersedes == "old"
    voided = VOIDED.example_event()
    assert accepted(validate_object(voided)).supersedes == voided["data"]["supersedes"]
    same = {**voided, "supersedes": voided["data"]["supersedes"]}
    assert accepted(validate_object(same)).supersedes == voided["data"]["supersedes"]
    assert refused(validate_object({**voided, "supersedes": "x"})) == ("supersedes_contradicted", "/supersedes")
    own = {**voided, "id": voided["data"]["supersedes"]}
    assert refused(validate_object(own)) == ("supersedes_itself", "/data/supersedes")


def test_a_decision_does_not_supersede() -> None:
    decision = {**SIGNED.example_event(), "supersedes": "old"}
    assert refused(validate_object(decision)) == ("supersedes_not_allowed", "/supersedes")


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"1", b"null", b"true", b"1.5"])
def test_an_event_is_an_object(raw: bytes) -> None:
    assert refused(validate(raw)) == ("not_an_object", "")


@pytest.mark.parametrize(
    "value", [float("nan"), dt.datetime(2025, 1, 1, tzinfo=dt.UTC), b"x", {1, 2}, object(), 2**70, "\ud800"]
)
def test_an_object_that_json_cannot_hold_is_rejected_not_raised(value: object) -> None:
    verdict = validate_object(event(data={"call": "c-1", "area": value}))
    assert isinstance(verdict, Rejected)


def test_nan_is_never_stored_as_nothing() -> None:
    """The quick encoder writes NaN as null, which would pass as an optional field left out."""
    for value in (float("nan"), float("-inf")):
        verdict = validate_object(event(data={"call": "c-1", "needs": ["a", value], "area": None}))
        assert refused(verdict) == ("not_a_number", "/data/needs/1")
    assert accepted(validate_object(event(data={"call": "c-1", "area": None}))).data["area"] is None


def test_nesting_inside_an_object_is_limited_too() -> None:
    deep: Any = "x"
    for _ in range(2_000):
        deep = [deep]
    assert isinstance(validate_object(event(data=deep)), Rejected)


JSON_TEXT = st.text(max_size=8)
ELEMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | JSON_TEXT | st.sampled_from(['"', "\\", "[,]", '{"a":1}', '\\"']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JSON_TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(ELEMENTS, max_size=6), st.sampled_from([None, 2]), st.booleans())
def test_a_batch_is_cut_into_the_senders_own_bytes(elements: list[Any], indent: int | None, ascii_only: bool) -> None:
    raw = json.dumps(elements, indent=indent, ensure_ascii=ascii_only).encode()
    parts = split_batch(raw)
    assert isinstance(parts, list)
    assert elements == [json.loads(part) for part in parts]
    assert all(part in raw for part in parts)


@given(st.lists(ELEMENTS, min_size=1, max_size=6), st.data())
def test_one_bad_element_does_not_spoil_the_batch(elements: list[Any], data: st.DataObject) -> None:
    """An element that is no JSON is cut out by its quotes and brackets, and the others stay whole."""
    parts = [json.dumps(element).encode() for element in elements]
    at = data.draw(st.integers(0, len(parts)))
    bad = data.draw(st.sampled_from([b'{"a":NaN}', b'{"a":\xff}', b"{'a':1}", b'{"a":"\\q"}', b"nul", b'{"a":01}']))
    parts.insert(at, bad)
    assert parts == split_batch(b" [" + b" , ".join(parts) + b"]\n")


def test_a_batch_element_keeps_its_repeated_key() -> None:
    good = json.dumps(event()).encode()
    parts = split_batch(b"[" + good + b',{"id":"a","id":"b"}]')
    assert isinstance(parts, list)
    accepted(validate(parts[0]))
    assert refused(validate(parts[1])) == ("duplicate_key", "/id")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{}", "not_an_array"),
        (b"1", "not_an_array"),
        (b"", "not_json"),
        (b"[", "not_json"),
        (b"[1,2", "not_json"),
        (b'["a]', "not_json"),
        (b"[}{]", "not_json"),
        (b"[1]]", "not_json"),
        (b"nonsense", "not_an_array"),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(raw: bytes, code: str) -> None:
    verdict = split_batch(raw)
    assert isinstance(verdict, Rejected)
    assert code == verdict.problem.code
