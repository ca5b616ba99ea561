"""Whether every instance of one schema is an instance of another; where not, why, and an instance that shows it.

Here because a contract may be widened for readers and must never be narrowed for senders, and only a comparison of
the two schemas, keyword by keyword, finds every place where that happened. The keywords are those that the published
schemas use; a difference in any other is not judged but told, which refuses the change as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from contracts.evolution.instances import ANNOTATIONS, Schema, bounds, branches, instances, resolved, tag, within
from contracts.evolution.texts import listed, texts
from contracts.oracle import oracle

_JUDGED: Final = {
    "string": {"type", "pattern", "minLength", "maxLength", "format", "enum", "const"},
    "integer": {"type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum", "const"},
    "number": {"type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum", "const"},
    "boolean": {"type", "enum", "const"},
    "null": {"type", "const"},
    "array": {"type", "items", "minItems", "maxItems", "uniqueItems"},
    "object": {
        "type",
        "properties",
        "required",
        "additionalProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
    },
}
_SCALAR: Final = _JUDGED["string"] | _JUDGED["number"]


@dataclass(frozen=True, slots=True)
class Beyond:
    """Something that ``narrow`` admits and ``wide`` does not: where (a JSON pointer), why, and an instance of it.

    ``instance`` is the whole value at the level the comparison began; ``shown`` is False where none could be made.
    """

    pointer: str
    reason: str
    instance: Any
    shown: bool = True


@dataclass(frozen=True)
class Inclusion:
    """One comparison. With ``tolerant``, the reader of ``wide`` passes over fields it does not know."""

    narrow: Schema
    wide: Schema
    tolerant: bool = False
    _compared: dict[tuple[str, str], list[Beyond]] = field(default_factory=dict)

    def beyond(self, example: Any = None) -> Iterator[Beyond]:
        """Every way found in which an instance of ``narrow`` is none of ``wide``; nothing where it is included.

        ``example`` is an instance of ``narrow`` around which the shown instances are built.
        """
        yield from self._schemas(self.narrow, self.wide, example)

    def _schemas(self, narrow: Schema, wide: Schema, example: Any) -> list[Beyond]:
        pair = (json.dumps(narrow, sort_keys=True), json.dumps(wide, sort_keys=True))
        if pair not in self._compared:
            self._compared[pair] = []  # a definition within itself: what is being compared is not compared again
            self._compared[pair] = list(self._choices(narrow, wide, example))
        return self._compared[pair]

    def _choices(self, narrow: Schema, wide: Schema, example: Any) -> Iterator[Beyond]:
        options = branches(wide, self.wide)
        for branch in branches(narrow, self.narrow):
            attempts = []
            for option in options:
                if tag(branch) != tag(option):
                    continue
                found = list(self._branches(branch, option, example))
                attempts.append((_alike(branch, option), found))
                if not found:
                    break
            else:
                if attempts:  # the option of the same kind says most about what changed
                    yield from max(attempts, key=lambda attempt: attempt[0])[1]
                else:
                    value = self._one(branch)
                    yield Beyond("", f"no such kind is taken: {tag(branch)}", value, value is not None)

    def _branches(self, narrow: Schema, wide: Schema, example: Any) -> Iterator[Beyond]:
        if "const" in narrow or "enum" in narrow:
            yield from self._listed(narrow, wide)
            return
        kind, other = narrow.get("type"), wide.get("type")
        if kind != other and not (kind == "integer" and other == "number"):
            value = 0.5 if (kind, other) == ("number", "integer") else self._one(narrow)
            yield Beyond("", f"the type was {kind} and is {other}", value, value is not None or kind == "null")
            return
        unjudged = self._unjudged(narrow, wide)
        if unjudged:
            yield Beyond("", f"{', '.join(unjudged)} changed, which cannot be judged", None, shown=False)
            return
        if "const" in wide or "enum" in wide:
            yield from self._not_listed(narrow, wide)
            return
        if kind == "string":
            yield from _strings(narrow, wide)
        elif kind in ("integer", "number"):
            yield from _numbers(narrow, wide)
        elif kind == "array":
            yield from self._arrays(narrow, wide, example)
        elif kind == "object":
            yield from self._objects(narrow, wide, example)

    def _not_listed(self, narrow: Schema, wide: Schema) -> Iterator[Beyond]:
        """Any value, where the other side takes listed ones only."""
        allowed = [wide["const"]] if "const" in wide else list(wide["enum"])
        if narrow.get("type") == "string" and "format" not in narrow:
            others: Iterable[Any] = texts(narrow, {"pattern": listed(str(value) for value in allowed)})
        else:
            others = instances(narrow, self.narrow, len(allowed) + 1)
        found = next((value for value in others if value not in allowed), None)
        if found is not None or narrow.get("type") not in ("string", "integer", "boolean", "null"):
            yield Beyond("", "only listed values are left", found, found is not None)

    def _unjudged(self, narrow: Schema, wide: Schema) -> list[str]:
        judged = _JUDGED.get(str(narrow.get("type")), set()) | ANNOTATIONS
        keywords = sorted({*narrow, *wide} - judged)
        return [keyword for keyword in keywords if not self._same(narrow.get(keyword), wide.get(keyword))]

    def _same(self, narrow: Any, wide: Any) -> bool:
        return json.dumps(narrow, sort_keys=True) == json.dumps(wide, sort_keys=True)

    def _one(self, schema: Schema) -> Any:
        return next(iter(instances(schema, self.narrow)), None)

    def _listed(self, narrow: Schema, wide: Schema) -> Iterator[Beyond]:
        values = [narrow["const"]] if "const" in narrow else list(narrow["enum"])
        # Listed values are scalars, which no part of an object or array is about.
        judge = oracle({keyword: wide[keyword] for keyword in wide if keyword in _SCALAR})
        for value in values:
            if not judge.is_valid(value):
                yield Beyond("", f"the value {json.dumps(value)} is not among those of the other side", value)

    def _arrays(self, narrow: Schema, wide: Schema, example: Any) -> Iterator[Beyond]:
        items = narrow.get("items", {})
        low, high = narrow.get("minItems", 0), narrow.get("maxItems")
        if low < wide.get("minItems", 0):
            yield Beyond("", f"at least {wide['minItems']} items are asked for", self._many(narrow, low))
        top = wide.get("maxItems")
        if top is not None and (high is None or high > top):
            many = self._many(narrow, top + 1)
            yield Beyond("", f"at most {top} items are taken", many, len(many) > top)
        if wide.get("uniqueItems") and not narrow.get("uniqueItems") and (high is None or high > 1):
            yield Beyond("", "repeated items are refused", instances(items, self.narrow) * max(low, 2))
        inside = example[0] if isinstance(example, list) and example else None
        for found in self._schemas(items, wide.get("items", {}), inside):
            others = [value for value in instances(items, self.narrow, low + 1) if value != found.instance]
            yield Beyond(f"/0{found.pointer}", found.reason, [found.instance, *others[: max(low - 1, 0)]], found.shown)

    def _many(self, narrow: Schema, count: int) -> list[Any]:
        """So many items of an array, repeated where they may be; fewer where no more are known."""
        found = instances(narrow.get("items", {}), self.narrow, count)
        if found and not narrow.get("uniqueItems"):
            found += [found[0]] * (count - len(found))
        return found

    def _objects(self, narrow: Schema, wide: Schema, example: Any) -> Iterator[Beyond]:
        mine, theirs = narrow.get("properties", {}), wide.get("properties", {})
        base = example if isinstance(example, dict) and _fits(example, narrow) else self._one(narrow)
        if not isinstance(base, dict):
            base = {}
        for name in wide.get("required", ()):
            if name not in narrow.get("required", ()):
                reason = "the field became required" if name in mine else "a new required field"
                without = {key: value for key, value in base.items() if key != name}
                yield Beyond(f"/{name}", reason, without)
        closed = wide.get("additionalProperties") is False
        for name, schema in mine.items():
            if name in theirs:
                for found in self._schemas(schema, theirs[name], base.get(name)):
                    yield Beyond(f"/{name}{found.pointer}", found.reason, {**base, name: found.instance}, found.shown)
            elif isinstance(wide.get("additionalProperties"), Mapping):
                for found in self._schemas(schema, wide["additionalProperties"], base.get(name)):
                    yield Beyond(f"/{name}{found.pointer}", found.reason, {**base, name: found.instance}, found.shown)
            elif closed and not self.tolerant:
                value = base.get(name, self._one(resolved(schema, self.narrow)))
                yield Beyond(f"/{name}", "the field was removed", {**base, name: value}, value is not None)
        for name in theirs.keys() - mine.keys():
            # What was any name of a map has a meaning of its own on the other side.
            if narrow.get("additionalProperties") is not False:
                for found in self._schemas(narrow.get("additionalProperties", {}), theirs[name], base.get(name)):
                    yield Beyond(f"/{name}{found.pointer}", found.reason, {**base, name: found.instance}, found.shown)
        yield from self._open_objects(narrow, wide, base)

    def _open_objects(self, narrow: Schema, wide: Schema, base: dict[str, Any]) -> Iterator[Beyond]:
        """Objects used as maps: any name of a kind, each with a value of one schema."""
        values = narrow.get("additionalProperties", {})
        if values is False:
            return
        other = wide.get("additionalProperties", {})
        names = {"type": "string", **narrow.get("propertyNames", {})}
        key = next(iter(instances(names, self.narrow)), "x")
        if other is False:
            if not self.tolerant:
                yield Beyond("", "other fields are no longer taken", {**base, key: self._one(values)})
            return
        for found in self._schemas(values or {}, other or {}, None):
            yield Beyond(f"/{key}{found.pointer}", found.reason, {**base, key: found.instance}, found.shown)
        for found in self._schemas(names, {"type": "string", **wide.get("propertyNames", {})}, None):
            filled = {**base, str(found.instance): self._one(values or {"type": "null"})}
            yield Beyond(found.pointer, f"names of fields: {found.reason}", filled, found.shown)
        for keyword in ("minProperties", "maxProperties"):
            if not self._same(narrow.get(keyword), wide.get(keyword)):
                yield Beyond("", f"{keyword} changed", None, shown=False)


def _fits(example: dict[str, Any], schema: Schema) -> bool:
    return set(schema.get("required", ())) <= set(example) and all(
        example[name] == value for name, value in tag(schema).items()
    )


def _alike(narrow: Schema, wide: Schema) -> tuple[bool, int]:
    shared = set(narrow.get("properties", {})) & set(wide.get("properties", {}))
    return narrow.get("type") == wide.get("type"), len(shared)


def _strings(narrow: Schema, wide: Schema) -> Iterator[Beyond]:
    low, high = narrow.get("minLength", 0), narrow.get("maxLength")
    floor, top = wide.get("minLength", 0), wide.get("maxLength")
    if low < floor:
        shortest = next((text for text in texts(narrow) if len(text) < floor), None)
        if shortest is not None:
            yield Beyond("", f"at least {floor} characters are asked for", shortest)
    if top is not None and (high is None or high > top):
        longer = next(texts({**narrow, "minLength": top + 1}), None)
        if longer is not None:
            yield Beyond("", f"at most {top} characters are taken", longer)
    if "format" in wide and narrow.get("format") != wide["format"]:
        outside = next(texts(narrow), None)
        yield Beyond("", f"only texts of the format {wide['format']} are taken", outside, outside is not None)
    if "pattern" in wide and narrow.get("pattern") != wide["pattern"]:
        try:
            unmatched = next(texts(narrow, wide), None)
        except ValueError as error:
            yield Beyond("", str(error), None, shown=False)
            return
        if unmatched is not None:
            yield Beyond("", f"the pattern is now {wide['pattern']}", unmatched)


def _numbers(narrow: Schema, wide: Schema) -> Iterator[Beyond]:
    low, high = bounds(narrow)
    floor, top = bounds(wide)
    step: float = 1 if narrow.get("type") == "integer" else 1e-6
    if floor is not None and (low is None or low < floor):
        value = floor - step if low is None else low
        yield Beyond("", f"numbers below {floor:g} are refused", value, within(value, narrow))
    if top is not None and (high is None or high > top):
        value = top + step if high is None else high
        yield Beyond("", f"numbers above {top:g} are refused", value, within(value, narrow))


def without_unknown(instance: Any, schema: Schema, root: Mapping[str, Any]) -> Any:
    """An instance as a reader of ``schema`` sees it who passes over fields it does not know."""
    options = branches(schema, root)
    if isinstance(instance, dict):
        for option in options:
            known = option.get("properties")
            if known is not None and option.get("additionalProperties") is False:
                return {
                    name: without_unknown(value, known[name], root) for name, value in instance.items() if name in known
                }
        return instance
    if isinstance(instance, list):
        items = next((option["items"] for option in options if "items" in option), None)
        return instance if items is None else [without_unknown(value, items, root) for value in instance]
    return instance
