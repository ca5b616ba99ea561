"""Expected reports: which agency is to report what, and how often.

Without it, silence could not be told from nothing having happened.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Date, Id, Payload
from contracts.refusals import broken, missing, unknown, wrong

FEEDS: Final = frozenset(module.name for module in iter_modules([str(Path(__file__).parent)]))
"""The families in this folder. A rule and no closed set of the contract: a new family is a new feed at once, and
what was sent before keeps its contract.
"""


class ReportExpected(Payload):
    """The agency is to report on this feed from now on."""

    agency: Id = Field(description="The agency that is to report.")
    feed: Annotated[str, Field(pattern=r"^[a-z]+$", max_length=40)] = Field(
        description="The family of events it is to send, such as call or referral."
    )
    cadence: Literal["daily", "weekly", "monthly", "quarterly", "yearly"] = Field(
        description="How often something is to come at the least."
    )
    grace_days: Annotated[int, Field(ge=0, le=366)] = Field(
        description="Days after the end of a period in which a report is still on time."
    )
    since: Date | None = Field(default=None, description="First day covered; absent means the event's day.")


def _a_family(data: dict[str, Any]) -> tuple[str, str] | None:
    feed = data["feed"]
    if feed in FEEDS:
        return None
    near = get_close_matches(feed, FEEDS, n=1) or get_close_matches(feed, FEEDS, n=1, cutoff=0)
    return "/feed", f"{feed!r} is no family of events; the nearest is {near[0]!r}"


_E = {"agency": "lakeside-health", "feed": "referral", "cadence": "monthly", "grace_days": 10}

FAMILY = Family(
    "report",
    "Expected reports",
    (
        EventType(
            name="report.expected",
            model=ReportExpected,
            subject="feed/{agency}/{feed}",
            rule=_a_family,
            good=(_E, {**_E, "since": "2025-01-01"}),
            bad=(
                *broken({**_E, "feed": "referrals"}, "/feed"),
                Bad({**_E, "cadence": "often"}, "data_invalid", "/data/cadence"),
                Bad({**_E, "grace_days": "10"}, "data_invalid", "/data/grace_days"),
                *missing(_E, "agency", "feed", "cadence", "grace_days"),
                *wrong(_E, agency="lakeside health", feed="Referral", grace_days=-1, since="2025-02-30"),
                *wrong(_E, grace_days=367),
                *unknown(_E),
            ),
        ),
    ),
)
