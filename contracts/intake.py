"""From bytes to Accepted or Rejected: the one way into the ledger, whatever the transport.

What is validated is the canonical form, and the canonical form is what is stored and hashed, so no reader of
the ledger can come to another understanding of an event than the one that was checked.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from math import isfinite
from typing import Any, Final

import orjson
from pydantic import ValidationError

from contracts.canonical import canonical_bytes_slow, sorts_like_utf16
from contracts.catalogue import CATALOGUE, Catalogue, Entry
from contracts.diagnosis import diagnose
from contracts.faults import Fault, Problem, fault, problem
from contracts.limits import DEPTH_MAX, EVENT_BYTES_MAX
from contracts.moments import parse_us, read_us
from contracts.quick_look import Memory, QuickLook, quick_look
from contracts.recorded import Accepted, Rejected
from contracts.strictjson import holds_unusual_number, is_shallow, loads, pointer, proves_no_repeated_key, read

_SORTED: Final = orjson.OPT_SORT_KEYS
_PLAIN: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


class _Lane:
    """What is needed to check events of one type, looked up once."""

    __slots__ = ("check", "entry", "look", "prefix", "single")

    def __init__(self, entry: Entry, look: QuickLook | None, check: Callable[[bytes], Any]) -> None:
        self.entry = entry
        self.look = look
        self.check = check
        self.prefix = entry.subject_prefix
        self.single = entry.subject_fields[0] if len(entry.subject_fields) == 1 else None


class Intake:
    """The validator over one catalogue. Safe to use from several threads."""

    def __init__(self, catalogue: Catalogue, *, quick: bool = True) -> None:
        """``quick`` off asks the models about every event: the verdicts are the same, and take longer."""
        self.catalogue = catalogue
        self._quick = quick
        self._lanes: dict[str, _Lane] = {}
        self._known_texts: Memory = {}

    def validate(self, raw: bytes, *, agency: str | None = None) -> Accepted | Rejected:
        """Check one event as received. Never raises for anything the bytes may hold.

        ``agency`` is the agency of the sender's credential, where there is one: it fills in a missing
        attribute agency and contradicts a different one.
        """
        sound = self._certainly_sound(raw)
        obj: Any = None
        try:
            if sound is None:
                obj, body = _canonical(raw)
                lane, time_us = self._judged(obj, body)
            else:
                obj, body, lane, time_us = sound
            return _accepted(lane, obj, body, time_us, agency)
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

    def _certainly_sound(self, raw: bytes) -> tuple[dict[str, Any], bytes, _Lane, int | None] | None:
        """The event, its RFC 8785 bytes, its type and moment, where it is sound beyond doubt; None tells nothing.

        What the careful way proves of every body follows here from the quick look: the parser dropped nothing, so every
        member was looked at; the names are ASCII, the numbers plain, and nothing is deeper than the contract.
        """
        if len(raw) > EVENT_BYTES_MAX:
            return None
        try:
            obj = orjson.loads(raw)
            lane = self._lanes[obj["type"]]
            look = lane.look
            if look is None or not look.finds_sound(obj):
                return None
            time = obj.get("time")
            time_us = None if time is None else read_us(time)
        except (ValueError, KeyError, TypeError):
            return None
        # Copied: what the encoder returns keeps the 4 KiB that it began with, and thousands of these wait in a queue.
        body = b"%b" % orjson.dumps(obj, option=_SORTED)
        # A body as long as what was sent holds all of it; else a repeated key, or only white space, may be missing.
        if not (look.only_shortens and len(raw) == len(body)) and not proves_no_repeated_key(raw, body):
            return None
        return obj, body, lane, time_us

    def _judged(self, obj: dict[str, Any], body: bytes) -> tuple[_Lane, int | None]:
        """The verdict of the models."""
        lane = self._lane(obj)
        try:
            event = lane.check(body)
        except ValidationError as error:
            raise diagnose(error, obj, lane.entry) from None
        return lane, None if event.time is None else parse_us(event.time)

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
        adapter = entry.adapter()
        check = adapter.validator.validate_json
        look = quick_look(adapter.core_schema, self._known_texts) if self._quick else None
        lane = self._lanes[wire_type] = _Lane(entry, look, check)
        return lane


def _accepted(lane: _Lane, obj: dict[str, Any], body: bytes, time_us: int | None, credential: str | None) -> Accepted:
    """What the models have accepted, if it keeps the rules between its parts as well."""
    entry = lane.entry
    data = obj["data"]
    subject = obj["subject"]
    if lane.single is not None:
        if subject != lane.prefix + data[lane.single]:
            raise _subject_mismatch(entry, data, subject)
    elif entry.subject_fields and subject != entry.subject_of(data):
        raise _subject_mismatch(entry, data, subject)
    if entry.rule is not None:
        _keep_rule(entry, data)
    own_id = obj["id"]
    supersedes = obj.get("supersedes")
    if supersedes is not None or entry.family == "record":
        supersedes = _superseded(entry, own_id, supersedes, data)
    agency = obj.get("agency")
    if credential is not None or agency is None:
        agency = _speaker(agency, credential)
    return Accepted(
        body,
        sha256(body).digest(),
        obj["source"],
        own_id,
        entry.name,
        entry.version,
        entry.kind,
        subject,
        agency,
        time_us,
        supersedes,
        data,
    )


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


_INTAKE: Final = Intake(CATALOGUE)
validate: Final = _INTAKE.validate
validate_object: Final = _INTAKE.validate_object
