"""Consents: what a person allows which agencies to tell which others, for what, and until when.

A disclosure of substance use treatment rests on a written consent with named parts (42 CFR Part 2 §2.31); the
ledger keeps those parts and never the person's name.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from contracts.declaration import EventType, Family
from contracts.fields import Date, Id, Payload, Sha256, SomeIds, Text
from contracts.refusals import broken, missing, unknown, wrong


class ConsentGranted(Payload):
    """A person has signed a consent; the event's time is that of the signature (42 CFR 2.31(a)(9))."""

    consent: Id = Field(description="The consent's id; events sent under it name it in consentref.")
    person: Id = Field(description="A keyed token for the person (2.31(a)(1) asks for the name; not in here).")
    regime: Literal["part2", "hipaa", "ferpa", "local"] = Field(
        description="The rule it was written for: 42 CFR Part 2, HIPAA (45 CFR 164.508), FERPA (34 CFR 99.30) "
        "or a local one."
    )
    disclosers: SomeIds = Field(description="Who may tell (42 CFR 2.31(a)(2)).")
    recipients: SomeIds = Field(description="Who may be told (42 CFR 2.31(a)(4)).")
    information: Text = Field(description="How much and what kind may be told (42 CFR 2.31(a)(3)).")
    purpose: Text = Field(description="What for (42 CFR 2.31(a)(5)).")
    expires: Date | None = Field(default=None, description="Last day on which it holds (42 CFR 2.31(a)(7)).")
    copy_sha256: Sha256 | None = Field(default=None, description="SHA-256 of the signed paper's bytes, in hex.")


class ConsentNarrowed(Payload):
    """The person allows less from the event's time on; what is given replaces what was allowed before."""

    consent: Id = Field(description="The consent's id.")
    recipients: SomeIds | None = Field(default=None, description="Who may still be told (42 CFR 2.31(a)(4)).")
    information: Text | None = Field(default=None, description="What may still be told (42 CFR 2.31(a)(3)).")
    purpose: Text | None = Field(default=None, description="What it may still be told for (42 CFR 2.31(a)(5)).")
    expires: Date | None = Field(default=None, description="The last day from now on (42 CFR 2.31(a)(7)).")


class ConsentRevoked(Payload):
    """The person has taken the consent back (42 CFR 2.31(a)(6)); what was told before stays told."""

    consent: Id = Field(description="The consent's id.")
    reason: Text | None = Field(default=None, description="Why, where the person said so.")


def _narrows_something(data: dict[str, Any]) -> tuple[str, str] | None:
    if all(data.get(field) is None for field in ("recipients", "information", "purpose", "expires")):
        return "", "none of recipients, information, purpose and expires is given, so nothing is narrowed"
    return None


_C = {"consent": "co-1"}
_GRANTED: dict[str, Any] = {
    **_C,
    "person": "p:9f2c",
    "regime": "part2",
    "disclosers": ["lakeside-health"],
    "recipients": ["harbor-housing"],
    "information": "Dates of enrollment and discharge.",
    "purpose": "Finding a place to live.",
}
_NARROWED = {**_C, "expires": "2025-06-30"}

FAMILY = Family(
    "consent",
    "Consents",
    (
        EventType(
            name="consent.granted",
            model=ConsentGranted,
            subject="consent/{consent}",
            good=(_GRANTED, {**_GRANTED, "expires": "2026-02-28", "copy_sha256": "0f" * 32}),
            bad=(
                *missing(_GRANTED, "consent", "person", "regime", "disclosers", "recipients", "information", "purpose"),
                *wrong(
                    _GRANTED,
                    person="Jane Doe",
                    regime="gdpr",
                    disclosers=[],
                    recipients=["harbor-housing", "harbor-housing"],
                    information="",
                    purpose="\u0000",
                    expires="2026-02-30",
                    copy_sha256="0F",
                ),
                *wrong(_GRANTED, recipients=[]),
                *unknown(_GRANTED, "name"),
            ),
        ),
        EventType(
            name="consent.narrowed",
            model=ConsentNarrowed,
            subject="consent/{consent}",
            rule=_narrows_something,
            good=(_NARROWED, {**_C, "recipients": ["harbor-housing"], "information": "Dates.", "purpose": "Housing."}),
            bad=(
                *missing(_NARROWED, "consent"),
                *wrong(
                    _NARROWED, consent="co 1", recipients=[], information="", purpose="\u0000", expires="next summer"
                ),
                *wrong(_NARROWED, recipients=["harbor-housing", "harbor-housing"]),
                *broken(_C, ""),
                *unknown(_NARROWED),
            ),
        ),
        EventType(
            name="consent.revoked",
            model=ConsentRevoked,
            subject="consent/{consent}",
            good=(_C, {**_C, "reason": "Said at intake."}),
            bad=(
                *missing(_C, "consent"),
                *wrong(_C, consent="", reason="\u0000"),
                *unknown(_C),
                *wrong(_C, reason=""),
            ),
        ),
    ),
)
