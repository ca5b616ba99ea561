"""The published schemas are those of the models, valid 2020-12, and mean the same to every reader of patterns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.catalogue import CATALOGUE
from contracts.oracle import oracle
from contracts.schemas_export import DIALECT, FOLDER, all_schemas, schema_text, write

SCHEMAS = all_schemas()


def test_the_committed_files_are_the_schemas_of_the_models() -> None:
    """If this fails after a wanted change: python -m contracts.schemas_export"""
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    expected = {name: schema_text(schema) for name, schema in SCHEMAS.items()}
    assert expected == {name: text for name, text in committed.items() if name in expected}
    assert {name for name in committed if re.search(r"\.v[0-9]+\.json$", name)} <= set(expected)


def test_drift_is_noticed_and_mended(tmp_path: Path) -> None:
    """Negative control: a changed, a missing and a left-over file are each found, a foreign one is left alone."""
    write(tmp_path)
    assert write(tmp_path) == []
    (tmp_path / "envelope.json").write_text("{}")
    (tmp_path / "event.call.received.v1.json").unlink()
    (tmp_path / "event.gone.away.v1.json").write_text("{}")
    (tmp_path / "kpi-definition.json").write_text("{}")
    (tmp_path / "notes.json").write_text("{}")
    drifted = ["envelope.json", "event.call.received.v1.json", "event.gone.away.v1.json", "kpi-definition.json"]
    assert drifted == sorted(write(tmp_path))
    assert (tmp_path / "notes.json").exists()


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_each_is_a_valid_2020_12_schema_with_an_id(name: str) -> None:
    schema = SCHEMAS[name]
    oracle(schema)
    assert schema["$schema"] == DIALECT
    assert schema["$id"].endswith("/" + name)
    assert schema["description"]


def test_there_are_two_of_every_type_and_one_of_the_envelope() -> None:
    assert len(SCHEMAS) == 2 * len(CATALOGUE) + 1
    for entry in CATALOGUE:
        assert CATALOGUE.schema(entry) == SCHEMAS[f"event.{entry.topic}.json"]


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            yield from nodes(inner)


PATTERNS = sorted(
    {node["pattern"] for schema in SCHEMAS.values() for node in nodes(schema) if isinstance(node.get("pattern"), str)}
)
# Shorthand classes and word borders differ on non-ASCII, look-around and back references are missing from Rust, and
# identity escapes of letters or quotes are errors in ECMA 262 with the u flag.
NOT_PORTABLE = re.compile(r"\\[a-tv-zA-TV-Z0-9\"'<>](?<!\\x)|\(\?(?!:)|(?<!\\)\.|&&|--|~~|\[\[")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_means_the_same_in_rust_python_and_ecma(pattern: str) -> None:
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    assert pattern.isascii()
    without_classes = re.sub(r"\[(?:[^\]\\]|\\.)*\]", "[]", pattern)
    assert NOT_PORTABLE.search(without_classes) is None
    assert not re.search(r"&&|--|~~|\[\[|\\[dDwWsSbB]", pattern)


@pytest.mark.parametrize("pattern", [r"^\d+$", r"^(?=a)b$", r"^(a)\1$", r"^a.b$", r"^\bx$"])
def test_an_unportable_pattern_is_noticed(pattern: str) -> None:
    """Negative control."""
    assert NOT_PORTABLE.search(pattern)


def test_every_text_has_an_end() -> None:
    """Each text field is bounded by maxLength, a closed set, or a pattern of fixed length."""
    fixed = {"^[0-9a-f]{64}$", "^[A-Z0-9]{7,9}$", "^[A-Z]{3}$"}
    for name, schema in SCHEMAS.items():
        for node in nodes(schema):
            if node.get("type") == "string" and not node.keys() & {"maxLength", "enum", "const"}:
                pattern = node.get("pattern")
                bounded = pattern in fixed or node.get("format") in ("date", "date-time")
                bounded = bounded or (pattern or "").startswith(("^(?:19|20|21)", "^org"))
                # The bare {"type": "string"} of a rule between fields says only that the field is given.
                assert bounded or set(node) == {"type"}, (name, node)


def test_files_are_plain_json() -> None:
    for path in FOLDER.glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
