"""What a check of ``doctor`` found, and what to do about it.

It stands by itself so that the checks of a home and those of the scaled system tell it alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

FindingStatus = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do where it is not well."""

    check: str
    status: FindingStatus
    found: str
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"check": self.check, "status": self.status, "found": self.found, "advice": self.advice}
