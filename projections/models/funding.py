"""Money: one row a transaction, from the pledge to what was spent (IATI transaction types).

Here because a disbursement is a shared fact: one agency says it paid, the other that it was paid, and the two
sums are set side by side; what the paying agency says for the other does not count. A transaction has one stage;
should two events claim the same one, the first stands.
"""

from projections.calendar import month_of
from projections.merges import Collect, Derived, Model, Slot, SubjectKey, at, by_agency, data, verb, won
from projections.second_halves import first_agency, first_stated, first_time, last_amount, last_currency

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
    ),
    collects=(
        Collect("receipts", ("funding.received",), ("amount_minor", "currency")),
        Collect("disputes", ("funding.disputed",), ("reason",)),
    ),
    derived=(
        Derived("month", month_of, ("happened_at",), zoned=True),
        Derived("received", first_stated, ("agency", "receipts"), kind="integer"),
        Derived("received_at", first_time, ("agency", "receipts"), kind="integer"),
        Derived("received_agency", first_agency, ("agency", "receipts")),
        Derived("received_amount_minor", last_amount, ("agency", "receipts"), kind="integer"),
        Derived("received_currency", last_currency, ("agency", "receipts")),
        Derived("disputed", first_stated, ("agency", "disputes"), kind="integer"),
        Derived("disputed_at", first_time, ("agency", "disputes"), kind="integer"),
        Derived("disputed_agency", first_agency, ("agency", "disputes")),
    ),
    indexes=(("month",), ("funding",)),
)

MODELS = (TRANSACTIONS,)
