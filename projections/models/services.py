"""Services delivered: one row a delivery.

Here because "how much did we do" counts units of service, and because a referral's loop closes with a first
service.
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
                by_agency("agency"),
                won("delivered"),
            ),
        ),
    ),
    derived=(Derived("month", month_of, ("delivered_at",), zoned=True),),
    indexes=(("month",), ("referral",)),
)

MODELS = (SERVICES,)
