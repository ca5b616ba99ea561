"""Whether a service takes more people: one row a service, as last reported (HSDS service_capacity).

Here because a referral that was declined for capacity is judged by what the service had reported.
"""

from projections.merges import Model, Slot, SubjectKey, at, by_agency, data

CAPACITY = Model(
    name="capacity",
    key_column="service",
    key=SubjectKey("service/"),
    slots=(
        Slot(
            "reported",
            "last",
            ("capacity.reported",),
            (at("reported_at"), data("status"), data("slots", kind="integer"), by_agency("agency")),
        ),
    ),
)

MODELS = (CAPACITY,)
