"""Reads a file of events, whichever of the three common forms it has, without holding it in memory.

A JSON event, a JSON array of events, or one event a line (NDJSON). A broken element is handed on as it is,
so that the intake keeps it as a rejection and the rest of the file is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import orjson

from contracts.limits import EVENT_BYTES_MAX

_CHUNK_BYTES = 1 << 16
_CUT_BYTES = EVENT_BYTES_MAX + 1
"""An oversized event is cut to one byte more than the limit: enough for the intake to see that it is too
large.
"""
_TOKEN = re.compile(rb'["\\{}\[\],]')
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


def read_events(stream: BinaryIO, name: str = "") -> Iterator[bytes]:
    """Each event's own bytes, in order. ``name`` ending in .ndjson or .jsonl settles the form at once."""
    head = stream.read(_CHUNK_BYTES).removeprefix(_BOM)
    if name.endswith((".ndjson", ".jsonl")):
        yield from _lines(stream, head)
        return
    start = head.lstrip(_BLANK)[:1]
    if start == b"[":
        yield from _elements(stream, head)
    elif start == b"{" and not _is_object(head.lstrip(_BLANK).split(b"\n", 1)[0]):
        yield from _one_or_lines(stream, head)
    else:
        yield from _lines(stream, head)


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _one_or_lines(stream: BinaryIO, head: bytes) -> Iterator[bytes]:
    # The first line is no object by itself: either one event over several lines, or lines of which the
    # first is broken. The second has another line that is an object by itself.
    body = head if len(head) > EVENT_BYTES_MAX else head + stream.read(_CUT_BYTES - len(head))
    lines = body.split(b"\n")
    fits = len(body) < _CUT_BYTES
    by_line = any(_is_object(line) for line in lines[1:-1]) or (len(lines) == 1 and not fits)
    if by_line and not (fits and _is_object(body)):
        yield from _lines(stream, body)
    else:
        yield body.strip(_BLANK)[:_CUT_BYTES]


def _lines(stream: BinaryIO, head: bytes) -> Iterator[bytes]:
    rest = head
    cutting = False  # inside a line whose beginning has been handed on already
    more = True
    while more:
        *whole, rest = rest.split(b"\n")
        for line in whole:
            if not cutting and line.strip(_BLANK):
                yield line.strip(_BLANK)[:_CUT_BYTES]
            cutting = False
        if len(rest) >= _CUT_BYTES:
            if not cutting:
                yield rest[:_CUT_BYTES]
            cutting = True
            rest = b""
        chunk = stream.read(_CHUNK_BYTES)
        more = bool(chunk)
        rest += chunk
    if not cutting and rest.strip(_BLANK):
        yield rest.strip(_BLANK)[:_CUT_BYTES]


def _elements(stream: BinaryIO, head: bytes) -> Iterator[bytes]:
    """The elements of one JSON array, found by its brackets and quotes alone; what is inside is judged
    later.
    """
    kept = bytearray()
    depth = 0
    in_text = False
    escaped_at = -1  # position, in the whole stream, of a character that a backslash has taken
    base = 0
    chunk = head

    def keep(piece: bytes) -> None:
        kept.extend(piece[: max(0, _CUT_BYTES - len(kept))])

    while chunk:
        start = 0
        for found in _TOKEN.finditer(chunk):
            at, token = found.start(), found.group()
            if base + at == escaped_at:
                continue
            if in_text:
                if token == b"\\":
                    escaped_at = base + at + 1
                elif token == b'"':
                    in_text = False
            elif token == b'"':
                in_text = True
            elif token in b"{[":
                depth += 1
                if depth == 1:  # the array itself opens
                    start = at + 1
            elif token in b"}]" or (token == b"," and depth == 1):
                if token != b",":
                    depth -= 1
                if depth == 0 or token == b",":
                    keep(chunk[start:at])
                    element = bytes(kept).strip(_BLANK)
                    if element or token == b",":
                        yield element
                    kept.clear()
                    start = at + 1
                if depth == 0:
                    yield from _after_array(chunk[at + 1 :] + stream.read(_CUT_BYTES))
                    return
        keep(chunk[start:])
        base += len(chunk)
        chunk = stream.read(_CHUNK_BYTES)
    # The array never closed: what is left must not vanish, and the cut must not pass for the end. A piece that is cut
    # inside says so itself; behind a whole one stands the bracket that was never closed.
    if bytes(kept).strip(_BLANK):
        yield bytes(kept).strip(_BLANK)
    if depth == 1 and not in_text:
        yield b"["


def _after_array(rest: bytes) -> Iterator[bytes]:
    if rest.strip(_BLANK):
        yield rest.strip(_BLANK)[:_CUT_BYTES]
