"""The published JSON Schemas (2020-12), made from the models: one of the envelope, and two of every event
type.

They are committed under ``contracts/schemas`` so that an agency can check its events without this software,
and so that a change of contract shows in review. ``python -m contracts.schemas_export`` writes them.
"""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from contracts.catalogue import CATALOGUE, Entry
from contracts.envelope import EXTENSION_NAME_PATTERN, Event
from contracts.kpi import kpi_schema_text

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ID_PREFIX: Final = "https://tallystick.example/schemas/"
"""Begins every ``$id``: an identifier, not an address to fetch."""

FOLDER: Final = Path(__file__).parent / "schemas"


class _WithoutFieldTitles(GenerateJsonSchema):
    """Titles made from field names say nothing that the names do not."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _generated(kind: Any) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema(by_alias=True, mode="validation", schema_generator=_WithoutFieldTitles)


def _headed(file: str, title: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": DIALECT, "$id": ID_PREFIX + file, **body, "title": title}


def payload_file(entry: Entry) -> str:
    return f"payload.{entry.topic}.json"


def event_file(entry: Entry) -> str:
    return f"event.{entry.topic}.json"


@cache
def _payload_schema(entry_model: Any, file: str, title: str) -> dict[str, Any]:
    return _headed(file, title, _generated(entry_model))


def payload_schema(entry: Entry) -> dict[str, Any]:
    """The schema of ``data`` of this event type."""
    return deepcopy(_payload_schema(entry.model, payload_file(entry), f"Data of {entry.topic}"))


def envelope_schema() -> dict[str, Any]:
    """The schema of every event whatever its type; ``data`` is any object."""
    body = _open_to_extensions(_generated(Event[dict[str, Any]]))
    body["description"] = "A CloudEvents 1.0 event with the extensions of Tallystick."
    return _headed("envelope.json", "Envelope of every event", body)


def event_schema(entry: Entry) -> dict[str, Any]:
    """The schema of whole events of this type.

    Rules between fields that a schema cannot hold are in ``$comment``.
    """
    body = _open_to_extensions(_generated(Event[entry.model]))  # type: ignore[name-defined]
    properties = body["properties"]
    properties["type"] = {"const": entry.wire_type, "description": properties["type"]["description"]}
    if entry.subject_prefix:
        ending = properties["subject"]["pattern"].removeprefix("^[A-Za-z0-9]")
        assert ending != properties["subject"]["pattern"], "the subject pattern begins otherwise"
        properties["subject"]["pattern"] = f"^{entry.subject_prefix}{ending}"
        template = "/".join(f"{{data.{field}}}" for field in entry.subject_fields)
        properties["subject"]["$comment"] = f"subject is {entry.subject_prefix}{template}"
    if entry.kind == "decision":
        properties["supersedes"] = {
            "type": "null",
            "description": "A decision is not corrected by superseding; a new decision follows it.",
        }
    body["description"] = entry.summary
    return _headed(event_file(entry), f"Event {entry.topic}", body)


def _open_to_extensions(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "propertyNames": {"pattern": EXTENSION_NAME_PATTERN}}


def all_schemas() -> dict[str, dict[str, Any]]:
    """File name -> schema, for every file this module writes."""
    schemas = {"envelope.json": envelope_schema()}
    for entry in CATALOGUE:
        schemas[payload_file(entry)] = payload_schema(entry)
        schemas[event_file(entry)] = event_schema(entry)
    return schemas


def schema_text(schema: JsonSchemaValue) -> str:
    """The exact text of a published schema file."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> list[str]:
    """Write every schema file and take away event files no longer in the catalogue; returns the names that
    changed.
    """
    folder.mkdir(exist_ok=True)
    texts = {name: schema_text(schema) for name, schema in all_schemas().items()}
    texts["kpi-definition.json"] = kpi_schema_text()
    changed = []
    for path in folder.glob("*.v*.json"):
        if path.name not in texts:
            path.unlink()
            changed.append(path.name)
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(name)
    return changed


if __name__ == "__main__":
    sys.stdout.write("\n".join(write()) + "\n")
