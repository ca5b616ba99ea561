"""Contract evolution: what breaks a sender or a reader is refused and shown; what does not is let through."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.catalogue import CATALOGUE, Catalogue
from contracts.declaration import EventType, Family
from contracts.evolution import inclusion
from contracts.evolution.check import check
from contracts.evolution.compare import breaks
from contracts.evolution.inclusion import without_unknown
from contracts.evolution.instances import instances
from contracts.evolution.releases import FOLDER, State, chained, release, released, tampered
from contracts.evolution.texts import texts
from contracts.fields import Id, Payload
from contracts.oracle import oracle
from contracts.schemas_export import payload_schema

Schema = dict[str, Any]
Change = Callable[[Schema], Any]

BASE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["call", "reason", "by_agency", "seen"],
    "properties": {
        "call": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9-]*$", "maxLength": 20},
        "reason": {"enum": ["a", "b", "c"], "type": "string"},
        "minutes": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 600}, {"type": "null"}], "default": None},
        "score": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]},
        "units": {"type": "array", "items": {"$ref": "#/$defs/Unit"}, "maxItems": 3},
        "by_agency": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "propertyNames": {"pattern": "^[a-z]+$"},
        },
        "day": {"type": "string", "format": "date"},
        "seen": {"type": "boolean"},
        "note": {"type": "string"},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "level": {"type": "integer", "minimum": 1, "maximum": 3},
    },
    "$defs": {
        "Unit": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {"name": {"type": "string", "minLength": 1}, "kind": {"type": "string"}},
        }
    },
}
EXAMPLE = {"call": "c-1", "reason": "a", "by_agency": {"metro": 2}, "seen": True}


def changed(change: Change) -> Schema:
    new = copy.deepcopy(BASE)
    change(new)
    return new


def unrequire(schema: Schema) -> None:
    schema["required"].remove("reason")


BACKWARD: dict[str, tuple[str, Change]] = {
    "a removed field": ("/minutes", lambda s: s["properties"].pop("minutes")),
    "a removed field of a part": ("/units/0/kind", lambda s: s["$defs"]["Unit"]["properties"].pop("kind")),
    "a new required field": (
        "/who",
        lambda s: (s["properties"].update(who={"type": "string"}), s["required"].append("who")),
    ),
    "a field that became required": ("/day", lambda s: s["required"].append("day")),
    "a field of a part that became required": (
        "/units/0/kind",
        lambda s: s["$defs"]["Unit"]["required"].append("kind"),
    ),
    "a narrowed enum": ("/reason", lambda s: s["properties"]["reason"]["enum"].pop()),
    "a narrowed type": ("/score", lambda s: s["properties"]["score"]["anyOf"].__setitem__(0, {"type": "integer"})),
    "null no longer taken": ("/minutes", lambda s: s["properties"]["minutes"]["anyOf"].pop()),
    "another type": ("/seen", lambda s: s["properties"].update(seen={"type": "string"})),
    "a tightened pattern": ("/call", lambda s: s["properties"]["call"].update(pattern="^[a-z][a-z0-9-]*$")),
    "a shorter text": ("/call", lambda s: s["properties"]["call"].update(maxLength=19)),
    "a longer text": ("/units/0/name", lambda s: s["$defs"]["Unit"]["properties"]["name"].update(minLength=2)),
    "a lower maximum": ("/minutes", lambda s: s["properties"]["minutes"]["anyOf"][0].update(maximum=599)),
    "a higher minimum": ("/minutes", lambda s: s["properties"]["minutes"]["anyOf"][0].update(minimum=1)),
    "a bound where there was none": ("/score", lambda s: s["properties"]["score"]["anyOf"][0].update(maximum=10)),
    "fewer items": ("/units", lambda s: s["properties"]["units"].update(maxItems=2)),
    "more items": ("/units", lambda s: s["properties"]["units"].update(minItems=1)),
    "distinct items": ("/units", lambda s: s["properties"]["units"].update(uniqueItems=True)),
    "a narrower map": (
        "/by_agency/a",
        lambda s: s["properties"]["by_agency"]["additionalProperties"].update(minimum=0),
    ),
    "narrower names in a map": (
        "/by_agency",
        lambda s: s["properties"]["by_agency"].update(propertyNames={"pattern": "^[b-z]+$"}),
    ),
    "a pattern where there was none": ("/note", lambda s: s["properties"]["note"].update(pattern="^[ -~]*$")),
    "a list where there was a pattern": (
        "/currency",
        lambda s: s["properties"].update(currency={"enum": ["AAA"], "type": "string"}),
    ),
    "a list where there was any text": (
        "/note",
        lambda s: s["properties"].update(note={"enum": ["", "0"], "type": "string"}),
    ),
    "a list where there was a range": (
        "/level",
        lambda s: s["properties"].update(level={"enum": [1, 3], "type": "integer"}),
    ),
    "a format": ("/call", lambda s: s["properties"].update(call={"type": "string", "format": "date"})),
}
FORWARD: dict[str, tuple[str, Change]] = {
    "a wider enum": ("/reason", lambda s: s["properties"]["reason"]["enum"].append("d")),
    "a field that became optional": ("/reason", unrequire),
    "a wider number": ("/minutes", lambda s: s["properties"]["minutes"]["anyOf"][0].update(maximum=601)),
    "a wider pattern": ("/call", lambda s: s["properties"]["call"].update(pattern="^[A-Za-z0-9_][A-Za-z0-9-]*$")),
    "a format no longer asked for": ("/day", lambda s: s["properties"].update(day={"type": "string"})),
}


@pytest.mark.parametrize("name", BACKWARD)
def test_what_a_sender_by_the_old_contract_could_no_longer_send_is_refused(name: str) -> None:
    pointer, change = BACKWARD[name]
    new = changed(change)
    found = breaks(BASE, new, old_examples=[EXAMPLE], new_examples=[EXAMPLE])
    backward = [broken for broken in found if broken.direction == "backward"]
    assert [pointer] == [broken.pointer for broken in backward], found
    shown = backward[0].counter_example
    assert shown is not None
    assert oracle(BASE).is_valid(shown)
    assert not oracle(new).is_valid(shown)


@pytest.mark.parametrize("name", FORWARD)
def test_what_a_reader_by_the_old_contract_could_no_longer_read_is_refused(name: str) -> None:
    pointer, change = FORWARD[name]
    new = changed(change)
    (broken,) = breaks(BASE, new, old_examples=[EXAMPLE], new_examples=[EXAMPLE])
    assert ("forward", pointer) == (broken.direction, broken.pointer)
    assert broken.counter_example is not None
    assert oracle(new).is_valid(broken.counter_example)
    assert not oracle(BASE).is_valid(without_unknown(broken.counter_example, BASE, BASE))


HARMLESS: dict[str, Change] = {
    "nothing": lambda s: None,
    "an optional field": lambda s: s["properties"].update(remark={"type": "string"}),
    "an optional field of a part": lambda s: s["$defs"]["Unit"]["properties"].update(note={"type": "string"}),
    "another description": lambda s: s["properties"]["call"].update(description="The call."),
    "another default": lambda s: s["properties"]["minutes"].update(default=5),
    "an enum in another order": lambda s: s["properties"]["reason"]["enum"].reverse(),
    "a part written in place": lambda s: s["properties"]["units"].update(items=s["$defs"]["Unit"]),
    "a list of all there were": lambda s: s["properties"].update(level={"enum": [3, 2, 1], "type": "integer"}),
    "a pattern that admits everything": lambda s: s["properties"]["note"].update(pattern="^[\\s\\S]*$"),
    "the same pattern otherwise": lambda s: s["properties"]["call"].update(pattern="^[0-9a-zA-Z][a-zA-Z0-9-]*$"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_breaks_nobody_is_let_through(name: str) -> None:
    assert [] == breaks(BASE, changed(HARMLESS[name]), old_examples=[EXAMPLE], new_examples=[EXAMPLE])


def one_field(schema: Schema) -> Schema:
    return {"type": "object", "properties": {"x": schema}, "additionalProperties": False}


TRICKY: dict[str, tuple[Schema, Schema]] = {
    "a choice whose options overlap": (
        one_field({"type": "number"}),
        one_field({"oneOf": [{"type": "integer"}, {"type": "number"}]}),
    ),
    "a map that gains a field of another kind": (
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "additionalProperties": {"type": "integer"}, "properties": {"a": {"type": "string"}}},
    ),
    "a field that falls under a map of another kind": (
        {"type": "object", "additionalProperties": {"type": "integer"}, "properties": {"a": {"type": "string"}}},
        {"type": "object", "additionalProperties": {"type": "integer"}},
    ),
    "a field of a map that became required": (
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "string"}, "required": ["a"]},
    ),
    "a definition and what stands beside the reference to it": (
        {**one_field({"$ref": "#/$defs/T", "maxLength": 10}), "$defs": {"T": {"type": "string", "maxLength": 30}}},
        {**one_field({"$ref": "#/$defs/T", "maxLength": 10}), "$defs": {"T": {"type": "string", "maxLength": 3}}},
    ),
    "an alternative that lost its anchor": (
        one_field({"type": "string", "pattern": "^a|b$"}),
        one_field({"type": "string", "pattern": "^(a|b)$"}),
    ),
}


@pytest.mark.parametrize("name", TRICKY)
def test_what_cannot_be_seen_at_one_keyword_is_refused_all_the_same(name: str) -> None:
    old, new = TRICKY[name]
    assert "backward" in [broken.direction for broken in breaks(old, new)]


def test_a_keyword_that_is_not_judged_refuses_the_change() -> None:
    new = changed(lambda s: s["properties"]["call"].update({"not": {"const": "x"}}))
    (broken,) = [found for found in breaks(BASE, new) if found.direction == "backward"]
    assert ("/call", "not changed, which cannot be judged", None) == (
        broken.pointer,
        broken.reason,
        broken.counter_example,
    )


def _is_narrowed(schema: Schema, place: int) -> Schema:
    """The schema with one thing taken away, chosen by a number."""
    names = sorted(name for name in schema["properties"] if name not in schema.get("required", ()))
    new = copy.deepcopy(schema)
    del new["properties"][names[place % len(names)]]
    return new


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(entry.topic for entry in CATALOGUE)), st.integers(0, 30))
def test_every_contract_of_the_catalogue_is_compared_with_a_proof(topic: str, place: int) -> None:
    entry = CATALOGUE.entry(topic)
    old = payload_schema(entry)
    assert [] == breaks(old, copy.deepcopy(old), old_examples=entry.good, new_examples=entry.good)
    if set(old["properties"]) > set(old.get("required", ())):
        new = _is_narrowed(old, place)
        found = breaks(old, new, old_examples=entry.good, new_examples=entry.good)
        assert any(
            broken.counter_example is not None and not oracle(new).is_valid(broken.counter_example) for broken in found
        ), found


def test_control_a_comparison_that_passes_over_removed_fields_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        inclusion.Inclusion, "_objects", lambda *_: iter(())
    )  # a comparison that never looks into objects
    with pytest.raises(AssertionError):
        test_what_a_sender_by_the_old_contract_could_no_longer_send_is_refused("a removed field")


def test_instances_are_valid_for_every_contract() -> None:
    for entry in CATALOGUE:
        schema = payload_schema(entry)
        if "oneOf" in schema:  # a choice beside the fields: shown instances are built around the example there
            continue
        (made,) = instances(schema, schema)
        assert oracle(schema).is_valid(made), (entry.topic, made)


def test_a_pattern_that_anchors_one_alternative_is_not_judged() -> None:
    with pytest.raises(ValueError, match="anchors only one"):
        next(texts({"pattern": "^a|b$"}))
    assert "a" == next(texts({"pattern": "^(?:a|b)$"}))
    assert "|" == next(texts({"pattern": "^[|]$"}))


def test_a_text_is_found_that_only_the_wider_pattern_admits() -> None:
    assert "0000000" == next(texts({"pattern": "^[A-Z0-9]{7,9}$"}, {"pattern": "^[A-Z0-9]{8}$"}))
    assert [] == list(texts({"pattern": "^[ab]{1,3}$"}, {"pattern": "^[a-z]*$"}))
    assert "\t" == next(texts({"pattern": r"^[^\u0000-\u0008]*$"}, {"pattern": r"^[^\u0000-\u001f]*$"}))


# Releases


class NoteV1(Payload):
    """A note."""

    note: Id
    by: Id | None = None


class NoteNow(Payload):
    """A note."""

    note: Id
    by: Id | None = None
    about: Id | None = None


class NoteBroken(Payload):
    """A note."""

    note: Id
    by: Id


def catalogue(model: type[Payload], good: tuple[dict[str, Any], ...] = ({"note": "n-1", "by": "a"},)) -> Catalogue:
    return Catalogue([Family("note", "Notes", (EventType("note.kept", model, "note/{note}", good, ()),))])


def test_a_release_is_frozen_and_every_later_change_held_against_all_of_them(tmp_path: Path) -> None:
    assert ["note.kept.v1"] == release(catalogue(NoteV1), "1.0.0", tmp_path)
    assert ["same"] == [found.verdict for found in check(catalogue(NoteV1), released(tmp_path))]
    (found,) = check(catalogue(NoteNow), released(tmp_path))
    assert ("compatible", ("/about",)) == (found.verdict, found.added)
    assert ["note.kept.v1"] == release(catalogue(NoteNow), "1.1.0", tmp_path)
    assert [] == release(catalogue(NoteNow), "1.2.0", tmp_path)
    # Taking the new field away again is no change against 1.0.0 and one against 1.1.0: full transitive.
    (found,) = check(catalogue(NoteV1), released(tmp_path))
    assert ("refused", ["1.1.0"]) == (found.verdict, [name for name, _ in found.breaks])
    (found,) = check(catalogue(NoteBroken), released(tmp_path))
    assert {"1.0.0", "1.1.0"} == {name for name, _ in found.breaks}


def test_a_removed_version_is_refused(tmp_path: Path) -> None:
    release(catalogue(NoteV1), "1.0.0", tmp_path)
    (found,) = check(Catalogue([]), released(tmp_path))
    assert "refused" == found.verdict


def test_a_kept_sample_that_is_no_longer_readable_is_refused(tmp_path: Path) -> None:
    v1 = EventType("note.kept", NoteV1, "note/{note}", ({"note": "n-1"},), (), upcast=lambda data: {"text": 1})
    v2 = replace(v1, model=NoteNow, version=2, upcast=None)
    release(catalogue(NoteV1), "1.0.0", tmp_path)
    broken = Catalogue([Family("note", "Notes", (v1, v2))])
    found = {finding.topic: finding for finding in check(broken, released(tmp_path))}
    assert ("refused", "new") == (found["note.kept.v1"].verdict, found["note.kept.v2"].verdict)
    assert "no longer readable" in found["note.kept.v1"].breaks[0][1].reason


@pytest.mark.parametrize("part", ["schema", "samples", "release"])
def test_a_change_to_what_was_released_shows(tmp_path: Path, part: str) -> None:
    release(catalogue(NoteV1), "1.0.0", tmp_path)
    path = tmp_path / "note.kept.v1.json"
    told = json.loads(path.read_text())
    told["states"][0][part] = {"schema": {"type": "object"}, "samples": [], "release": "0.9.0"}[part]
    path.write_text(json.dumps(told))
    (found,) = check(catalogue(NoteV1), released(tmp_path))
    assert "what was released then has been changed since" in [broken.reason for _, broken in found.breaks]


def test_control_a_state_with_its_own_digest_passes() -> None:
    schema = {"type": "object"}
    good = State("1.0.0", schema, (), chained("0" * 64, "1.0.0", schema, ()))
    assert [] == tampered((good,))
    assert ["1.0.0"] == tampered((replace(good, digest="0" * 64),))


def test_the_working_contracts_keep_everything_that_was_released() -> None:
    refused = [finding for finding in check(CATALOGUE, released(FOLDER)) if finding.verdict == "refused"]
    assert [] == [finding.to_json() for finding in refused]
