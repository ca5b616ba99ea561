"""The CloudEvents Kafka binding: messages of agencies to the bytes that the intake judges, recorded events to messages.

It is here, in the corridor, because whoever sends and whoever is sent to must come to the same event: the relay and the
workers, agencies in both of the binding's modes, and subscribers that know nothing of this ledger but CloudEvents.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import orjson
from msgspec import Struct

from contracts.binary_mode import JSON_MEDIA, typed, with_data
from contracts.faults import Fault, RejectedFault, fault
from contracts.http_binding import STRUCTURED
from contracts.recorded import Recorded, Rejected
from contracts.stored import Topic, decode, read_topic

Headers = Sequence[tuple[str, bytes]]
"""Headers of a message as they stand there: Kafka lets a name occur twice, and a value be missing (None)."""

_PREFIX: Final = "ce_"
_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)
_MODES: Final = "Use application/cloudevents+json, one event a message, or ce_ headers with application/json."
_NOT_HEADERS: Final = frozenset({"data", "datacontenttype"})
_TOPICS: dict[str, Topic] = {}


class Message(Struct, frozen=True, gc=False):
    """One message of a topic; ``offset`` is its place on the partition, from 0."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Outgoing(Struct, frozen=True, gc=False):
    """A message to be sent: which partition it goes to is the sender's to say, from its key."""

    key: bytes
    value: bytes
    headers: Headers


class Published(Struct, frozen=True, gc=False):
    """A recorded event as it was read from the topic of events; ``prev`` is the log_index of the one before it on its
    partition, 0 at the first."""

    event: Recorded
    prev: int


# In


def event_of(message: Message) -> bytes | Rejected:
    """The one event of a message, as the bytes of one JSON object, or why it holds none.

    Structured mode (content type ``application/cloudevents+json``) brings the value as it is, and any ``ce_`` headers
    beside it are not looked at. Binary mode brings attributes from the ``ce_`` headers and the value, byte for byte,
    as ``data``. Without either, a value is taken as structured. Nothing is judged here that the intake judges. Never
    raises for anything a message may hold.
    """
    value = message.value if message.value is not None else b""
    attributes: dict[str, Any] = {}
    try:
        if message.value is None and not message.headers:
            raise fault("not_json", "the message has no value", hint="Send an event; a tombstone is none.")
        headers = _texts(message.headers)
        stated = headers.get("content-type", "")
        media, _, parameters = stated.partition(";")
        media = media.strip().lower()
        charset = _CHARSET.search(parameters)
        if charset is not None and charset.group(1).lower() not in ("utf-8", "utf8", "us-ascii"):
            raise fault("content_type_unsupported", f"the charset {charset.group(1)!r} is not UTF-8", hint=_MODES)
        if media == STRUCTURED:
            return value
        binary = any(name.startswith(_PREFIX) for name in headers)
        if media.startswith("application/cloudevents") or (media and not JSON_MEDIA.fullmatch(media)):
            raise fault("content_type_unsupported", f"the content type is {stated[:100]!r}", hint=_MODES)
        if not binary:
            return value
        attributes = _attributes(headers)
        return with_data(attributes, value)
    except Fault as refused:
        known = {name: text for name, text in attributes.items() if isinstance(text, str)}
        return Rejected(value, refused.problem, known.get("source"), known.get("id"), known.get("agency"))


def _attributes(headers: Mapping[str, str]) -> dict[str, Any]:
    """The attributes of a message in binary mode."""
    attributes: dict[str, Any] = {}
    for header, value in headers.items():
        if header.startswith(_PREFIX):
            name = header.removeprefix(_PREFIX)
            if name in _NOT_HEADERS:
                raise fault("attribute_invalid", f"{header} is not a header of the binding", f"/{name}")
            attributes[name] = typed(name, value)
    if "content-type" in headers:
        attributes["datacontenttype"] = headers["content-type"].strip()
    return attributes


def _texts(headers: Headers) -> dict[str, str]:
    """The headers that the binding knows, by their names in lower case, as text."""
    texts: dict[str, str] = {}
    for header, value in headers:
        name = header.lower()
        if name != "content-type" and not name.startswith(_PREFIX):
            continue
        attribute = name.removeprefix(_PREFIX)
        if name in texts:
            raise fault("attribute_invalid", f"the header {name} occurs twice", f"/{attribute}")
        if value is None:
            continue  # An attribute without a value is one left out.
        try:
            texts[name] = value.decode()
        except UnicodeDecodeError:
            raise fault("attribute_invalid", f"the header {name} is not UTF-8", f"/{attribute}") from None
    return texts


# Out


def outgoing(event: Recorded, prev: int) -> Outgoing:
    """A recorded event as a message in structured mode, keyed by its subject; the same event and ``prev`` give the same
    bytes.

    Beside the binding's headers go those that the body does not tell: ``log_index``, ``prev``, ``recorded_at_us``,
    ``agency``, ``time_us`` (left out where the moment is unknown) and ``digest`` (SHA-256, hexadecimal).
    """
    headers: list[tuple[str, bytes]] = [("content-type", STRUCTURED.encode())]
    envelope: dict[str, Any] = orjson.loads(event.body)
    for name, value in envelope.items():
        if name not in _NOT_HEADERS and value is not None:
            headers.append((_PREFIX + name, _as_text(value)))
    headers += (
        ("log_index", b"%d" % event.log_index),
        ("prev", b"%d" % prev),
        ("recorded_at_us", b"%d" % event.recorded_at_us),
        ("agency", event.agency.encode()),
        ("digest", event.digest.hex().encode()),
    )
    if event.time_us is not None:
        headers.append(("time_us", b"%d" % event.time_us))
    return Outgoing(event.subject.encode(), event.body, headers)


def published(headers: Headers, value: bytes | None) -> Published:
    """The recorded event of a message on the topic of events.

    Raises UnavailableFault ``message_unreadable`` where it is not one that ``outgoing`` made, or no longer has the
    digest with which it was recorded.
    """
    own = dict(headers)
    if value is None:
        raise fault("message_unreadable", "it has no value")
    try:
        digest = sha256(value).digest()
        if digest.hex().encode() != own["digest"]:
            raise fault("message_unreadable", f"event {own['log_index'].decode()} does not have its digest")
        time_us = own.get("time_us")
        event = decode(
            _topic(own["ce_type"].decode()),
            int(own["log_index"]),
            int(own["recorded_at_us"]),
            None if time_us is None else int(time_us),
            own["agency"].decode(),
            digest,
            value,
        )
        return Published(event, int(own["prev"]))
    except RejectedFault as unknown:
        raise fault("message_unreadable", unknown.problem.detail) from unknown
    except (KeyError, ValueError, TypeError) as error:
        raise fault("message_unreadable", f"{type(error).__name__}: {error}") from error


def _topic(wire_type: str) -> Topic:
    known = _TOPICS.get(wire_type)
    if known is None:
        known = _TOPICS[wire_type] = read_topic(wire_type)
    return known


def _as_text(value: Any) -> bytes:
    """An attribute's canonical text, as CloudEvents has it: the types of JSON that an envelope may hold."""
    if isinstance(value, str):
        return value.encode()
    return orjson.dumps(value)
