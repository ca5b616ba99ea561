"""From bytes to Accepted or Rejected: the one way into the ledger, whatever the transport.

What is validated is the canonical form, and the canonical form is what is stored and hashed, so no reader of
the ledger can come to another understanding of an event than the one that was checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from typing import Any, Final

import msgspec
import orjson
from pydantic import ValidationError

from contracts.canonical import canonical_bytes_slow, digest, sorts_like_utf16
from contracts.catalogue import CATALOGUE, Catalogue, Entry
from contracts.diagnosis import diagnose
from contracts.faults import Fault, Problem, fault, problem
from contracts.limits import BATCH_BYTES_MAX, BATCH_EVENTS_MAX, DEPTH_MAX, EVENT_BYTES_MAX
from contracts.moments import parse_us
from contracts.recorded import Accepted, Rejected
from contracts.strictjson import holds_unusual_number, is_shallow, loads, pointer, proves_no_repeated_key, read

_SORTED: Final = orjson.OPT_SORT_KEYS
_PLAIN: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_RAW_EVENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|["{}\[\],]', re.DOTALL)


class _Lane:
    """What is needed to check events of one type, looked up once."""

    __slots__ = ("check", "entry", "prefix", "single")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.check: Callable[[bytes], Any] = entry.adapter().validator.validate_json
        self.prefix = entry.subject_prefix
        self.single = entry.subject_fields[0] if len(entry.subject_fields) == 1 else None


class Intake:
    """The validator over one catalogue. Safe to use from several threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._lanes: dict[str, _Lane] = {}

    def validate(self, raw: bytes, *, agency: str | None = None) -> Accepted | Rejected:
        """Check one event as received. Never raises for anything the bytes may hold.

        ``agency`` is the agency of the sender's credential, where there is one: it fills in a missing
        attribute agency and contradicts a different one.
        """
        obj: Any = None
        try:
            obj, body = _canonical(raw)
            return self._accept(obj, body, agency)
        except Fault as refused:
            return _rejected(raw, obj, refused.problem, agency)

    def validate_object(self, obj: dict[str, Any], *, agency: str | None = None) -> Accepted | Rejected:
        """As ``validate``, for an event built in Python: it is written out as JSON and checked like any other.

        What JSON cannot hold is rejected: NaN as ``not_a_number``, dates, bytes and the like as ``not_json``.
        """
        try:
            raw = orjson.dumps(obj, option=_PLAIN)
            if b"null" in raw:
                # The encoder writes NaN as null, which must not pass for a field left out.
                _refuse_not_a_number(obj, [])
        except TypeError as error:
            told = problem("not_json", f"the event cannot be written as JSON: {error}")
            return _rejected(b"", obj, told, agency)
        except Fault as refused:
            return _rejected(raw, obj, refused.problem, agency)
        return self.validate(raw, agency=agency)

    def _accept(self, obj: dict[str, Any], body: bytes, agency: str | None) -> Accepted:
        lane = self._lane(obj)
        try:
            event = lane.check(body)
        except ValidationError as error:
            raise diagnose(error, obj, lane.entry) from None
        entry = lane.entry
        data = obj["data"]
        subject = event.subject
        if lane.single is not None:
            if subject != lane.prefix + data[lane.single]:
                raise _subject_mismatch(entry, data, subject)
        elif entry.subject_fields and subject != entry.subject_of(data):
            raise _subject_mismatch(entry, data, subject)
        if entry.rule is not None:
            _keep_rule(entry, data)
        supersedes = event.supersedes
        if supersedes is not None or entry.family == "record":
            supersedes = _superseded(entry, event.id, supersedes, data)
        return Accepted(
            body,
            digest(body),
            event.source,
            event.id,
            entry.name,
            entry.version,
            entry.kind,
            subject,
            _speaker(event.agency, agency),
            None if event.time is None else parse_us(event.time),
            supersedes,
            data,
        )

    def _lane(self, obj: dict[str, Any]) -> _Lane:
        try:
            return self._lanes[obj["type"]]
        except (KeyError, TypeError):
            pass
        wire_type = obj.get("type")
        if wire_type is None:
            raise fault("attribute_missing", "the attribute type is missing", "/type")
        if not isinstance(wire_type, str):
            raise fault("attribute_invalid", "type must be a text", "/type")
        try:
            entry = self.catalogue.entry(wire_type)
        except Fault as unknown:
            told = unknown.problem
            raise fault(told.code, told.detail, "/type", hint=told.hint, **told.extra) from None
        if entry.wire_type != wire_type:
            hint = f"Did you mean {entry.wire_type}?"
            raise fault("type_unknown", f"{wire_type!r} lacks its prefix", "/type", hint=hint)
        if entry.status == "retired":
            newest = self.catalogue.newest(entry.name)
            hint = f"Send {newest.wire_type}." if newest.status != "retired" else ""
            raise fault("type_retired", f"{wire_type} is no longer taken", "/type", hint=hint)
        lane = self._lanes[wire_type] = _Lane(entry)
        return lane


