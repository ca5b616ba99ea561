"""One request's batch cut into its events, each in the sender's own bytes, so that each is judged by itself."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from contracts.faults import Fault, fault
from contracts.limits import BATCH_BYTES_MAX, BATCH_EVENTS_MAX
from contracts.recorded import Rejected

_RAW_EVENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|["{}\[\],]', re.DOTALL)


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
