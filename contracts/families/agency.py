"""Agencies joining and leaving the partnership.

A number can only be attributed, and a report only be expected, where it is known who was a partner when.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Id, Ids, Name, Payload, Text
from contracts.refusals import missing, unknown, wrong


class AgencyJoined(Payload):
    """An agency is a member of the partnership from the event's time on."""

    agency: Id = Field(description="The agency that joined; the same value speaks in the attribute agency.")
    name: Name = Field(description="The agency's name as shown to people (HSDS organization.name).")
    sector: Id = Field(description="Its sector, such as law_enforcement, behavioral_health, housing, education.")
    roles: Ids = Field(default=(), description="What it does in the partnership, such as responder or provider.")
    hsds_organization: Id | None = Field(default=None, description="Its id in an HSDS (Open Referral) directory.")
    ori: Annotated[str, Field(pattern=r"^[A-Z0-9]{7,9}$")] | None = Field(
        default=None, description="Its Originating Agency Identifier (NIEM j:OrganizationORIIdentification)."
    )


class AgencyWithdrew(Payload):
    """An agency is no longer a member from the event's time on."""

    agency: Id = Field(description="The agency that withdrew.")
    reason: Text | None = Field(default=None, description="Why, in the agency's words.")


_JOINED = {"agency": "lakeside-health", "name": "Lakeside Behavioral Health", "sector": "behavioral_health"}

FAMILY = Family(
    "agency",
    "Partner agencies",
    (
        EventType(
            name="agency.joined",
            model=AgencyJoined,
            subject="agency/{agency}",
            good=(
                _JOINED,
                {
                    **_JOINED,
                    "roles": ["provider", "responder"],
                    "ori": "OR0200000",
                    "hsds_organization": "org-17",
                },
            ),
            bad=(
                Bad({**_JOINED, "name": ""}, "data_invalid", "/data/name"),
                Bad({**_JOINED, "roles": ["provider", "provider"]}, "data_invalid", "/data/roles"),
                Bad({**_JOINED, "sektor": "housing"}, "field_unknown", "/data/sektor"),
                *missing(_JOINED, "agency", "name", "sector"),
                *wrong(_JOINED, agency="lakeside health", name="Lakeside\nHealth", ori="or-0200000"),
            ),
        ),
        EventType(
            name="agency.withdrew",
            model=AgencyWithdrew,
            subject="agency/{agency}",
            good=(
                {"agency": "lakeside-health"},
                {"agency": "lakeside-health", "reason": "Merged with County Health."},
            ),
            bad=(
                Bad({}, "field_missing", "/data/agency"),
                Bad({"agency": "lakeside health"}, "data_invalid", "/data/agency"),
                *wrong({"agency": "lakeside-health"}, reason="\u0000"),
                *wrong({"agency": "lakeside-health"}, reason=""),
                *unknown({"agency": "lakeside-health"}),
            ),
        ),
    ),
)
