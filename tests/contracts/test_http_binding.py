"""The HTTP binding: the three modes bring the same event, as the conformance features and the SDK have it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat

from contracts.catalogue import CATALOGUE, Entry
from contracts.http_binding import events_from_http, mode
from contracts.intake import validate
from contracts.recorded import Accepted, Rejected
from tests.shared_data import published

STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCHED = {"content-type": "application/cloudevents-batch+json; charset=utf-8"}
CALL = CATALOGUE.entry("call.received.v1")
EVENT = CALL.example_event({"call": "c-1"})
BINARY = {
    "content-type": "application/json",
    **{f"ce-{name}": value for name, value in EVENT.items() if name not in ("data", "datacontenttype")},
}
BODY = b'{"call": "c-1"}'


def one(headers: dict[str, str], body: bytes) -> Accepted:
    events = events_from_http(headers, body)
    assert isinstance(events, list), events
    (event,) = events
    verdict = validate(event)
    assert isinstance(verdict, Accepted), verdict
    return verdict


def refused(headers: dict[str, str], body: bytes) -> tuple[str, str]:
    verdict = events_from_http(headers, body)
    if isinstance(verdict, list):
        verdict = validate(verdict[0])  # type: ignore[assignment]
    assert isinstance(verdict, Rejected), verdict
    return verdict.problem.code, verdict.problem.pointer


def test_the_three_modes_bring_the_same_event() -> None:
    raw = json.dumps(EVENT).encode()
    verdicts = [one(STRUCTURED, raw), one(BATCHED, b"[" + raw + b"]"), one(BINARY, BODY)]
    assert len({verdict.digest for verdict in verdicts}) == 1
    modes = [mode(STRUCTURED), mode(BATCHED), mode(BINARY)]
    assert modes == ["structured", "batched", "binary"]


def test_plain_json_is_taken_by_its_first_character() -> None:
    plain = {"content-type": "application/json"}
    assert mode(plain, b" {}") == "structured"
    assert mode(plain, b"\n[]") == "batched"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/cloudevents+xml"},
        {"content-type": "application/cloudevents+json; charset=utf-16"},
        {**BINARY, "content-type": "text/csv"},
        {**BINARY, "content-type": "application/cloudevents+avro"},
    ],
)
def test_another_content_type_is_refused(headers: dict[str, str]) -> None:
    assert refused(headers, b"{}") == ("content_type_unsupported", "")


def test_header_values_are_percent_decoded() -> None:
    headers = {**BINARY, "ce-id": "Euro%20%E2%82%AC%20%F0%9F%98%80%25", "ce-trace": '"quoted \\"text\\""'}
    assert one(headers, BODY).id == "Euro € 😀%"
    stored = json.loads(one(headers, BODY).body)
    assert stored["trace"] == 'quoted "text"'
    assert one({**BINARY, "ce-id": "100%"}, BODY).id == "100%"
    assert refused({**BINARY, "ce-id": "%ff"}, BODY) == ("attribute_invalid", "/id")
    assert refused({**BINARY, "ce-id": "%ED%A0%80"}, BODY) == ("attribute_invalid", "/id")
    assert refused({**BINARY, "ce-id": "a%00"}, BODY) == ("attribute_invalid", "/id")


def test_typed_attributes_are_read_from_their_text() -> None:
    headers = {name: value for name, value in BINARY.items() if name != "ce-time"}
    assert one({**headers, "ce-timeunknown": "true"}, BODY).time_us is None
    assert refused({**headers, "ce-timeunknown": "yes"}, BODY) == ("attribute_invalid", "/timeunknown")
    assert json.loads(one({**BINARY, "ce-expectedversion": "3"}, BODY).body)["expectedversion"] == 3
    assert refused({**BINARY, "ce-expectedversion": "3.5"}, BODY) == ("attribute_invalid", "/expectedversion")


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (b"", "data_missing", "/data"),
        (b"{", "not_json", "/data"),
        (b'{"call":"c-1","call":"c-1"}', "duplicate_key", "/data/call"),
        (b'{"call":NaN}', "not_a_number", "/data/call"),
        (b'{"call":"c-1"},"agency":"police"', "not_json", "/data"),
        (b'{"call":"c-1"}} {', "not_json", "/data"),
        (b"[]", "data_invalid", "/data"),
        (b'"' + b"x" * 70_000 + b'"', "too_large", ""),
    ],
)
def test_a_binary_body_is_one_json_value_and_nothing_more(body: bytes, code: str, pointer: str) -> None:
    """A body cannot smuggle in an attribute beside data."""
    assert refused(BINARY, body) == (code, pointer)


@pytest.mark.parametrize("header", ["ce-data", "ce-datacontenttype", "ce-data_base64", "ce-", "ce-Trace", "ce-a-b"])
def test_a_header_that_is_no_attribute_is_refused(header: str) -> None:
    assert refused({**BINARY, header: "x"}, BODY)[0] == "attribute_invalid"


@pytest.mark.parametrize("entry", list(CATALOGUE), ids=lambda entry: entry.topic)
def test_the_sdk_reads_and_writes_the_same_events(entry: Entry) -> None:
    """The CloudEvents SDK as oracle: what it reads is what is recorded, and what it sends is read alike."""
    raw = json.dumps(entry.example_event()).encode()
    recorded = one(STRUCTURED, raw)
    theirs = from_http(HTTPMessage(dict(STRUCTURED), raw), JSONFormat())
    assert (theirs.get_id(), theirs.get_source(), theirs.get_subject()) == (
        recorded.id,
        recorded.source,
        recorded.subject,
    )
    assert theirs.get_data() == recorded.data
    for send in (to_binary, to_structured):
        message = send(theirs, JSONFormat())
        headers = {name.lower(): value for name, value in message.headers.items()}
        assert one(headers, message.body).digest == recorded.digest


def feature_examples() -> Iterator[tuple[str, dict[str, str], bytes, dict[str, str], Any]]:
    """(name, headers, body, expected attributes, expected data) of every example of the feature file."""
    feature = published("cloudevents_conformance") / "features" / "http-protocol-binding.feature"
    for outline in feature.read_text(encoding="utf-8").split("Scenario Outline:")[1:]:
        texts = re.findall(r'"""\n(.*?)"""', outline, re.DOTALL)
        table = re.findall(r"^\s*\|\s*(\S+)\s*\|\s*(.*?)\s*\|\s*$", outline.partition("Examples:")[0], re.MULTILINE)
        examples = re.findall(r"^\s*\|\s*([^|]+?)\s*\|\s*$", outline.partition("Examples:")[2], re.MULTILINE)[1:]
        for content_type in examples:
            lines = [line.strip() for line in texts[0].replace("<contentType>", content_type).splitlines()]
            gap = lines.index("")
            headers = dict(line.split(": ", 1) for line in lines[1:gap])
            expected = {key: value.replace("<contentType>", content_type) for key, value in table if key != "key"}
            yield (
                content_type,
                {name.lower(): value for name, value in headers.items()},
                "\n".join(lines[gap + 1 :]).encode(),
                expected,
                json.loads(texts[1]),
            )


def test_the_conformance_features_hold() -> None:
    examples = list(feature_examples())
    assert len(examples) == 4
    for name, headers, body, attributes, data in examples:
        events = events_from_http(headers, body)
        assert isinstance(events, list), name
        (event,) = map(json.loads, events)
        assert data == event.pop("data")
        assert attributes == event
