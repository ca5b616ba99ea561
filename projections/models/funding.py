"""Money: one row a transaction, from the pledge to what was spent (IATI transaction types).

Here because a disbursement is a shared fact: one agency says it paid, the other that it was paid, and the two
sums are set side by side. A transaction has one stage; should two events claim the same one, the first stands.
"""

from projections.calendar import month_of
from projections.merges import Derived, Model, Slot, SubjectKey, at, by_agency, data, verb, won

STAGES = ("funding.pledged", "funding.committed", "funding.disbursed", "funding.spent", "funding.lapsed")
"""The types that say where the money stands; ``transactions.stage`` is what follows the noun."""

TRANSACTIONS = Model(
    name="transactions",
    key_column="transaction",
    key=SubjectKey("transaction/"),
    slots=(
        Slot(
            "happened",
            "first",
            STAGES,
            (
                verb("stage"),
                at("happened_at"),
                data("funding"),
                data("amount_minor", kind="integer"),
                data("currency"),
                data("provider"),
                data("receiver"),
                data("source_type"),
                data("fiscal_years", kind="json"),
                by_agency("agency"),
                won("happened"),
            ),
        ),
        Slot(
            "received",
            "first",
            ("funding.received",),
            (at("received_at"), by_agency("received_agency"), won("received")),
        ),
        Slot(
            "counted",
            "last",
            ("funding.received",),
            (
                data("received_amount_minor", "amount_minor", kind="integer"),
                data("received_currency", "currency"),
            ),
        ),
        Slot(
            "disputed",
            "first",
            ("funding.disputed",),
            (at("disputed_at"), by_agency("disputed_agency"), won("disputed")),
        ),
    ),
    derived=(Derived("month", month_of, ("happened_at",), zoned=True),),
    indexes=(("month",), ("funding",)),
)

MODELS = (TRANSACTIONS,)
