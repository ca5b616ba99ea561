"""Short ways to write the bad examples of an event type: a good payload with one thing wrong.

A family shows for each of its rules an event that breaks it; written so, the example says which rule it is
about and nothing else, and stays wrong in that one place when the good payload grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.declaration import Bad


def missing(data: Mapping[str, Any], *fields: str) -> tuple[Bad, ...]:
    """For each of the required fields, ``data`` without it."""
    return tuple(
        Bad({name: value for name, value in data.items() if name != field}, "field_missing", f"/data/{field}")
        for field in fields
    )


def wrong(data: Mapping[str, Any], **fields: Any) -> tuple[Bad, ...]:
    """For each of the fields, ``data`` with that value in it, which the field does not take."""
    return tuple(Bad({**data, name: value}, "data_invalid", f"/data/{name}") for name, value in fields.items())


def unknown(data: Mapping[str, Any], field: str = "narrative") -> tuple[Bad, ...]:
    """``data`` with a field that the contract does not know."""
    return (Bad({**data, field: "see attached"}, "field_unknown", f"/data/{field}"),)


def broken(data: Mapping[str, Any], pointer: str) -> tuple[Bad, ...]:
    """``data`` whose fields are each sound and do not go together; told at ``pointer`` inside them."""
    return (Bad(dict(data), "data_invalid", f"/data{pointer}"),)
