"""The options that every verb spells the same way.

They stand here once so that ``--home``, ``--format`` and ``--as-of`` mean the same wherever they are given.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class OutputFormat(StrEnum):
    """How a result is printed: for people, for programs, for spreadsheets."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Home = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Where the ledger lives; by default ./tallystick-home."),
]
Format = Annotated[OutputFormat, typer.Option("--format", help="How to print the result.", case_sensitive=False)]
AsOfText = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="LOG_INDEX|MOMENT",
        help="Read the ledger as it was known then: after that log_index, or at that RFC 3339 moment.",
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Show at most so many.")]
