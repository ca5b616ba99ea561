"""The models and the published schemas give the same verdict on the same instance, good or bad.

Instances are made from the schema, then damaged; both sides judge the canonical form. An agency that checks its events
against the schemas is therefore not surprised at the wall.
"""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from contracts.canonical import canonical_bytes
from contracts.catalogue import CATALOGUE, Entry
from contracts.intake import validate
from contracts.oracle import oracle
from contracts.recorded import Accepted
from contracts.schemas_export import event_schema, payload_schema

ENTRIES = list(CATALOGUE)
QUICK = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)

ODD_TEXTS = ["", " ", "x", "a b", "é", "\U0001f600", "x\n", "\n", "\u0000", "\u007f", "\u2028", "-x", "K06", "2025-03"]
ODD_TEXTS += ["2025-02-30", "2025-03-01", "2025-03-01T10:00:00Z", "2025-03-01T10:00:00Z\n", "2025-02-30T10:00:00Z"]
ODD_TEXTS += [
    "USD\n",
    "call\n",
    "2025-13",
    "2025-03\n",
    "2025-03-01\n",
    "2025-Q1\n",
    "2025",
    "0" * 64,
    "0" * 64 + "\n",
    "٣",
    "call",
    "x" * 41,
    "x" * 129,
    "1.0",
]
ODD_NUMBERS = [0, -1, 1, 2, 0.5, -0.5, 1e12, 1e12 + 1, 100_000, 100_001, 10_000, 10_001, 366, 367, 2**31, 2**53 - 1]
ODD_VALUES = st.one_of(
    st.sampled_from([None, True, False, [], {}, [[]], [None], ["x", "x"], [1, True], {"x": 1}]),
    st.sampled_from(ODD_NUMBERS),
    st.sampled_from(ODD_TEXTS),
)
ODD_KEYS = st.sampled_from(["x", "Call", "call ", "", "note", "reason", "é", "__proto__", "from_", "data"])


@st.composite
def damaged(draw: st.DrawFn, sound: st.SearchStrategy[Any]) -> Any:
    """An instance with up to three parts dropped, added, renamed, replaced, stretched to a boundary or repeated."""
    instance = deepcopy(draw(sound))
    for _ in range(draw(st.integers(0, 3))):
        instance = draw_damage(draw, instance)
    return instance


def draw_damage(draw: st.DrawFn, instance: Any) -> Any:
    if isinstance(instance, dict) and instance:
        key = draw(st.sampled_from(sorted(instance)))
        action = draw(st.sampled_from(["inside", "inside", "inside", "drop", "add", "rename", "replace", "null"]))
        if action == "inside":
            return {**instance, key: draw_damage(draw, instance[key])}
        if action == "null":
            return {**instance, key: None}
        if action == "replace":
            return {**instance, key: draw(ODD_VALUES)}
        if action == "add":
            return {**instance, draw(ODD_KEYS): draw(ODD_VALUES)}
        rest = {name: value for name, value in instance.items() if name != key}
        return rest if action == "drop" else {**rest, key.capitalize(): instance[key]}
    if isinstance(instance, list) and instance:
        at = draw(st.integers(0, len(instance) - 1))
        action = draw(st.sampled_from(["inside", "repeat", "drop", "many"]))
        if action == "inside":
            return [*instance[:at], draw_damage(draw, instance[at]), *instance[at + 1 :]]
        if action == "many":
            return [f"i{n}" for n in range(draw(st.sampled_from([64, 65, 100, 101])))]
        return [*instance, instance[at]] if action == "repeat" else instance[:at] + instance[at + 1 :]
    if isinstance(instance, str):
        action = draw(st.sampled_from(["stretch", "newline", "replace", "widen"]))
        if action == "stretch":
            length = draw(st.sampled_from([0, 1, 20, 21, 40, 41, 128, 129, 200, 201, 1000, 1001, 4000, 4001]))
            return ((instance or "x") * length)[:length]
        if action == "newline":
            return instance + "\n"
        if action == "widen":
            return instance + draw(st.sampled_from(["é", "\U0001f600", "\u0000", "\u0085", "٣", " ", "/"]))
    return draw(ODD_VALUES)


