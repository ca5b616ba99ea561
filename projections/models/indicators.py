"""Numbers that exist only outside the ledger: one row a KPI and period.

Here because population indicators (crime rates, recidivism) are measured elsewhere and stated as they are;
the latest measurement stands.
"""

from projections.merges import Model, Slot, SubjectKey, at, by_agency, data, won

INDICATORS = Model(
    name="indicators",
    key_column="key",
    key=SubjectKey("indicator/"),
    slots=(
        Slot(
            "measured",
            "last",
            ("indicator.measured",),
            (
                at("measured_at"),
                data("kpi"),
                data("period"),
                data("value", kind="real"),
                data("numerator", kind="real"),
                data("denominator", kind="real"),
                data("method"),
                by_agency("agency"),
                won("measured"),
            ),
        ),
    ),
    indexes=(("kpi",),),
)

MODELS = (INDICATORS,)
