"""What the routes of the interface are asked with: as of when, how much, from where.

Here so that the same parameter means the same, and is described by the same words, on every route.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator


def _ascii(value: Any) -> Any:
    # A whole number is otherwise read in the digits of every script.
    if isinstance(value, str) and not value.isascii():
        raise ValueError("write whole numbers with the digits 0 to 9")
    return value


Whole = Annotated[int, BeforeValidator(_ascii)]
AsOfQuery = Annotated[
    str | None, Query(description="A log_index or an RFC 3339 moment: read the ledger as it was known then.")
]
LimitQuery = Annotated[Whole, Query(ge=1, le=10_000, description="Rows of one page.")]
WHOLE_MAX = 2**63 - 1
"""SQLite's greatest whole number: beyond it there is no log_index and no place in a list."""
AfterQuery = Annotated[Whole, Query(ge=0, le=WHOLE_MAX, description="Start behind this place in the list.")]

PLACE_MAX = 10_000_000
"""A list is put in order up to its last page, so its places are fewer than a log_index may be."""
