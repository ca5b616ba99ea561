"""What a decision takes for its aggregate alone: a version of a KPI for one plan, a commitment for one agreement.

It is here because the rules of an aggregate see that aggregate only, while a scorecard knows a KPI by its id and
version and a commitment by its id: two plans that both define K06 version 1 would change each other's numbers
without a trace.
"""

from __future__ import annotations

from typing import Any


def claim(type: str, data: dict[str, Any]) -> str | None:
    """What a decision with this catalogue name and payload claims; None where it claims nothing."""
    if type == "kpi.defined":
        return f"kpi/{data['kpi']}/{data['version']}"
    if type == "commitment.made":
        return f"commitment/{data['commitment']}"
    return None


def pointer(type: str) -> str:
    """Where in the event the claimed id stands, as an RFC 6901 pointer."""
    return "/data/kpi" if type == "kpi.defined" else "/data/commitment"
