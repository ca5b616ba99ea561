"""Services delivered: one row a delivery.

Here because "how much did we do" counts units of service, and because a referral's loop closes with a first
service. Another agency than the one that delivered confirms or disputes it: the first such report stands, the units
confirmed are the last that were stated.
"""

from projections.calendar import month_of
from projections.merges import Collect, Derived, Model, Slot, SubjectKey, at, by_agency, data, won
from projections.second_halves import first_agency, first_stated, first_time, last_units

SERVICES = Model(
    name="services",
    key_column="delivery",
    key=SubjectKey("delivery/"),
    slots=(
        Slot(
            "delivered",
            "first",
            ("service.delivered",),
            (
                at("delivered_at"),
                data("service"),
                data("referral"),
                data("units", kind="real"),
                data("minutes", kind="integer"),
                data("for_agency"),
                data("person"),
                data("person_group"),
                by_agency("agency"),
                won("delivered"),
            ),
        ),
    ),
    collects=(
        Collect("confirmations", ("service.confirmed",), ("units",)),
        Collect("disputes", ("service.disputed",), ("reason",)),
    ),
    derived=(
        Derived("month", month_of, ("delivered_at",), zoned=True),
        Derived("confirmed", first_stated, ("agency", "confirmations"), kind="integer"),
        Derived("confirmed_at", first_time, ("agency", "confirmations"), kind="integer"),
        Derived("confirmed_agency", first_agency, ("agency", "confirmations")),
        Derived("confirmed_units", last_units, ("agency", "confirmations"), kind="real"),
        Derived("disputed", first_stated, ("agency", "disputes"), kind="integer"),
        Derived("disputed_at", first_time, ("agency", "disputes"), kind="integer"),
        Derived("disputed_agency", first_agency, ("agency", "disputes")),
    ),
    indexes=(("month",), ("referral",)),
)

MODELS = (SERVICES,)
