"""The fictional partnership of the demonstration: six agencies, where they are, and how punctually each reports.

No place, agency or person here exists. The rates that drive the stories are published figures of real programmes (New
York City's B-HEARD, Lane County's mobile crisis team), so that the scorecard looks like one a committee would meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

ZONE: Final = "America/Chicago"
FIRST_DAY: Final = date(2023, 1, 1)
LAST_DAY: Final = date(2025, 12, 31)
DAYS: Final = (LAST_DAY - FIRST_DAY).days + 1

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US

START_US: Final = int(datetime(2023, 1, 1, 6, tzinfo=UTC).timestamp()) * SECOND_US
"""Midnight of the first day, local (winter) time."""
END_US: Final = int(datetime(2026, 1, 1, 6, tzinfo=UTC).timestamp()) * SECOND_US
"""Midnight after the last day: nothing arrives later, and it is the moment at which the demonstration is read."""
AS_OF: Final = "2026-01-01T06:00:00Z"

PLAN: Final = "larkmoor-2023-2025"
MOU: Final = "mou-2023"
DSA: Final = "dsa-2023"
STUDY: Final = "dul-2023"
SILENT_AGENCY: Final = "larkmoor-schools"
SILENT_FROM: Final = date(2025, 7, 1)
"""From this day on the silent agency reports nothing; nobody tells the ledger, so only expectations show it."""


@dataclass(frozen=True, slots=True)
class Voice:
    """An agency that speaks, through one system of its own.

    ``lag_weights`` are the shares of its events that arrive the same day, after 1–3, 4–6, 7–10 and 11–90 days, in the
    first year; ``improves`` is the part of the late ones that arrives the same day by the end.
    """

    agency: str
    name: str
    sector: str
    roles: tuple[str, ...]
    source: str
    lag_weights: tuple[float, float, float, float, float]
    improves: float


POLICE: Final = Voice(
    "larkmoor-police",
    "Larkmoor Police Department",
    "law_enforcement",
    ("responder", "dispatcher"),
    "urn:larkmoor:police:cad",
    (0.93, 0.05, 0.01, 0.006, 0.004),
    0.3,
)
CRISIS: Final = Voice(
    "larkmoor-crisis",
    "Larkmoor Mobile Crisis Team",
    "behavioral_health",
    ("responder", "provider"),
    "urn:larkmoor:crisis:ehr",
    (0.62, 0.26, 0.07, 0.03, 0.02),
    0.5,
)
HOSPITAL: Final = Voice(
    "st-aldhelm-hospital",
    "St. Aldhelm Hospital Emergency Department",
    "hospital",
    ("provider",),
    "urn:st-aldhelm:ed",
    (0.35, 0.40, 0.13, 0.07, 0.05),
    0.3,
)
HOUSING: Final = Voice(
    "larkmoor-housing",
    "Larkmoor Housing Authority",
    "housing",
    ("provider",),
    "urn:larkmoor:housing:hmis",
    (0.22, 0.33, 0.20, 0.14, 0.11),
    0.4,
)
SCHOOLS: Final = Voice(
    SILENT_AGENCY,
    "Larkmoor School District",
    "education",
    ("referrer", "provider"),
    "urn:larkmoor:schools:sis",
    (0.40, 0.35, 0.13, 0.07, 0.05),
    0.1,
)
OPEN_DOOR: Final = Voice(
    "open-door",
    "Open Door",
    "nonprofit",
    ("provider",),
    "urn:open-door:spreadsheet",
    (0.10, 0.22, 0.24, 0.20, 0.24),
    0.2,
)
AGENCIES: Final = (POLICE, CRISIS, HOSPITAL, HOUSING, SCHOOLS, OPEN_DOOR)
SECRETARIAT: Final = Voice(
    "larkmoor-partnership",
    "Larkmoor Partnership Secretariat",
    "governance",
    ("convener",),
    "urn:larkmoor:partnership:secretariat",
    (1.0, 0.0, 0.0, 0.0, 0.0),
    0.0,
)
"""Writes down what the steering committee decided; it is no seventh agency and never joins."""
