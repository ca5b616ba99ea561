"""Services delivered: one row a delivery.

Here because "how much did we do" counts units of service, and because a referral's loop closes with a first
service. Whom it was delivered for confirms or disputes it; each keeps the first report of it, the units
confirmed are the last that were stated.
"""

from projections.calendar import month_of
from projections.merges import Derived, Model, Slot, SubjectKey, at, by_agency, data, won

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
        Slot(
            "confirmed",
            "first",
            ("service.confirmed",),
            (at("confirmed_at"), by_agency("confirmed_agency"), won("confirmed")),
        ),
        Slot("counted", "last", ("service.confirmed",), (data("confirmed_units", "units", kind="real"),)),
        Slot(
            "disputed",
            "first",
            ("service.disputed",),
            (at("disputed_at"), by_agency("disputed_agency"), won("disputed")),
        ),
    ),
    derived=(Derived("month", month_of, ("delivered_at",), zoned=True),),
    indexes=(("month",), ("referral",)),
)

MODELS = (SERVICES,)