def instances(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Mostly valid instances of a schema, made from the schema alone."""
    return _made(schema, schema.get("$defs", {}), 0)


def _made(schema: dict[str, Any], defs: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return st.deferred(lambda: _made(defs[name], defs, depth + 1))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema and "properties" not in schema:
            options = schema[keyword]
            if depth > 5:
                # Conditions nest in one another: stop at those that do not.
                options = [option for option in options if not _nests(option)] or options
            return st.one_of([_made(option, defs, depth) for option in options])
    kind = schema.get("type")
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        keys = st.sampled_from(["county", "lakeside-health", "x" * 128])
        return st.dictionaries(keys, _made(schema["additionalProperties"], defs, depth), min_size=1, max_size=3)
    if kind == "object":
        required = set(schema.get("required", ()))
        made = {name: _made(inner, defs, depth) for name, inner in schema.get("properties", {}).items()}
        return st.fixed_dictionaries(
            {name: part for name, part in made.items() if name in required},
            optional={name: part for name, part in made.items() if name not in required},
        )
    if kind == "array":
        return st.lists(
            _made(schema["items"], defs, depth),
            min_size=schema.get("minItems", 0),
            max_size=min(schema.get("maxItems", 2), schema.get("minItems", 0) + 2),
        )
    if kind == "string":
        return _text(schema)
    if kind == "integer":
        low = schema.get("minimum", -5)
        return st.sampled_from(sorted({low, low + 1, schema.get("maximum", low + 1)}))
    if kind == "number":
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 0.25)
        return st.sampled_from([low, low + 1, low + 0.5, schema.get("maximum", low)])
    return st.booleans() if kind == "boolean" else st.none()


def _nests(option: dict[str, Any]) -> bool:
    return option.get("$ref", "").rpartition("/")[2] in ("AllOf", "AnyOf", "Not")


def _text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date":
        return st.dates().map(str).filter(lambda text: "1900" <= text < "2200") | st.just("2025-02-28")
    if schema.get("format") == "date-time":
        return st.sampled_from(["2025-03-01T10:00:00Z", "2024-02-29t23:59:59.123456789-08:00", "1999-12-31T00:00:00z"])
    pattern = schema.get("pattern", "")
    length = schema.get("maxLength", 20)
    known = {
        "^(?:19|20|21)[0-9]{2}-": ["2025-03", "2199-12"],
        "^(?:19|20|21)": ["2025", "2025-03", "2025-Q4"],
        "^[0-9a-f]": ["0a" * 32],
        "^[A-Z0-9]{7,9}": ["OR0200000"],
        "^[A-Z]{3}$": ["USD", "EUR"],
        "^[a-z]+$": ["referral", "x"],
    }
    for begins, texts in known.items():
        if pattern.startswith(begins):
            return st.sampled_from(texts)
    if pattern.startswith(("^[a-z]", "^[a-z0-9]")):
        return st.sampled_from(["x", "y_1", "x" * length])
    if pattern.startswith("^[A-Z]"):
        return st.sampled_from(["K06", "P", "K" * length])
    return st.sampled_from(["x", "A.b~c:d@e-f", "x" * length])


@cache
def adapter(entry: Entry) -> TypeAdapter[Any]:
    return TypeAdapter(entry.model)


def model_accepts(entry: Entry, body: bytes) -> bool:
    try:
        adapter(entry).validate_json(body)
    except ValidationError:
        return False
    return True


def payloads(entry: Entry) -> st.SearchStrategy[Any]:
    return damaged(st.sampled_from(entry.good) | instances(payload_schema(entry)))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.topic)
def test_model_and_schema_agree_on_every_payload(entry: Entry) -> None:
    published = oracle(payload_schema(entry))
    seen = {True: 0, False: 0}

    def compare(instance: Any) -> None:
        body = canonical_bytes(instance)
        verdict = model_accepts(entry, body)
        seen[verdict] += 1
        assert published.is_valid(json.loads(body)) == verdict, body

    for kept in [*entry.good, *(bad.data for bad in entry.bad)]:
        compare(kept)
    QUICK(given(payloads(entry))(compare))()
    # The test is empty where it never saw both verdicts.
    assert seen[True]
    assert seen[False]


BETWEEN_FIELDS = {
    "subject_mismatch",
    "supersedes_itself",
    "supersedes_contradicted",
    "agency_missing",
    "too_large",
}
"""Codes of rules that a schema of one event cannot express."""


def envelopes(entry: Entry) -> st.SearchStrategy[Any]:
    extras = st.fixed_dictionaries(
        {},
        optional={
            "timeunknown": st.sampled_from([True, False, None, 1, "true"]),
            "sensitivity": st.sampled_from(["phi", "public", "secret", None]),
            "supersedes": st.sampled_from(["old-1", "", None, "x" * 201]),
            "expectedversion": st.sampled_from([0, 3, -1, 2**31, 1.5, "3"]),
            "datacontenttype": st.sampled_from(["application/json; charset=utf-8", "text/plain", "application/json\n"]),
            "traceparent": st.sampled_from(["00-ab", 7, True, None, 2**31, -(2**31) - 1, [], {}, 0.5, "x" * 1001]),
            "Trace": st.just("x"),
            "a" * 20: st.just("x"),
            "a" * 21: st.just("x"),
            "data_base64": st.just("e30="),
        },
    )
    whole = st.sampled_from(entry.good).map(entry.example_event)
    return damaged(st.builds(lambda event, extra: {**event, **extra}, whole, extras))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.topic)
def test_intake_and_schema_agree_on_every_event(entry: Entry) -> None:
    published = oracle(event_schema(entry))

    @settings(QUICK, max_examples=25)
    @given(envelopes(entry))
    def agree(event: Any) -> None:
        body = canonical_bytes(event)
        verdict = validate(body)
        expected = published.is_valid(json.loads(body))
        if expected and not isinstance(verdict, Accepted):
            rule = entry.rule is not None and verdict.problem.code == "data_invalid"
            assert rule or verdict.problem.code in BETWEEN_FIELDS, (verdict.problem, body)
        elif not expected:
            assert not isinstance(verdict, Accepted), body

    agree()


def disagreement(entry: Entry, published: Any) -> Any:
    """An instance on which the model and ``published`` differ. NoSuchExample where none is found."""
    return find(
        payloads(entry),
        lambda instance: model_accepts(entry, canonical_bytes(instance)) != published.is_valid(instance),
        settings=settings(QUICK, max_examples=5_000, derandomize=True, database=None, phases=[Phase.generate]),
    )


CALL = CATALOGUE.entry("call.received.v1")
PLAN = CATALOGUE.entry("plan.adopted.v1")


def test_a_validator_that_reads_patterns_as_python_does_is_caught() -> None:
    """Negative control: in plain jsonschema ``$`` matches before a last line break."""
    disagreement(CALL, Draft202012Validator(payload_schema(CALL)))


def test_a_validator_that_ignores_formats_is_caught() -> None:
    """Negative control: 2025-02-30 matches the pattern of a date."""
    schema = payload_schema(PLAN)
    strict = oracle(schema)
    lax = strict.evolve(format_checker=None)
    disagreement(PLAN, lax)


@pytest.mark.parametrize(
    "weaken",
    [
        lambda schema: schema.pop("additionalProperties"),
        lambda schema: schema.pop("required"),
        lambda schema: schema["properties"]["channel"].update(anyOf=[{"type": "string"}, {"type": "null"}]),
        lambda schema: schema["properties"]["call"].pop("maxLength"),
        lambda schema: schema["properties"]["needs"].pop("uniqueItems"),
    ],
    ids=["unknown fields", "required", "enum", "length", "unique"],
)
def test_a_weakened_schema_is_caught(weaken: Any) -> None:
    """Negative control: one rule less, and the comparison finds it."""
    schema = payload_schema(CALL)
    weaken(schema)
    disagreement(CALL, oracle(schema))
