"""Indicators: numbers that exist only outside the ledger, such as crime rates.

They are reported for a period as they were published, never summed or averaged here.
"""

from __future__ import annotations

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Counted, KpiId, Measured, Payload, Period, Text
from contracts.refusals import missing, unknown, wrong


class IndicatorMeasured(Payload):
    """The value of a KPI for one period, measured elsewhere."""

    kpi: KpiId = Field(description="The KPI it is a value of, such as P01.")
    period: Period = Field(description="The period it stands for (IATI result period).")
    value: Measured = Field(description="The value, in the KPI's unit.")
    numerator: Counted | None = Field(default=None, description="What was counted, where the value is a ratio.")
    denominator: Counted | None = Field(default=None, description="Of how many, where the value is a ratio.")
    method: Text = Field(description="How it was measured, and by whom it was published.")


_M = {"kpi": "P01", "period": "2025-Q1", "value": 31.25, "method": "NIBRS, published by the state"}

FAMILY = Family(
    "indicator",
    "Indicators",
    (
        EventType(
            name="indicator.measured",
            model=IndicatorMeasured,
            subject="indicator/{kpi}/{period}",
            good=(_M, {**_M, "numerator": 1250, "denominator": 40000}, {**_M, "value": -2}),
            bad=(
                Bad({**_M, "period": "2025-13"}, "data_invalid", "/data/period"),
                Bad({**_M, "value": None}, "data_invalid", "/data/value"),
                Bad({**_M, "denominator": -1}, "data_invalid", "/data/denominator"),
                *missing(_M, "kpi", "period", "value", "method"),
                *wrong(_M, kpi="p1", value=2e12, numerator=-1, denominator=2e12, method="\u0000"),
                *wrong(_M, value=-2e12, numerator=2e12, method=""),
                *unknown(_M),
            ),
        ),
    ),
)
