"""Strings as languages: a text that one string schema admits and another refuses.

Here because a tightened pattern can only be shown to be tighter by a text that it no longer takes. Patterns are
read as finite automata (Hopcroft and Ullman 1979, chapter 3: regular languages are closed under difference), lengths
are counted on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, Final

import interegular
from interegular.fsm import FSM, anything_else

from contracts import limits

_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_REST: Final = "éñ名☃\n\x01"
"""Characters that may stand for all those that no pattern names."""

_STATES_MAX: Final = 200_000
_EVERY: Final = r"[\s\S]*"
_ANY: Final = f"^{_EVERY}$"


@cache
def automaton(pattern: str) -> FSM:
    """The automaton of a schema's ``pattern``, which unlike in Python searches anywhere unless it is anchored.

    Raises ValueError for a pattern beyond regular languages (look-around, back-references).
    """
    text = _ESCAPED.sub(_python_escape, pattern)
    start = text.startswith("^")
    end = text.endswith("$") and not text.endswith("\\$")
    body = text[start : len(text) - end]
    if (start or end) and _alternates(body):
        raise ValueError(f"the pattern {pattern!r} anchors only one of its alternatives")
    whole = f"{'' if start else _EVERY}(?:{body}){'' if end else _EVERY}"
    try:
        return interegular.parse_pattern(whole).to_fsm()
    except Exception as error:  # the library raises types of its own, undocumented
        raise ValueError(f"the pattern {pattern!r} cannot be read as an automaton: {error}") from error


def _alternates(body: str) -> bool:
    """Whether a pattern has alternatives outside of any group or class."""
    plain = re.sub(r"\\.|\[(?:\\.|[^\]])*\]", "", body)
    depth = 0
    for character in plain:
        depth += (character == "(") - (character == ")")
        if character == "|" and not depth:
            return True
    return False


def _python_escape(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return f"\\x{code:02x}" if code < 256 else re.escape(chr(code))


def texts(schema: Mapping[str, Any], beyond: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Texts that ``schema`` (of type string: pattern, minLength, maxLength) admits, the shortest first.

    With ``beyond``, only those whose pattern that other string schema does not match. Lengths of ``beyond`` are the
    caller's to compare. Raises ValueError as ``automaton`` does.
    """
    machine = automaton(str(schema["pattern"])) if "pattern" in schema else automaton(_ANY)
    if beyond is not None:
        machine = machine.difference(automaton(str(beyond["pattern"])))  # type: ignore[no-untyped-call]
    low = int(schema.get("minLength", 0))
    high = int(schema.get("maxLength", limits.TEXT_CHARS_MAX))
    return _walk(machine, low, high)


def _walk(machine: FSM, low: int, high: int) -> Iterator[str]:
    named = {symbol for symbols in machine.alphabet.by_transition.values() for symbol in symbols} - {anything_else}
    rest = next((character for character in _REST if character not in named), None)
    letters = {key: _letter(symbols, rest) for key, symbols in machine.alphabet.by_transition.items()}
    usable = {key: letter for key, letter in letters.items() if letter is not None}
    alive = {state for state in machine.states if machine.islive(state)}  # type: ignore[no-untyped-call]
    seen: set[tuple[Any, int]] = set()
    front: list[tuple[Any, str]] = [(machine.initial, "")]
    while front and len(seen) < _STATES_MAX:
        following: list[tuple[Any, str]] = []
        for state, text in front:
            if state in machine.finals and len(text) >= low:
                yield text
            if len(text) >= high:
                continue
            # By letter, not by the library's numbers, which differ from run to run.
            onward = sorted(
                (usable[key], target) for key, target in machine.map.get(state, {}).items() if key in usable
            )
            for letter, target in onward:
                place = (target, len(text) + 1)
                if target in alive and place not in seen:
                    seen.add(place)
                    following.append((target, text + letter))
        front = following


def _letter(symbols: Any, rest: str | None) -> str | None:
    """A readable one of the symbols that lead the same way; None where only such are left that XML and people avoid."""
    plain = [symbol for symbol in symbols if symbol is not anything_else]
    for wanted in (_plainest, str.isalnum, str.isprintable, lambda symbol: True):
        found = sorted(symbol for symbol in plain if wanted(symbol))
        if found:
            return str(found[0])
    return rest if len(plain) < len(list(symbols)) else None


def _plainest(symbol: str) -> bool:
    return symbol.isascii() and symbol.isalnum()


def listed(values: Iterable[str]) -> str:
    """The pattern of exactly these texts."""
    return f"^(?:{'|'.join(re.escape(value) for value in values)})$"


def some_texts(schema: Mapping[str, Any], count: int) -> list[str]:
    """Up to ``count`` different texts that a string schema admits, the shortest first."""
    if schema.get("format") in _FORMAT_TEXTS:
        return [_FORMAT_TEXTS[schema["format"]](number) for number in range(count)]
    wanted = tuple((name, schema[name]) for name in ("pattern", "minLength", "maxLength") if name in schema)
    return list(_some_texts(wanted, count))


@cache
def _some_texts(wanted: tuple[tuple[str, Any], ...], count: int) -> tuple[str, ...]:
    return tuple(islice(texts(dict(wanted)), count))


_FORMAT_TEXTS: Final = {
    "date": lambda number: f"2025-03-{1 + number % 28:02d}",
    "date-time": lambda number: f"2025-03-01T10:{number % 60:02d}:00-08:00",
}
