"""The binary mode of CloudEvents, whatever carries it: attributes as text in headers, the data alone as the body.

It is here because HTTP and Kafka differ in how a header is named and escaped, and in nothing else: both bring an event
to the same bytes, which the intake then judges.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from contracts.faults import Fault, fault
from contracts.limits import EVENT_BYTES_MAX
from contracts.strictjson import loads

JSON_MEDIA: Final = re.compile(r"application/(?:[a-z0-9.-]+\+)?json")
"""Media types, in lower case and without parameters, whose data are JSON."""

# Headers carry text only; these attributes are of another CloudEvents type.
_BOOLEANS: Final = {"timeunknown": {"true": True, "false": False}}
_INTEGERS: Final = frozenset({"expectedversion"})
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,9})")


def typed(name: str, value: str) -> str | bool | int:
    """An attribute's value as its CloudEvents type; what does not fit stays text and fails the contract."""
    if name in _BOOLEANS:
        return _BOOLEANS[name].get(value, value)
    if name in _INTEGERS and _INTEGER.fullmatch(value):
        return int(value)
    return value


def with_data(attributes: Mapping[str, Any], body: bytes) -> bytes:
    """One event in JSON: these attributes, and ``data`` as the body's own bytes (left out where it is empty).

    Raises RejectedFault: ``too_large``, and what makes the body no JSON value, with a pointer under ``/data``.
    """
    if len(body) > EVENT_BYTES_MAX:
        raise fault("too_large", f"{len(body)} bytes; an event may have {EVENT_BYTES_MAX}")
    head = orjson.dumps(attributes)
    if not body.strip(b" \t\r\n"):
        return head
    # The body is spliced in as it came, so it must be one whole JSON value: `{}, "agency": …` would add
    # attributes.
    try:
        orjson.loads(body)
    except ValueError:
        try:
            loads(body)
        except Fault as refused:
            told = refused.problem
            raise fault(told.code, told.detail, "/data" + told.pointer, hint=told.hint) from None
        raise fault("not_json", "the body is not one JSON value", "/data") from None
    return head[:-1] + b',"data":' + body + b"}"
