"""Instances of a schema, made to be shown: small, valid, and the same at every run.

Here because a refused change is told with an instance that the one schema takes and the other does not, and such an
instance needs values for everything around the place that changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from contracts.evolution.texts import some_texts

Schema = Mapping[str, Any]
_DEPTH_MAX: Final = 12
ANNOTATIONS: Final = frozenset(
    {
        "title",
        "description",
        "default",
        "examples",
        "$comment",
        "$id",
        "$schema",
        "$defs",
        "discriminator",
        "deprecated",
    }
)
"""Keywords that say something to people and nothing about which instances are valid."""


def resolved(schema: Schema, root: Schema) -> Schema:
    """The schema a ``$ref`` into ``root`` leads to, with what stands beside the reference; itself without one.

    Where both say something by one keyword, neither replaces the other: both stand as an ``allOf``, not judged.
    """
    while "$ref" in schema:
        name = str(schema["$ref"]).removeprefix("#/$defs/")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        meant = root["$defs"][name]
        if (set(meant) & set(beside)) - ANNOTATIONS:
            return {"type": meant.get("type"), "allOf": [meant, beside]}
        schema = {**meant, **beside}
    return schema


def branches(schema: Schema, root: Schema) -> list[Schema]:
    """The alternatives of a schema that is nothing but a choice (anyOf, oneOf, a list of types); itself otherwise."""
    schema = resolved(schema, root)
    keywords = set(schema) - ANNOTATIONS
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": kind} for kind in schema["type"]]
    for choice in ("anyOf", "oneOf"):
        if keywords == {choice}:
            options = [found for option in schema[choice] for found in branches(option, root)]
            if choice == "anyOf" or told_apart(options):
                return options
    return [schema]


def told_apart(options: Sequence[Schema]) -> bool:
    """Whether no instance can keep two of the options: they differ in type, or in the constant of a required field.

    Only then is ``oneOf`` the same as ``anyOf``.
    """

    def apart(one: Schema, other: Schema) -> bool:
        kinds = {one.get("type"), other.get("type")}
        if None in kinds:
            return False
        if len(kinds) == 2:
            return kinds != {"integer", "number"}
        first, second = tag(one), tag(other)
        return any(first[name] != second[name] for name in first.keys() & second.keys())

    return all(apart(one, other) for number, one in enumerate(options) for other in options[number + 1 :])


def tag(schema: Schema) -> dict[str, Any]:
    """The constants by which an object says which of several kinds it is (``{"op": "eq"}``)."""
    properties = schema.get("properties", {})
    return {
        name: properties[name]["const"] for name in schema.get("required", ()) if "const" in properties.get(name, {})
    }


def instances(schema: Schema, root: Schema, count: int = 1, depth: int = 0) -> list[Any]:
    """Up to ``count`` different instances of a schema; none where it asks for what is not known here.

    Objects have their required fields only. Raises ValueError for a pattern that cannot be read.
    """
    if depth > _DEPTH_MAX:
        return []
    found: list[Any] = []
    for branch in branches(schema, root):
        if len(found) >= count:
            break
        for value in _of_branch(branch, root, count, depth):
            if len(found) < count and value not in found:
                found.append(value)
    return found


def _of_branch(schema: Schema, root: Schema, count: int, depth: int) -> list[Any]:
    if "const" in schema:
        return [schema["const"]]
    if "enum" in schema:
        return list(schema["enum"])[:count]
    kind = schema.get("type")
    if kind == "string":
        return list(some_texts(schema, count))
    if kind in ("integer", "number"):
        return _numbers(schema, count)
    if kind == "boolean":
        return [True, False][:count]
    if kind == "null":
        return [None]
    if kind == "array":
        size = int(schema.get("minItems", 0))
        items = instances(schema.get("items", {"type": "string"}), root, size, depth + 1)
        return [items] if len(items) >= size else []
    if kind == "object" or "properties" in schema:
        return _objects(schema, root, depth)
    return []


def _objects(schema: Schema, root: Schema, depth: int) -> list[Any]:
    made: dict[str, Any] = {}
    for name in schema.get("required", ()):
        known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
        values = instances(known if isinstance(known, Mapping) else {"type": "string"}, root, 1, depth + 1)
        if not values:
            return []
        made[name] = values[0]
    wanted = int(schema.get("minProperties", 0)) - len(made)
    if wanted > 0:
        keys = instances({"type": "string", **schema.get("propertyNames", {})}, root, wanted, depth + 1)
        values = instances(schema.get("additionalProperties") or {"type": "string"}, root, 1, depth + 1)
        made |= dict.fromkeys(keys, *values)
    return [made]


def _numbers(schema: Schema, count: int) -> list[Any]:
    low, high = bounds(schema)
    start = 1 if low is None else low
    if high is not None and start > high:
        start = high
    # Upwards from the least, downwards where there is no least; halves where whole numbers need not be.
    step: float = 1 if schema.get("type") == "integer" else 0.5
    rising = [start + step * number for number in range(count)]
    falling = [start - step * number for number in range(1, count)]
    found = [value for value in (*rising, *falling) if within(value, schema)]
    return [int(value) if float(value).is_integer() else value for value in found[:count]]


def bounds(schema: Schema) -> tuple[float | int | None, float | int | None]:
    """(least, greatest) number a schema admits, an excluded bound moved by one for whole numbers and by a little
    for others."""
    little = 1 if schema.get("type") == "integer" else 1e-6
    low, high = schema.get("minimum"), schema.get("maximum")
    if schema.get("exclusiveMinimum") is not None:
        beyond = schema["exclusiveMinimum"] + little
        low = beyond if low is None else max(low, beyond)
    if schema.get("exclusiveMaximum") is not None:
        beyond = schema["exclusiveMaximum"] - little
        high = beyond if high is None else min(high, beyond)
    return low, high


def within(value: float, schema: Schema) -> bool:
    """Whether a number keeps a schema's bounds."""
    low, high = bounds(schema)
    return (low is None or value >= low) and (high is None or value <= high)
