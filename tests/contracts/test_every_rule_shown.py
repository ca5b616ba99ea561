"""Every rule of every event type is shown by a bad example that breaks it.

The rules are read from the published schema, not from the examples: a field that becomes required, a choice that is
narrowed or a rule between fields that is added fails here until somebody shows what it refuses. Lengths are limits of
the house and are held by the tests of the limits; what a KPI definition may hold has tests of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any

import pytest
from pydantic import Field

from contracts.catalogue import CATALOGUE, Entry
from contracts.declaration import AllOf, Bad, Rule
from contracts.oracle import oracle
from contracts.schemas_export import payload_schema

ENTRIES = list(CATALOGUE)
BY_FIELD = ("enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "minProperties")
"""Keywords that are to be shown at every field that has them."""

ONCE = ("pattern", "format", "minLength", "uniqueItems")
"""Keywords that are to be shown once for each value they have in a type: most fields share the pattern of an id."""

Site = tuple[str, str, str]
"""Where ("" for what is shown once in a type), the keyword, and its value as JSON."""


def topic(entry: Entry) -> str:
    return entry.topic


def sites(entry: Entry) -> set[Site]:
    """Everything in the schema of a payload that can be broken."""
    schema = payload_schema(entry)
    return set(_sites(schema, schema.get("$defs", {}), ""))


def _sites(node: dict[str, Any], defs: dict[str, Any], where: str) -> Iterator[Site]:
    if "$ref" in node:
        yield from _sites(defs[node["$ref"].rpartition("/")[2]], defs, where)
        return
    if where == "/definition":
        return
    for name in node.get("required", ()):
        yield where, "required", json.dumps(name)
    for keyword in BY_FIELD:
        if keyword in node:
            yield _site(where, keyword, node[keyword])
    for keyword in ONCE:
        # A date has a pattern as well, for readers that do not assert formats.
        if keyword in node and not (keyword == "pattern" and "format" in node):
            yield _site(where, keyword, node[keyword])
    if node.get("additionalProperties") is False:
        yield where, "additionalProperties", "false"
    if "properties" in node and "oneOf" in node:
        yield where, "oneOf", ""
    for option in () if "properties" in node else node.get("anyOf", node.get("oneOf", ())):
        yield from _sites(option, defs, where)
    for name, inner in node.get("properties", {}).items():
        yield from _sites(inner, defs, f"{where}/{name}")
    if isinstance(node.get("items"), dict):
        yield from _sites(node["items"], defs, f"{where}/*")
    if isinstance(node.get("additionalProperties"), dict):
        yield from _sites(node["additionalProperties"], defs, f"{where}/*")


def _site(where: str, keyword: str, value: Any) -> Site:
    return ("" if keyword in ONCE else where), keyword, json.dumps(value)


def broken_by_each(entry: Entry) -> list[set[Site]]:
    """For each bad example the sites that it breaks, as an independent reader of the schema sees it.

    One that is wrong in two places shows neither: it would be refused without the one or the other.
    """
    schema = payload_schema(entry)
    published = oracle(schema)
    shown = []
    for bad in entry.bad:
        errors = list(published.iter_errors(bad.data))
        places = {(_pointer(schema, error.absolute_path), *_missing(error)) for error in errors}
        shown.append({site for error in errors for site in _broken(schema, error)} if len(places) == 1 else set())
    return shown


def _missing(error: Any) -> list[str]:
    """The one field that the error says is missing; jsonschema gives an error for each."""
    required = error.validator_value if error.validator == "required" else []
    return [name for name in required if error.message == f"{name!r} is a required property"]


def _broken(schema: dict[str, Any], error: Any) -> Iterator[Site]:
    where = _pointer(schema, error.absolute_path)
    if error.validator == "required":
        for name in _missing(error):
            yield where, "required", json.dumps(name)
    elif error.validator == "oneOf":
        yield where, "oneOf", ""
    else:
        yield _site(where, error.validator, error.validator_value)
    for inner in error.context or ():
        yield from _broken(schema, inner)


def _pointer(schema: dict[str, Any], path: Iterable[str | int]) -> str:
    """The path of an instance with ``*`` for the places of lists and the keys of mappings."""
    here, where = schema, ""
    for step in path:
        here = _inside(here, schema.get("$defs", {}))
        if isinstance(step, int):
            here, where = here["items"], f"{where}/*"
        elif step in here.get("properties", {}):
            here, where = here["properties"][step], f"{where}/{step}"
        else:
            here, where = here.get("additionalProperties") or {}, f"{where}/*"
            here = here if isinstance(here, dict) else {}
    return where


def _inside(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """The schema of the value where there is one, past references and the null of an optional field."""
    while True:
        if "$ref" in node:
            node = defs[node["$ref"].rpartition("/")[2]]
        elif "anyOf" in node and "properties" not in node:
            node = next(option for option in node["anyOf"] if option.get("type") != "null")
        else:
            return node


def unshown(entry: Entry) -> list[Site]:
    """The sites that no bad example breaks."""
    return sorted(sites(entry).difference(*broken_by_each(entry)))


def parts(entry: Entry) -> tuple[Rule, ...]:
    """The rules between fields, one by one."""
    if entry.rule is None:
        return ()
    return entry.rule.rules if isinstance(entry.rule, AllOf) else (entry.rule,)


def breaking(entry: Entry, rule: Rule) -> list[Bad]:
    """The bad examples that keep the schema and break this rule between fields."""
    published = oracle(payload_schema(entry))
    return [bad for bad in entry.bad if published.is_valid(bad.data) and rule(bad.data)]


@pytest.mark.parametrize("entry", ENTRIES, ids=topic)
def test_every_rule_of_the_schema_is_shown_by_a_bad_example(entry: Entry) -> None:
    assert unshown(entry) == []


@pytest.mark.parametrize("entry", ENTRIES, ids=topic)
def test_every_rule_between_fields_is_shown_by_a_bad_example(entry: Entry) -> None:
    assert [rule for rule in parts(entry) if not breaking(entry, rule)] == []
    assert all(rule(data) is None for rule in parts(entry) for data in entry.good)


@pytest.mark.parametrize("entry", ENTRIES, ids=topic)
def test_a_bad_example_is_shown_once(entry: Entry) -> None:
    told = [json.dumps(bad.data, sort_keys=True) for bad in entry.bad]
    assert sorted(set(told)) == sorted(told)


@pytest.mark.parametrize("entry", ENTRIES, ids=topic)
def test_a_rule_that_is_no_longer_shown_is_noticed(entry: Entry) -> None:
    """Negative control: without the examples that break a rule, that rule is missed."""
    told = broken_by_each(entry)
    for site in sites(entry):
        left = tuple(bad for bad, broken in zip(entry.bad, told, strict=True) if site not in broken)
        assert len(left) < len(entry.bad)
        kept = [broken for broken in told if site not in broken]
        assert site in sites(entry).difference(*kept)
    for rule in parts(entry):
        left = tuple(bad for bad in entry.bad if bad not in breaking(entry, rule))
        assert breaking(replace(entry, bad=left), rule) == []


def test_a_new_rule_without_an_example_is_noticed() -> None:
    """Negative control: a stricter contract with the examples of the one before."""
    call = CATALOGUE.entry("call.received.v1")

    class Stricter(call.model):  # type: ignore[name-defined,misc]
        """A call that must say where."""

        district: Annotated[str, Field(pattern="^[a-z]+$", max_length=20)]

    assert unshown(call) == []
    missed = unshown(replace(call, model=Stricter))
    assert {("", "pattern", '"^[a-z]+$"'), ("", "required", '"district"')} <= set(missed)
