"""A quick look at a parsed event: whether the models would certainly accept it.

Nearly every event keeps its contract, and to find that out costs far less than to find out what is wrong with one.
The rules are read from the very schema the models are compiled from, and know fewer kinds of rule than it does: they
say yes only where the models would, and where they cannot tell, the models are asked. A no is not a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Final

from pydantic import AfterValidator

from contracts import fields
from contracts.envelope import Event
from contracts.limits import DEPTH_MAX, EVENT_BYTES_MAX
from contracts.moments import parse_date, read_us
from contracts.quick_rules import Either, Flag, Items, Matches, Members, Number, Readable, Rule, Text, Token

Schema = Mapping[str, Any]
Memory = dict[tuple[int, int, str], set[str]]
"""The texts known to match, by shortest, longest and pattern."""


def _called_by(annotated: Any) -> Any:
    """The function that a field type calls."""
    (called,) = [part.func for part in annotated.__metadata__ if isinstance(part, AfterValidator)]
    return called


_READERS: Final[Mapping[Any, Callable[[str], object]]] = {
    _called_by(fields.Moment): read_us,
    _called_by(fields.Date): parse_date,
}
_DISTINCT: Final = _called_by(fields.Ids)
_ONLY_CONTROL_CHARACTERS: Final = frozenset({fields.LINE_PATTERN, fields.TEXT_PATTERN})
# Readers of patterns differ in shorthand classes, flags and set operations; the contracts use none of them.
_NOT_PORTABLE: Final = re.compile(r"\\[A-Za-z0-9]|\(\?(?!:)|&&|--|~~|\[\[")
_PORTABLE_ESCAPES: Final = re.compile(r"\\(?:u[0-9a-f]{4}|x[0-9a-f]{2}|[^A-Za-z0-9])")

_SAYS_NOTHING: Final = frozenset({"type", "metadata", "ref", "serialization", "serialization_alias", "frozen"})
"""Parts of a schema that do not change what is accepted."""
_CONFIG: Final = frozenset({"extra_fields_behavior", "frozen", "strict", "title"})


class QuickLook:
    """The rules of one event type, envelope and payload, but for one: that ``time`` is a moment is left to the caller,
    who reads it.

    ``only_shortens``: no sound event of this type is written longer in canonical form than it was sent. That holds
    for texts, whole numbers, true, false and null, but not for fractions: ``1e-3`` is written ``0.001``.
    """

    __slots__ = ("_members", "only_shortens")

    def __init__(self, members: Rule, *, only_shortens: bool) -> None:
        self._members = members
        self.only_shortens = only_shortens

    def finds_sound(self, event: dict[str, Any]) -> bool:
        """Whether the models certainly accept this event, if its ``time`` can be read; False says nothing."""
        # The second half is the envelope's one rule between attributes.
        return self._members.holds(event) and (event.get("time") is None) is (event.get("timeunknown") is True)


def quick_look(schema: Schema, memory: Memory) -> QuickLook | None:
    """The quick look for events of one type, from the core schema of their model; None where it cannot be had.

    Quick looks that share a ``memory`` share what they know.
    """
    reading = _Reading(memory)
    try:
        whole = schema
        if whole["type"] == "definitions":
            reading.definitions = {definition["ref"]: definition for definition in whole["definitions"]}
            whole = whole["schema"]
        _only(whole, "function", "schema")
        if whole["type"] != "function-after" or whole["function"]["function"] is not Event._a_moment_or_none_known:
            return None
        members = reading.rule(whole["schema"])
        assert isinstance(members, Members)
        # The moment is read for the log in any case: once is enough.
        if not isinstance(members.rules["time"], Readable):
            return None
        members.rules["time"] = Text(0, EVENT_BYTES_MAX, None)
        members.rules["time"].optional = True
    except _Unjudged:
        return None
    return QuickLook(members, only_shortens=not reading.fractions)


class _Unjudged(Exception):
    """The schema holds a kind of rule that is not known here."""


def _only(schema: Schema, *known: str) -> None:
    """Refuse a schema that says more than what is read of it."""
    if not _SAYS_NOTHING.union(known).issuperset(schema):
        raise _Unjudged(schema["type"])


class _Reading:
    """Turns a core schema into rules; what it does not know in full, it does not take."""

    def __init__(self, memory: Memory) -> None:
        self.definitions: dict[str, Schema] = {}
        self.fractions = False
        self._memory = memory
        self._depth = 0
        self._kinds: dict[str, Callable[[Schema], Rule]] = {
            "bool": self._flag,
            "default": self._default,
            "definition-ref": self._reference,
            "float": self._number,
            "function-after": self._function,
            "int": self._number,
            "literal": self._literal,
            "model": self._model,
            "nullable": self._nullable,
            "str": self._text,
            "tuple": self._items,
            "union": self._either,
        }

    def rule(self, schema: Schema) -> Rule:
        """A rule of its own for a schema. Raises ``_Unjudged``."""
        read = self._kinds.get(schema["type"])
        # A schema has fewer levels than three for each level of the event; only one that names itself has no end.
        if read is None or self._depth > 3 * DEPTH_MAX:
            raise _Unjudged(schema["type"])
        self._depth += 1
        found = read(schema)
        self._depth -= 1
        return found

    def _flag(self, schema: Schema) -> Rule:
        _only(schema, "strict")
        return Flag()

    def _default(self, schema: Schema) -> Rule:
        _only(schema, "default", "schema")
        return self.rule(schema["schema"])

    def _nullable(self, schema: Schema) -> Rule:
        _only(schema, "schema")
        found = self.rule(schema["schema"])
        found.optional = True
        return found

    def _reference(self, schema: Schema) -> Rule:
        _only(schema, "schema_ref")
        return self.rule(self.definitions[schema["schema_ref"]])

    def _number(self, schema: Schema) -> Rule:
        _only(schema, "strict", "ge", "gt", "le")
        whole = schema["type"] == "int"
        self.fractions |= not whole
        bounds = schema.get("ge", -inf), schema.get("le", inf), schema.get("gt", -inf)
        return Number((int,) if whole else (int, float), *bounds)

    def _literal(self, schema: Schema) -> Rule:
        _only(schema, "expected")
        choices = schema["expected"]
        if any(type(choice) is not str for choice in choices):
            raise _Unjudged("literal")
        return Rule(frozenset(choices))

    def _text(self, schema: Schema) -> Rule:
        _only(schema, "strict", "min_length", "max_length", "pattern")
        low, high, pattern = schema.get("min_length", 0), schema.get("max_length", 2**31), schema.get("pattern")
        if pattern is None or pattern in _ONLY_CONTROL_CHARACTERS:
            return Text(low, high, None if pattern is None else _matcher(pattern))
        return Token(low, high, _matcher(pattern), self._memory.setdefault((low, high, pattern), set()))

    def _function(self, schema: Schema) -> Rule:
        _only(schema, "function", "schema")
        called = schema["function"]["function"]
        if called is _DISTINCT and schema["schema"]["type"] == "tuple":
            found = self.rule(schema["schema"])
            assert isinstance(found, Items)
            found.distinct = True
            return found
        if called in _READERS and schema["schema"]["type"] == "str":
            _only(schema["schema"], "strict")
            return Readable(_READERS[called])
        raise _Unjudged("function")

    def _items(self, schema: Schema) -> Rule:
        _only(schema, "strict", "items_schema", "variadic_item_index", "min_length", "max_length")
        if schema.get("variadic_item_index") != 0 or len(schema["items_schema"]) != 1:
            raise _Unjudged("tuple")
        return Items(self.rule(schema["items_schema"][0]), schema.get("min_length", 0), schema.get("max_length", inf))

    def _either(self, schema: Schema) -> Rule:
        _only(schema, "choices")
        return Either([self.rule(choice) for choice in schema["choices"]])

    def _model(self, schema: Schema) -> Rule:
        _only(schema, "cls", "config", "custom_init", "generic_origin", "root_model", "schema")
        members = schema["schema"]
        config = schema.get("config", {})
        if schema.get("custom_init") or schema.get("root_model") or not _CONFIG.issuperset(config):
            raise _Unjudged("model")
        _only(members, "computed_fields", "extras_keys_schema", "extras_schema", "fields", "model_name")
        if members["type"] != "model-fields" or members.get("computed_fields"):
            raise _Unjudged("model")
        rules: dict[str, Rule] = {}
        for name, field in members["fields"].items():
            _only(field, "schema", "validation_alias")
            alias = field.get("validation_alias", name)
            if type(alias) is not str:
                raise _Unjudged("alias")
            rules[alias] = self.rule(field["schema"])
            rules[alias].needed = int(field["schema"]["type"] != "default")
        if config.get("extra_fields_behavior") == "forbid":
            return Members(rules, _no_other, Rule())
        _only(members["extras_keys_schema"], "pattern")
        is_other = _matcher(members["extras_keys_schema"]["pattern"])
        return Members(rules, is_other, self.rule(members["extras_schema"]))


def _no_other(name: str) -> None:
    """No name but those with a rule."""


def _matcher(pattern: str) -> Matches:
    r"""A pattern of the models for Python, where it certainly means the same; ``$`` is ``\Z`` there."""
    inner = pattern[1:-1]
    if pattern[0] != "^" or pattern[-1] != "$" or _NOT_PORTABLE.search(_PORTABLE_ESCAPES.sub("x", inner)):
        raise _Unjudged("pattern")
    return re.compile(rf"(?:{inner})\Z").match
