"""The Kafka binding: both modes bring the same event, as the SDK has it; what is sent out is read back as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_structured_event, to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import CATALOGUE, Entry
from contracts.faults import UnavailableFault
from contracts.intake import validate
from contracts.kafka_binding import Headers, Message, event_of, outgoing, published
from contracts.recorded import Accepted, Recorded, Rejected

CALL = CATALOGUE.entry("call.received.v1")
EVENT = CALL.example_event({"call": "c-1"})
STRUCTURED = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
BINARY = (
    ("content-type", b"application/json"),
    *((f"ce_{name}", str(value).encode()) for name, value in EVENT.items() if name not in ("data", "datacontenttype")),
)
DATA = b'{"call": "c-1"}'


def message(headers: Headers, value: bytes | None, key: bytes | None = b"call/c-1") -> Message:
    return Message("tallystick.intake", 0, 0, key, value, headers)


def one(headers: Headers, value: bytes) -> Accepted:
    raw = event_of(message(headers, value))
    assert isinstance(raw, bytes), raw
    verdict = validate(raw)
    assert isinstance(verdict, Accepted), verdict
    return verdict


def refused(headers: Headers, value: bytes | None) -> tuple[str, str]:
    verdict = event_of(message(headers, value))
    if isinstance(verdict, bytes):
        judged = validate(verdict)
        assert isinstance(judged, Rejected), judged
        return judged.problem.code, judged.problem.pointer
    return verdict.problem.code, verdict.problem.pointer


def recorded(event: Accepted, log_index: int = 7) -> Recorded:
    return Recorded(
        log_index, 1_760_000_000_000_000, event.source, event.id, event.type, event.version, event.kind, event.subject,
        event.agency, event.time_us, event.supersedes, event.data, event.digest, event.body,
    )  # fmt: skip


def test_both_modes_bring_the_same_event() -> None:
    assert one(STRUCTURED, json.dumps(EVENT).encode()).digest == one(BINARY, DATA).digest


@pytest.mark.parametrize("entry", list(CATALOGUE), ids=lambda entry: entry.topic)
def test_what_the_sdk_sends_is_read_in_both_modes(entry: Entry) -> None:
    event = entry.example_event(entry.good[0])
    sent = JSONFormat().read(None, json.dumps(event).encode())
    for made in (to_structured_event(sent), to_binary_event(sent)):
        raw = event_of(message(tuple(made.headers.items()), made.value))
        assert isinstance(raw, bytes)
        told = json.loads(raw)
        assert event["data"] == told["data"]
        assert event["id"] == told["id"]
        assert event["subject"] == told["subject"]


def test_structured_mode_is_told_by_the_content_type_whatever_stands_beside_it() -> None:
    raw = json.dumps(EVENT).encode()
    assert raw == event_of(message((*STRUCTURED, ("ce_id", b"another")), raw))


def test_a_value_without_headers_is_taken_as_structured() -> None:
    raw = json.dumps(EVENT).encode()
    assert raw == event_of(message((), raw))
    assert raw == event_of(message((("traceparent", b"00-1"), ("content-type", b"application/json")), raw))


def test_header_names_are_read_in_any_case() -> None:
    told = tuple((name.upper(), value) for name, value in BINARY)
    assert one(BINARY, DATA).digest == one(told, DATA).digest


def test_a_percent_sign_in_a_kafka_header_is_itself() -> None:
    headers = tuple((name, b"//metro/100%25" if name == "ce_source" else value) for name, value in BINARY)
    assert "//metro/100%25" == one(headers, DATA).source


def test_a_header_without_a_value_is_an_attribute_left_out() -> None:
    nothing: Any = None
    assert one(BINARY, DATA).digest == one((*BINARY, ("ce_purpose", nothing)), DATA).digest


def test_attributes_are_of_their_cloudevents_type() -> None:
    headers = tuple(pair for pair in BINARY if pair[0] != "ce_time")
    assert one((*headers, ("ce_timeunknown", b"true")), DATA).time_us is None


@pytest.mark.parametrize(
    ("headers", "value", "expected"),
    [
        ((*BINARY, ("ce_id", b"twice")), DATA, ("attribute_invalid", "/id")),
        ((*BINARY, ("ce_purpose", b"\xff")), DATA, ("attribute_invalid", "/purpose")),
        ((*BINARY, ("ce_data", b"{}")), DATA, ("attribute_invalid", "/data")),
        (BINARY, b"{", ("not_json", "/data")),
        (BINARY, b'{}, "agency": "x"', ("not_json", "/data")),
        (BINARY, b'{"a": 1, "a": 2}', ("duplicate_key", "/data/a")),
        (BINARY, b"", ("data_missing", "/data")),
        (BINARY, None, ("data_missing", "/data")),
        (STRUCTURED, b"", ("not_json", "")),
        ((), None, ("not_json", "")),
        ((), b"\x00\x01", ("not_json", "")),
        ((("content-type", b"application/cloudevents-batch+json"),), b"[]", ("content_type_unsupported", "")),
        ((("content-type", b"application/cloudevents+avro"),), b"..", ("content_type_unsupported", "")),
        ((("content-type", b"application/cloudevents+json; charset=utf-16"),), b"{}", ("content_type_unsupported", "")),
        ((("content-type", b"text/csv"), ("ce_id", b"1")), b"a,b", ("content_type_unsupported", "")),
    ],
)
def test_a_malformed_message_is_refused_with_its_place(
    headers: Headers, value: bytes | None, expected: tuple[str, str]
) -> None:
    assert expected == refused(headers, value)


def test_a_refused_message_in_binary_mode_still_says_who_sent_it() -> None:
    verdict = event_of(message(BINARY, b"{"))
    assert isinstance(verdict, Rejected)
    assert (EVENT["source"], EVENT["id"], b"{") == (verdict.source, verdict.id, verdict.raw)


headers_of_any_kind = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "ce_id", "ce_type", "ce_", "ce_source", "ce_time", "x", "CE_ID", "ce_data"]),
        st.one_of(st.binary(max_size=12), st.sampled_from([b"application/json", b"application/cloudevents+json"])),
    ),
    max_size=5,
)


@given(headers_of_any_kind, st.none() | st.binary(max_size=20) | st.just(DATA))
def test_nothing_that_a_message_may_hold_raises(headers: list[tuple[str, bytes]], value: bytes | None) -> None:
    verdict = event_of(message(tuple(headers), value))
    assert isinstance(verdict if isinstance(verdict, Rejected) else validate(verdict), Accepted | Rejected)


@pytest.mark.parametrize("entry", list(CATALOGUE), ids=lambda entry: entry.topic)
def test_what_is_sent_out_is_read_back_as_it_was(entry: Entry) -> None:
    accepted = validate(json.dumps(entry.example_event(entry.good[0])).encode())
    assert isinstance(accepted, Accepted), accepted
    before = recorded(accepted)
    sent = outgoing(before, prev=3)
    assert before.subject.encode() == sent.key
    assert before.body == sent.value
    again = published(sent.headers, sent.value)
    assert 3 == again.prev
    assert before == again.event if entry.upcast is None else before.body == again.event.body
    assert CATALOGUE.newest(entry.name).version >= again.event.version


def test_a_subscriber_with_the_sdk_reads_the_same_event() -> None:
    accepted = validate(json.dumps(EVENT).encode())
    assert isinstance(accepted, Accepted)
    sent = outgoing(recorded(accepted), prev=0)
    headers: dict[str, bytes] = dict(sent.headers)
    read = from_structured_event(KafkaMessage(headers, None, sent.value))
    assert (EVENT["id"], EVENT["source"], EVENT["type"]) == (read.get_id(), read.get_source(), read.get_type())
    assert {"call": "c-1"} == read.get_data()
    named = {name.removeprefix("ce_"): value.decode() for name, value in sent.headers if name.startswith("ce_")}
    assert {name: str(value) for name, value in EVENT.items() if name not in ("data", "datacontenttype")} == named


def test_an_event_at_no_known_moment_has_no_header_of_it() -> None:
    told: dict[str, Any] = {name: value for name, value in EVENT.items() if name != "time"}
    accepted = validate(json.dumps({**told, "timeunknown": True}).encode())
    assert isinstance(accepted, Accepted)
    sent = outgoing(recorded(accepted), prev=0)
    assert "time_us" not in dict(sent.headers)
    assert (b"true", None) == (dict(sent.headers)["ce_timeunknown"], published(sent.headers, sent.value).event.time_us)


@pytest.mark.parametrize(
    "change",
    [{"digest": b"00" * 32}, {"log_index": b"seven"}, {"ce_type": b"org.tallystick.no.such.v1"}, {"agency": b"\xff"}],
    ids=lambda change: next(iter(change)),
)
def test_a_message_that_the_relay_did_not_send_is_not_taken_for_an_event(change: dict[str, bytes]) -> None:
    accepted = validate(json.dumps(EVENT).encode())
    assert isinstance(accepted, Accepted)
    sent = outgoing(recorded(accepted), prev=0)
    with pytest.raises(UnavailableFault) as told:
        published(tuple({**dict(sent.headers), **change}.items()), sent.value)
    assert "message_unreadable" == told.value.problem.code
    with pytest.raises(UnavailableFault):
        published((), sent.value)
    with pytest.raises(UnavailableFault):
        published(sent.headers, None)
