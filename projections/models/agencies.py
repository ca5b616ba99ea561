"""The partners and the agreements between them.

Here because every number is somebody's: pages name an agency from its row, and an agreement says who
promised.
"""

from projections.merges import Collect, Derived, Model, Slot, SubjectKey, Where, at, coalesce, data, won

AGENCIES = Model(
    name="agencies",
    key_column="agency",
    key=SubjectKey("agency/"),
    slots=(
        Slot("joined", "first", ("agency.joined",), (at("joined_at"), won("joined"))),
        Slot(
            "named",
            "last",
            ("agency.joined",),
            (data("name"), data("sector"), data("roles", kind="json")),
        ),
        Slot("withdrew", "last", ("agency.withdrew",), (at("withdrew_at"), won("withdrew"))),
    ),
    # All of them: a partner may leave and come back, and each moment is judged by what came before it.
    collects=(
        Collect("joinings", ("agency.joined",)),
        Collect("withdrawals", ("agency.withdrew",)),
    ),
)

AGREEMENTS = Model(
    name="agreements",
    key_column="agreement",
    key=SubjectKey("agreement/"),
    slots=(
        Slot(
            "signed",
            "first",
            ("agreement.signed",),
            (
                at("signed_at"),
                data("kind"),
                data("signed_parties", "parties", kind="json"),
                data("effective"),
                data("signed_expires", "expires"),
                data("signed_terms", "terms", kind="json"),
                won("signed"),
            ),
        ),
        Slot("amended", "last", ("agreement.amended",), (at("amended_at"), won("amended"))),
        Slot(
            "parties_amended",
            "last",
            ("agreement.amended",),
            (data("amended_parties", "parties", kind="json"),),
            where=Where("parties"),
        ),
        Slot(
            "expiry_amended",
            "last",
            ("agreement.amended",),
            (data("amended_expires", "expires"),),
            where=Where("expires"),
        ),
        Slot(
            "terms_amended",
            "last",
            ("agreement.amended",),
            (data("amended_terms", "terms", kind="json"),),
            where=Where("terms"),
        ),
        Slot(
            "ended",
            "last",
            ("agreement.ended",),
            (at("ended_at"), data("end_kind", "kind"), data("end_reason", "reason"), won("ended")),
        ),
    ),
    # All of them: a promise is judged by the agreement that was in force when it was called upon.
    collects=(Collect("amendments", ("agreement.amended",), ("terms", "parties", "expires")),),
    derived=(
        Derived("parties", coalesce, ("amended_parties", "signed_parties"), kind="json"),
        Derived("expires", coalesce, ("amended_expires", "signed_expires")),
        Derived("terms", coalesce, ("amended_terms", "signed_terms"), kind="json"),
    ),
)

MODELS = (AGENCIES, AGREEMENTS)
