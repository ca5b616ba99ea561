"""The CloudEvents HTTP binding: from headers and body to events in JSON, in structured, batched and binary
mode.

It only brings the three ways of sending to the one form that ``intake.validate`` reads; nothing is judged
here that the intake judges.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from contracts.binary_mode import JSON_MEDIA, typed, with_data
from contracts.faults import Fault, fault
from contracts.recorded import Rejected
from contracts.splitting import split_batch

Mode = Literal["structured", "batched", "binary"]

STRUCTURED: Final = "application/cloudevents+json"
BATCHED: Final = "application/cloudevents-batch+json"

_PREFIX: Final = "ce-"
_ESCAPED: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


def mode(headers: Mapping[str, str], body: bytes = b"") -> Mode:
    """How a request carries its events. Header names are in lower case.

    Plain ``application/json`` without ``ce-`` headers is taken as structured or batched by the first
    character of the body. Raises RejectedFault ``content_type_unsupported``.
    """
    stated = headers.get("content-type", "")
    media, _, parameters = stated.partition(";")
    media = media.strip().lower()
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]+)", parameters, re.IGNORECASE)
    if charset is not None and charset.group(1).lower() not in ("utf-8", "utf8", "us-ascii"):
        raise fault("content_type_unsupported", f"the charset {charset.group(1)!r} is not UTF-8")
    if media == STRUCTURED:
        return "structured"
    if media == BATCHED:
        return "batched"
    binary = any(name.startswith(_PREFIX) for name in headers)
    if binary and (JSON_MEDIA.fullmatch(media) or not media) and not media.startswith("application/cloudevents"):
        return "binary"
    if not binary and media == "application/json":
        return "batched" if body.lstrip(b" \t\r\n").startswith(b"[") else "structured"
    told = f"the content type is {stated[:100]!r}" if stated else "the request has no content type"
    raise fault("content_type_unsupported", told)


def events_from_http(headers: Mapping[str, str], body: bytes) -> list[bytes] | Rejected:
    """The events of one request, each as the bytes of one JSON object, or why the request as a whole is
    refused.

    In binary mode attributes come from the ``ce-`` headers, percent-decoded, and the body becomes ``data``
    byte for byte.
    """
    try:
        carried = mode(headers, body)
        if carried == "batched":
            return split_batch(body)
        if carried == "structured":
            return [body]
        return [_from_binary(headers, body)]
    except Fault as refused:
        return Rejected(body, refused.problem)


def _from_binary(headers: Mapping[str, str], body: bytes) -> bytes:
    attributes: dict[str, Any] = {}
    for header, value in headers.items():
        if header.startswith(_PREFIX):
            name = header.removeprefix(_PREFIX)
            if name in ("data", "datacontenttype"):
                raise fault("attribute_invalid", f"{header} is not a header of the binding", f"/{name}")
            attributes[name] = typed(name, _decoded(name, value))
    if "content-type" in headers:
        attributes["datacontenttype"] = headers["content-type"].strip()
    return with_data(attributes, body)


def _decoded(name: str, value: str) -> str:
    """CloudEvents HTTP binding 3.1.3.2: take off quotes, then percent-decode as UTF-8."""
    value = value.strip()
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])

    def characters(match: re.Match[str]) -> str:
        return bytes.fromhex(match.group().replace("%", "")).decode("utf-8")

    try:
        text = _ESCAPED.sub(characters, value)
        text.encode("utf-8")
    except UnicodeError:
        raise fault("attribute_invalid", f"{_PREFIX}{name} is not percent-encoded UTF-8", f"/{name}") from None
    return text
