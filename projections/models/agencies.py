"""The partners and the agreements between them.

Here because every number is somebody's: pages name an agency from its row, and an agreement says who
promised.
"""

from projections.merges import Model, Slot, SubjectKey, at, data, won

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
                data("parties", kind="json"),
                data("effective"),
                data("expires"),
                won("signed"),
            ),
        ),
        Slot("amended", "last", ("agreement.amended",), (at("amended_at"), won("amended"))),
        Slot(
            "ended",
            "last",
            ("agreement.ended",),
            (at("ended_at"), data("end_kind", "kind"), data("end_reason", "reason"), won("ended")),
        ),
    ),
)

MODELS = (AGENCIES, AGREEMENTS)