def _canonical(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """The event and its RFC 8785 bytes: quickly if nothing unusual is about, else exactly."""
    if len(raw) > EVENT_BYTES_MAX:
        raise fault("too_large", f"{len(raw)} bytes; an event may have {EVENT_BYTES_MAX}")
    try:
        obj = orjson.loads(raw)
    except ValueError:
        obj = loads(raw)  # Raises, with the reason and the place.
    if type(obj) is not dict:
        read(raw)
        raise fault("not_an_object", f"the body is a JSON {_json_type(obj)}")
    if is_shallow(raw, DEPTH_MAX):
        quick = orjson.dumps(obj, option=_SORTED)
        if proves_no_repeated_key(raw, quick) and sorts_like_utf16(quick) and not holds_unusual_number(obj):
            return obj, quick
    body = canonical_bytes_slow(read(raw))
    return orjson.loads(body), body


def _refuse_not_a_number(value: Any, path: list[str | int]) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise fault("not_a_number", f"{value} is not JSON", pointer(path))
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_not_a_number(inner, [*path, key])
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            _refuse_not_a_number(inner, [*path, position])


def _keep_rule(entry: Entry, data: dict[str, Any]) -> None:
    broken = entry.rule(data) if entry.rule else None
    if broken is not None:
        where, sentence = broken
        raise fault("data_invalid", sentence, "/data" + where)


def _subject_mismatch(entry: Entry, data: dict[str, Any], subject: str) -> Fault:
    right = entry.subject_of(data)
    return fault(
        "subject_mismatch",
        f"the subject is {subject!r}, the data say {right!r}",
        "/subject",
        hint=f"Set subject to {right}, or correct {', '.join(entry.subject_fields)} in data.",
        expected=right,
    )


def _superseded(entry: Entry, own_id: str, stated: str | None, data: dict[str, Any]) -> str | None:
    """The id this event supersedes, from the envelope or from a correction's data; they may not disagree."""
    if entry.kind == "decision":
        raise fault("supersedes_not_allowed", f"{entry.name} is a decision", "/supersedes")
    named: str | None = data["supersedes"] if entry.family == "record" else None
    where = "/supersedes" if named is None else "/data/supersedes"
    if named is not None and stated is not None and named != stated:
        raise fault("supersedes_contradicted", f"supersedes is {stated!r}, data say {named!r}", "/supersedes")
    supersedes = named or stated
    if supersedes == own_id:
        raise fault("supersedes_itself", f"the event {own_id!r} names itself", where)
    return supersedes


def _speaker(stated: str | None, credential: str | None) -> str:
    if credential is None:
        if stated is None:
            raise fault("agency_missing", "neither the event nor a credential names an agency", "/agency")
        return stated
    if stated is not None and stated != credential:
        raise fault("agency_not_entitled", f"the credential is {credential}'s, not {stated}'s", "/agency")
    return credential


def _json_type(value: Any) -> str:
    names = {list: "array", str: "text", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names.get(type(value), "value")


def _rejected(raw: bytes, obj: Any, told: Problem, agency: str | None) -> Rejected:
    """A Rejected with as much of the sender's identity as can be read; ``agency`` is the credential's if
    there is one.
    """
    known: dict[str, str | None] = {}
    for name in ("source", "id", "agency"):
        value = obj.get(name) if isinstance(obj, dict) else None
        known[name] = value if isinstance(value, str) else None
    return Rejected(raw, told, known["source"], known["id"], agency or known["agency"])


def split_batch(raw: bytes) -> list[bytes] | Rejected:
    """The events of a JSON array, each in the sender's own bytes, so that each is judged by itself.

    An array whose brackets and quotes are sound is split even where an element is not JSON; only that element
    will be rejected.
    """
    try:
        if len(raw) > BATCH_BYTES_MAX:
            raise fault("too_large", f"{len(raw)} bytes; a batch may have {BATCH_BYTES_MAX}")
        try:
            events = [bytes(event) for event in _RAW_EVENTS.decode(raw)]
        except msgspec.ValidationError:
            raise fault("not_an_array", "the body is not a JSON array") from None
        except msgspec.DecodeError:
            events = _split_tolerantly(raw)
        if len(events) > BATCH_EVENTS_MAX:
            raise fault("batch_too_long", f"{len(events)} events; a batch may have {BATCH_EVENTS_MAX}")
    except Fault as refused:
        return Rejected(raw, refused.problem)
    return events


def _split_tolerantly(raw: bytes) -> list[bytes]:
    """Cut an array at the commas of its first level, minding only quotes and brackets."""
    text = raw.strip(b" \t\r\n")
    if not (text.startswith(b"[") and text.endswith(b"]")):
        raise fault(
            "not_an_array" if text[:1] not in (b"", b"[") else "not_json",
            "the body is not a whole JSON array",
        )
    events: list[bytes] = []
    depth, start, end = 0, 1, len(text) - 1
    for match in _STRUCTURE.finditer(text, 1, end):
        token = match.group()
        if token in b"{[":
            depth += 1
        elif token in b"}]":
            depth -= 1
        elif token == b"," and depth == 0:
            events.append(text[start : match.start()].strip(b" \t\r\n"))
            start = match.end()
        elif token == b'"':
            raise fault("not_json", f"the text that begins at byte {match.start()} has no end")
        if depth < 0:
            break
    if depth != 0:
        raise fault("not_json", "the brackets of the batch do not match")
    return [*events, text[start:end].strip(b" \t\r\n")]


_INTAKE: Final = Intake(CATALOGUE)
validate: Final = _INTAKE.validate
validate_object: Final = _INTAKE.validate_object
