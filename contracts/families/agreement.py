"""Agreements between partners: signed, amended, ended.

They are decisions of governance; what the partners promise each other under them is in the family of
commitments.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Date, Id, Payload, Sha256, SomeIds, Text
from contracts.refusals import missing, unknown, wrong

AgreementKind = Literal["mou", "dsa", "dul", "baa", "qsoa"]


class AnswerLimit(Payload):
    """How long an agency may take to answer a referral."""

    limit: Annotated[int, Field(ge=1, le=10_000)] = Field(description="How many of the unit.")
    unit: Literal["hours", "days", "business_days"] = Field(
        description="What is counted; business_days by the partnership's calendar (calendar.set)."
    )


class AgreementTerms(Payload):
    """The limits the parties agreed on, as data, so that a breach needs nobody to notice it."""

    answer_within: AnswerLimit | None = Field(
        default=None, description="The time to accept or decline a referral (BSeR service request response time)."
    )
    confirm_within_days: Annotated[int, Field(ge=1, le=366)] | None = Field(
        default=None, description="Days in which the other side of a shared fact is to tell its half."
    )


class AgreementSigned(Payload):
    """The parties have signed."""

    agreement: Id = Field(description="The agreement's id.")
    kind: AgreementKind = Field(
        description="mou: memorandum of understanding; dsa: data sharing agreement; dul: data use license; "
        "baa: business associate agreement (HIPAA 45 CFR 164.504(e)); "
        "qsoa: qualified service organization agreement (42 CFR 2.11)."
    )
    parties: SomeIds = Field(description="The agencies that signed.")
    effective: Date = Field(description="First day on which it binds.")
    expires: Date | None = Field(default=None, description="Last day on which it binds; absent where it has none.")
    text_sha256: Sha256 | None = Field(default=None, description="SHA-256 of the signed document's bytes, in hex.")
    terms: AgreementTerms | None = Field(default=None, description="The limits that were agreed on.")


class AgreementAmended(Payload):
    """The parties have changed the agreement; a field that is given replaces the earlier value."""

    agreement: Id = Field(description="The agreement's id.")
    parties: SomeIds | None = Field(default=None, description="The parties from now on.")
    expires: Date | None = Field(default=None, description="The last day from now on.")
    text_sha256: Sha256 | None = Field(default=None, description="SHA-256 of the amendment's bytes, in hex.")
    terms: AgreementTerms | None = Field(default=None, description="The limits from now on, all of them.")
    reason: Text | None = Field(default=None, description="What was changed and why.")


class AgreementEnded(Payload):
    """The agreement binds no longer."""

    agreement: Id = Field(description="The agreement's id.")
    kind: Literal["expired", "terminated"] = Field(description="Whether it ran out or was ended.")
    reason: Text | None = Field(default=None, description="Why it was ended.")


def _in_order(data: dict[str, Any]) -> tuple[str, str] | None:
    if data.get("expires") and data["expires"] < data["effective"]:
        return "/expires", f"expires lies before effective ({data['effective']})"
    return None


def _bad_terms(data: dict[str, Any]) -> tuple[Bad, ...]:
    """The data with terms that break each rule of terms."""
    within = {"limit": 3, "unit": "days"}
    bad = (
        ({"answer": within}, "field_unknown", "/answer"),
        ({"answer_within": {"unit": "days"}}, "field_missing", "/answer_within/limit"),
        ({"answer_within": {"limit": 3}}, "field_missing", "/answer_within/unit"),
        ({"answer_within": {**within, "limit": 0}}, "data_invalid", "/answer_within/limit"),
        ({"answer_within": {**within, "limit": 10_001}}, "data_invalid", "/answer_within/limit"),
        ({"answer_within": {**within, "unit": "weeks"}}, "data_invalid", "/answer_within/unit"),
        ({"answer_within": {**within, "grace": 1}}, "field_unknown", "/answer_within/grace"),
        ({"confirm_within_days": 0}, "data_invalid", "/confirm_within_days"),
        ({"confirm_within_days": 367}, "data_invalid", "/confirm_within_days"),
    )
    return tuple(Bad({**data, "terms": terms}, code, f"/data/terms{place}") for terms, code, place in bad)


_SIGNED = {
    "agreement": "mou-2025",
    "kind": "mou",
    "parties": ["county", "lakeside-health"],
    "effective": "2025-01-01",
}

_TERMS = {"answer_within": {"limit": 3, "unit": "business_days"}, "confirm_within_days": 14}

_AMENDED = {"agreement": "mou-2025", "expires": "2028-12-31"}
_ENDED = {"agreement": "mou-2025", "kind": "terminated"}

FAMILY = Family(
    "agreement",
    "Agreements",
    (
        EventType(
            name="agreement.signed",
            model=AgreementSigned,
            subject="agreement/{agreement}",
            kind="decision",
            aggregate="agreement",
            rule=_in_order,
            good=(
                _SIGNED,
                {**_SIGNED, "expires": "2027-12-31", "text_sha256": "0f" * 32},
                {**_SIGNED, "terms": _TERMS},
            ),
            bad=(
                Bad({**_SIGNED, "kind": "treaty"}, "data_invalid", "/data/kind"),
                Bad({**_SIGNED, "parties": []}, "data_invalid", "/data/parties"),
                Bad({**_SIGNED, "effective": "2025-02-30"}, "data_invalid", "/data/effective"),
                Bad({**_SIGNED, "expires": "2024-12-31"}, "data_invalid", "/data/expires"),
                *missing(_SIGNED, "agreement", "kind", "parties", "effective"),
                *wrong(_SIGNED, agreement="mou 2025", parties=["county", "county"], text_sha256="0F"),
                *_bad_terms(_SIGNED),
                *unknown(_SIGNED),
            ),
        ),
        EventType(
            name="agreement.amended",
            model=AgreementAmended,
            subject="agreement/{agreement}",
            kind="decision",
            aggregate="agreement",
            good=(
                {"agreement": "mou-2025", "expires": "2028-12-31", "reason": "Extended by a year."},
                {"agreement": "mou-2025", "terms": {"answer_within": {"limit": 72, "unit": "hours"}}},
            ),
            bad=(
                Bad({"agreement": "mou-2025", "text_sha256": "0F"}, "data_invalid", "/data/text_sha256"),
                *missing(_AMENDED, "agreement"),
                *wrong(_AMENDED, agreement="mou 2025", parties=[], expires="2028-02-30", reason="\u0000"),
                *wrong(_AMENDED, parties=["county", "county"], reason=""),
                *_bad_terms(_AMENDED),
                *unknown(_AMENDED),
            ),
        ),
        EventType(
            name="agreement.ended",
            model=AgreementEnded,
            subject="agreement/{agreement}",
            kind="decision",
            aggregate="agreement",
            good=(
                {
                    "agreement": "mou-2025",
                    "kind": "terminated",
                    "reason": "Replaced by a regional agreement.",
                },
            ),
            bad=(
                Bad({"agreement": "mou-2025"}, "field_missing", "/data/kind"),
                *missing(_ENDED, "agreement"),
                *wrong(_ENDED, agreement="mou 2025", kind="lost", reason="\u0000"),
                *wrong(_ENDED, reason=""),
                *unknown(_ENDED),
            ),
        ),
    ),
)
