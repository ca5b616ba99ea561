"""What OpenAPI says about the intake, which is no framework route and so describes itself.

It stands beside the endpoint so that whoever changes one sees the other.
"""

from __future__ import annotations

from typing import Any

from contracts.faults import FAULTS

_RECEIPT: dict[str, Any] = {
    "type": "object",
    "required": ["status", "log_index", "recorded_at", "digest"],
    "properties": {
        "status": {"enum": ["recorded", "duplicate"]},
        "log_index": {"type": "integer", "minimum": 1, "description": "The event's place in the ledger."},
        "recorded_at": {"type": "string", "format": "date-time"},
        "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256, hex."},
    },
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "pointer", "hint"],
    "properties": {
        "type": {"type": "string", "description": "Where the documentation speaks of this code."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"enum": sorted(FAULTS)},
        "pointer": {"type": "string", "description": "RFC 6901 pointer to the field; empty for the whole."},
        "hint": {"type": "string", "description": "How to put it right."},
    },
}
_TALLY: dict[str, Any] = {
    "type": "object",
    "required": ["recorded", "duplicate", "conflict", "rejected", "results"],
    "properties": {
        **{name: {"type": "integer"} for name in ("recorded", "duplicate", "conflict", "rejected")},
        "results": {
            "type": "array",
            "description": "One an event, in the order sent: a receipt or a problem, with source and id.",
            "items": {"type": "object"},
        },
    },
}


def _answer(description: str, schema: str, media: str = "application/json") -> dict[str, Any]:
    return {
        "description": description,
        "content": {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _problem(description: str) -> dict[str, Any]:
    return _answer(description, "Problem", "application/problem+json")


def add_intake(document: dict[str, Any]) -> dict[str, Any]:
    """The document with ``POST /v1/events`` in it; changes and returns it."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update({"Receipt": _RECEIPT, "Problem": _PROBLEM, "BatchOutcome": _TALLY})
    event = {"type": "object", "description": "A CloudEvents 1.0 event; see /v1/contracts for its data."}
    document["paths"].setdefault("/v1/events", {})["post"] = {
        "tags": ["intake"],
        "summary": "Record an event, or a batch of them",
        "description": "Safe to send again: the same event under the same source and id gets its first "
        "receipt. "
        "Binary mode (ce-* headers with application/json) is taken as well.",
        "operationId": "record_events",
        "requestBody": {
            "required": True,
            "content": {
                "application/cloudevents+json": {"schema": event},
                "application/cloudevents-batch+json": {"schema": {"type": "array", "items": event}},
                "application/json": {"schema": {"type": "object", "description": "Binary mode: the data."}},
            },
        },
        "responses": {
            "200": {
                "description": "The event was recorded before (first receipt), or a batch was judged.",
                "content": {
                    "application/json": {
                        "schema": {
                            "oneOf": [
                                {"$ref": "#/components/schemas/Receipt"},
                                {"$ref": "#/components/schemas/BatchOutcome"},
                            ]
                        }
                    }
                },
            },
            "201": _answer("Recorded, durably.", "Receipt"),
            "400": _problem("Not strict JSON."),
            "401": _problem("No known credential."),
            "403": _problem("Not entitled to speak for this agency."),
            "409": _problem("This source has used this id for other content, or a rule of governance refuses."),
            "413": _problem("Too large."),
            "415": _problem("A content type this ledger does not read."),
            "422": _problem("The event breaks its contract."),
            "429": {
                **_problem("The queue is full; nothing was recorded."),
                "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
            },
            "503": _problem("The ledger cannot be written now; nothing was recorded."),
        },
    }
    return document
