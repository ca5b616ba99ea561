"""The AsyncAPI 3.0 document of the language: which events there are, what they hold, and where they are sent.

Here because an agency's developers generate code and documentation from such a document; it is made from the
catalogue, so that it never says anything else.
"""

from __future__ import annotations

from typing import Any, Final

from contracts.catalogue import CATALOGUE, Catalogue, Entry
from contracts.envelope import WIRE_PREFIX
from contracts.schemas_export import ID_PREFIX, event_file, payload_schema

VERSION: Final = "3.0.0"
_PAYLOAD: Final = "application/schema+json;version=draft-2020-12"
_ENVELOPE: Final = ("specversion", "id", "source", "type", "subject", "time", "agency", "data")


def asyncapi(version: str, catalogue: Catalogue = CATALOGUE) -> dict[str, Any]:
    """The document (https://www.asyncapi.com/docs/reference/specification/v3.0.0).

    ``version`` is the program's. One channel, the intake; one message a type and version; their payloads are the
    published schemas of ``data`` within a CloudEvents envelope.
    """
    taken = [entry for entry in catalogue if entry.status != "retired"]
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Tallystick",
            "version": version,
            "description": "CloudEvents 1.0 that partner agencies send to their accountability ledger.",
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": family.name, "description": family.title} for family in catalogue.families],
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "events": {
                "address": "/v1/events",
                "description": "The intake. Structured, batched and binary mode of the CloudEvents HTTP binding.",
                "messages": {entry.topic: {"$ref": f"#/components/messages/{entry.topic}"} for entry in taken},
            }
        },
        "operations": {
            "sendEvent": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "summary": "An agency states a fact, or the partnership a decision.",
                "messages": [{"$ref": f"#/channels/events/messages/{entry.topic}"} for entry in taken],
            }
        },
        "components": {"messages": {entry.topic: _message(entry) for entry in taken}},
    }


def _message(entry: Entry) -> dict[str, Any]:
    example = entry.example_event()
    return {
        "name": f"{WIRE_PREFIX}{entry.topic}",
        "title": entry.topic,
        "summary": entry.summary,
        "contentType": "application/cloudevents+json",
        "tags": [{"name": entry.family}, {"name": entry.kind}],
        "payload": {"schemaFormat": _PAYLOAD, "schema": _event(entry)},
        "examples": [{"name": f"{entry.topic}-1", "payload": {name: example[name] for name in _ENVELOPE}}],
    }


def _event(entry: Entry) -> dict[str, Any]:
    data = {key: value for key, value in payload_schema(entry).items() if key not in ("$schema", "$id")}
    definitions = data.pop("$defs", None)
    schema: dict[str, Any] = {
        # An id of its own, so that references inside mean this schema and not the document.
        "$id": f"{ID_PREFIX}asyncapi/{event_file(entry)}",
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string"},
            "source": {"type": "string", "format": "uri-reference"},
            "type": {"const": entry.wire_type},
            "subject": {"type": "string", "pattern": f"^{entry.subject_prefix}"},
            "time": {"type": "string", "format": "date-time"},
            "agency": {"type": "string"},
            "data": data,
        },
    }
    if definitions:
        schema["$defs"] = definitions
    return schema
