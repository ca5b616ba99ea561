"""A JSON reader that refuses whatever two readers could understand differently.

Ordinary parsers keep the last of two equal keys, accept NaN, or round a long number without a word; what was
validated and hashed would then not be what the sender meant. Each refusal has a code of its own and points to
the place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from json.decoder import scanstring  # type: ignore[attr-defined,unused-ignore]
from typing import Any, Final

import orjson

from contracts.faults import Fault, fault
from contracts.limits import DEPTH_MAX, NUMBER_MAX

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NOT_A_NUMBER: Final = re.compile(r"[+-]?(?:NaN|Infinity|nan|inf(?:inity)?)")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_PLAIN_FRACTION_MIN: Final = 0.001
_WORDS: Final = {"true": True, "false": False, "null": None}


def loads(raw: bytes, *, depth_max: int = DEPTH_MAX) -> Any:
    """The value of strict JSON text. Raises RejectedFault with one of the codes of the room ``parse``.

    Pure and quick for well-behaved input: a C parser reads it, and the slow reader below is asked only where
    the quick checks cannot prove that nothing was lost.
    """
    try:
        value = orjson.loads(raw)
    except ValueError as error:
        raise _why_not(raw, error, depth_max) from None
    if (
        is_shallow(raw, depth_max)
        and proves_no_repeated_key(raw, orjson.dumps(value))
        and not holds_unusual_number(value)
    ):
        return value
    return read(raw, depth_max=depth_max)


def is_shallow(raw: bytes, depth_max: int) -> bool:
    """Whether there are too few brackets to nest too deeply; errs on the side of no."""
    return raw.count(b"{") + raw.count(b"[") <= depth_max


def proves_no_repeated_key(raw: bytes, compact: bytes) -> bool:
    """Whether no key was dropped on the way from ``raw`` to ``compact``, its parse written out again.

    A repeated key loses at least one text, so at least two quotation marks. Quotation marks are written alike
    on both sides (a delimiter, or ``\\"``) unless the sender spelled one as ``\\u0022``; so equal counts are
    a proof.
    """
    return raw.count(b'"') == compact.count(b'"') and b"\\u0022" not in raw


def holds_unusual_number(value: Any) -> bool:
    """Whether a value holds a number that must be refused, or that canonical JSON may write otherwise than
    orjson does.

    Those are numbers beyond ±(2^53 - 1), floats without a fraction (``1.0`` is ``1``), and fractions near
    zero, which take an exponent. Everything else is written with the same shortest digits by both. Only for
    values known not to nest deeply.
    """
    return _any_unusual((value,))


def _any_unusual(values: Iterable[Any]) -> bool:
    # Runs for every value of every event: plain type comparisons and as few calls as can be.
    for value in values:
        kind = type(value)
        if kind is str:
            continue
        if kind is dict:
            if _any_unusual(value.values()):
                return True
        elif kind is list or kind is tuple:
            if _any_unusual(value):
                return True
        elif kind is int:
            if not -NUMBER_MAX <= value <= NUMBER_MAX:
                return True
        elif kind is float and (value.is_integer() or not _PLAIN_FRACTION_MIN <= abs(value) <= NUMBER_MAX):
            return True
    return False


def read(raw: bytes, *, depth_max: int = DEPTH_MAX) -> Any:
    """As ``loads``, by the slow and exact reader alone."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise fault("not_utf8", f"byte {error.start} (0x{raw[error.start]:02x}) is not UTF-8") from None
    return _Reader(text, depth_max).whole()


def pointer(path: list[str | int]) -> str:
    """RFC 6901: the JSON pointer of a path of keys and positions."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _why_not(raw: bytes, error: ValueError, depth_max: int) -> Fault:
    try:
        read(raw, depth_max=depth_max)
    except Fault as told:
        return told
    # The two readers disagree: refuse all the same, in the words of the one that refused.
    return fault("not_json", str(error))


class _Reader:
    """A recursive-descent reader that knows the path to where it stands."""

    def __init__(self, text: str, depth_max: int) -> None:
        self.text = text
        self.at = 0
        self.path: list[str | int] = []
        self.depth_max = depth_max

    def whole(self) -> Any:
        self._space()
        value = self._value()
        self._space()
        if self.at < len(self.text):
            raise self._malformed("nothing may follow the JSON value")
        return value

    def _value(self) -> Any:
        here = self.text[self.at : self.at + 1]
        if here == '"':
            return self._string()
        if here == "{":
            return self._nested(self._object)
        if here == "[":
            return self._nested(self._array)
        for word, value in _WORDS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        return self._number()

    def _nested(self, read_inner: Any) -> Any:
        if self.depth_max == 0:
            raise fault("too_deep", "nested more deeply than allowed", pointer(self.path))
        self.depth_max -= 1
        self.at += 1
        value = read_inner()
        self.depth_max += 1
        return value

    def _object(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        self._space()
        if self._take("}"):
            return members
        while True:
            self._space()
            if self.text[self.at : self.at + 1] != '"':
                raise self._malformed("a key in double quotes is expected")
            key = self._string()
            self.path.append(key)
            if key in members:
                raise fault("duplicate_key", f"the key {key!r} stands twice in one object", pointer(self.path))
            self._space()
            if not self._take(":"):
                raise self._malformed("a colon is expected after the key")
            self._space()
            members[key] = self._value()
            self.path.pop()
            self._space()
            if self._take("}"):
                return members
            if not self._take(","):
                raise self._malformed("a comma or } is expected")

    def _array(self) -> list[Any]:
        items: list[Any] = []
        self._space()
        if self._take("]"):
            return items
        while True:
            self._space()
            self.path.append(len(items))
            items.append(self._value())
            self.path.pop()
            self._space()
            if self._take("]"):
                return items
            if not self._take(","):
                raise self._malformed("a comma or ] is expected")

    def _string(self) -> str:
        try:
            value, self.at = scanstring(self.text, self.at + 1, True)
        except ValueError as error:
            raise self._malformed(f"a text is malformed ({str(error).partition(':')[0].lower()})") from None
        if _SURROGATE.search(value):
            raise fault("lone_surrogate", "a text holds half of a surrogate pair", pointer(self.path))
        return str(value)

    def _number(self) -> int | float:
        if _NOT_A_NUMBER.match(self.text, self.at):
            raise fault("not_a_number", "NaN and Infinity are not JSON", pointer(self.path))
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            raise self._malformed("a JSON value is expected")
        self.at = match.end()
        digits, fraction, exponent = match.group(), match.group(1), match.group(2)
        # A long run of digits is out of range whatever they are; Python would refuse to convert thousands of
        # them.
        too_long = not fraction and not exponent and len(digits) > 20
        value: int | float = 0 if too_long else float(digits) if fraction or exponent else int(digits)
        if too_long or not -NUMBER_MAX <= value <= NUMBER_MAX:
            raise fault("number_out_of_range", f"{digits[:40]} lies beyond ±(2^53 - 1)", pointer(self.path))
        return value

    def _space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _take(self, token: str) -> bool:
        taken = self.text.startswith(token, self.at)
        self.at += taken
        return taken

    def _malformed(self, reason: str) -> Fault:
        line = self.text.count("\n", 0, self.at) + 1
        column = self.at - self.text.rfind("\n", 0, self.at)
        hint = ""
        if self.text.startswith("\ufeff"):
            reason, hint = "the body starts with a byte order mark", "Send UTF-8 without a byte order mark."
        return fault("not_json", f"line {line}, column {column}: {reason}", pointer(self.path), hint=hint)
