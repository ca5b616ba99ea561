"""Consents as they stand and the disclosures that rest on them (42 CFR 2.31, 2.32).

Here because whether something may be disclosed follows from the latest narrowing of a consent, and whether it
was is a statement of its own.
"""

from projections.calendar import month_of
from projections.merges import Derived, Kind, Model, Slot, SubjectKey, Where, at, by_agency, coalesce, data, won


def _narrowed(field: str, kind: Kind = "text") -> Slot:
    """The last narrowing that says something about a field."""
    return Slot(
        f"{field}_narrowed",
        "last",
        ("consent.narrowed",),
        (data(f"narrowed_{field}", field, kind=kind),),
        where=Where(field),
    )


def _standing(field: str, kind: Kind = "text") -> Derived:
    """A field as last narrowed, else as granted."""
    return Derived(field, coalesce, (f"narrowed_{field}", f"granted_{field}"), kind=kind)


CONSENTS = Model(
    name="consents",
    key_column="consent",
    key=SubjectKey("consent/"),
    slots=(
        Slot(
            "granted",
            "first",
            ("consent.granted",),
            (
                at("granted_at"),
                data("person"),
                data("regime"),
                data("disclosers", kind="json"),
                data("granted_recipients", "recipients", kind="json"),
                data("granted_information", "information"),
                data("granted_purpose", "purpose"),
                data("granted_expires", "expires"),
                by_agency("agency"),
                won("granted"),
            ),
        ),
        Slot("narrowed", "last", ("consent.narrowed",), (at("narrowed_at"), won("narrowed"))),
        _narrowed("recipients", "json"),
        _narrowed("information"),
        _narrowed("purpose"),
        _narrowed("expires"),
        Slot("revoked", "first", ("consent.revoked",), (at("revoked_at"), won("revoked"))),
    ),
    derived=(
        _standing("recipients", "json"),
        _standing("information"),
        _standing("purpose"),
        _standing("expires"),
    ),
)

DISCLOSURES = Model(
    name="disclosures",
    key_column="disclosure",
    key=SubjectKey("disclosure/"),
    slots=(
        Slot(
            "made",
            "first",
            ("disclosure.made",),
            (
                at("made_at"),
                data("recipient"),
                data("basis"),
                data("basis_ref"),
                data("notice_attached", kind="integer"),
                by_agency("agency"),
                won("made"),
            ),
        ),
    ),
    derived=(Derived("month", month_of, ("made_at",), zoned=True),),
    indexes=(("month",),),
)

MODELS = (CONSENTS, DISCLOSURES)
