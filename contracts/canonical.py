"""Canonical bytes (RFC 8785) and their SHA-256: the form in which an event is validated, stored and hashed.

One content has one digest whatever the sender's spacing, key order or spelling of ``1.0``, so that a repeated
event is recognised and a receipt can be checked by anyone.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson
import rfc8785

from contracts.strictjson import holds_unusual_number

_SORTED = orjson.OPT_SORT_KEYS


def canonical_bytes(obj: Any) -> bytes:
    """The RFC 8785 form of a JSON value made of dict, list, str, int, float, bool and None.

    Raises ValueError for what JSON cannot hold exactly: integers beyond ±(2^53 - 1), NaN, lone surrogates,
    other types, and nesting beyond what the encoder takes (254).
    """
    try:
        quick = orjson.dumps(obj, option=_SORTED)
        if sorts_like_utf16(quick) and not holds_unusual_number(obj):
            return quick
        return canonical_bytes_slow(obj)
    except TypeError as error:
        raise ValueError(str(error)) from None


def canonical_bytes_slow(obj: Any) -> bytes:
    """As ``canonical_bytes``, by the reference implementation alone."""
    return rfc8785.dumps(obj)


def sorts_like_utf16(quick: bytes) -> bool:
    """Whether keys sorted by code point are certainly in the order of RFC 8785, which sorts by UTF-16 code
    unit.

    Only characters beyond the basic plane sort differently, and only those have a UTF-8 byte of 0xF0 or more.
    """
    return quick.isascii() or max(quick) < 0xF0


def digest(body: bytes) -> bytes:
    """SHA-256 of canonical bytes, 32 bytes."""
    return sha256(body).digest()
