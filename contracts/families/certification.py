"""Certifications of staff: earned, and expired before or on their day.

Coverage is a share of people with an unexpired certificate, so the expiry stands with the certificate and
needs nobody to notice it.
"""

from __future__ import annotations

from pydantic import Field

from contracts.declaration import EventType, Family
from contracts.fields import Date, Id, Payload
from contracts.refusals import missing, unknown, wrong


class CertificationEarned(Payload):
    """A member of staff was certified (FHIR Practitioner.qualification)."""

    certification: Id = Field(description="The certificate's id; a renewal is another one.")
    staff: Id = Field(description="A keyed token for the member of staff; never a name or badge number.")
    kind: Id = Field(description="What for, as a code: cit is crisis intervention team (CIT International).")
    role: Id = Field(description="The role served in, such as patrol, clinician or dispatcher.")
    expires: Date | None = Field(
        default=None, description="Last day on which it holds (FHIR Practitioner.qualification.period.end)."
    )


class CertificationExpired(Payload):
    """A certificate holds no longer from the event's time on, before or without a day set for it."""

    certification: Id = Field(description="The certificate's id.")


_C = {"certification": "ce-1"}
_EARNED = {**_C, "staff": "s:41", "kind": "cit", "role": "patrol"}

FAMILY = Family(
    "certification",
    "Certifications",
    (
        EventType(
            name="certification.earned",
            model=CertificationEarned,
            subject="certification/{certification}",
            good=(_EARNED, {**_EARNED, "expires": "2027-02-28"}),
            bad=(
                *missing(_EARNED, "certification", "staff", "kind", "role"),
                *wrong(_EARNED, staff="Officer Doe", kind="", expires="2027-02-30"),
                *unknown(_EARNED, "badge"),
            ),
        ),
        EventType(
            name="certification.expired",
            model=CertificationExpired,
            subject="certification/{certification}",
            good=(_C,),
            bad=(*missing(_C, "certification"), *wrong(_C, certification="ce 1"), *unknown(_C)),
        ),
    ),
)
