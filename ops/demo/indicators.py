"""The indicators of the demonstration: numbers that others publish and that the partnership only watches.

The crime rate stops when the unit that published it is closed; nobody tells the ledger so.
"""

from __future__ import annotations

from datetime import date
from random import Random

from ops.demo.cast import POLICE
from ops.demo.pen import Pen
from ops.demo.plan import moment_us


def tell_indicators(pen: Pen, random: Random) -> None:
    """The crime rate, published monthly by the police until the unit that did so was closed at the end of 2023, and
    recidivism, published every spring for the year before.
    """
    for number in range(12):
        year, month = 2023 + number // 12, number % 12 + 1
        following = date(year + month // 12, month % 12 + 1, 20)
        offences = int(random.gauss(238 - number, 9))
        pen.tell(
            POLICE,
            "indicator.measured",
            f"indicator/P01/{year}-{month:02d}",
            moment_us(following),
            {
                "kpi": "P01",
                "period": f"{year}-{month:02d}",
                "value": round(offences / 56_400 * 100_000, 1),
                "numerator": offences,
                "denominator": 56_400,
                "method": "Offences known to the police per 100,000 residents (monthly return).",
            },
        )
    for year, released, returned in ((2022, 412, 128), (2023, 398, 117), (2024, 405, 109)):
        pen.tell(
            POLICE,
            "indicator.measured",
            f"indicator/P02/{year}",
            moment_us(date(year + 1, 4, 14)),
            {
                "kpi": "P02",
                "period": str(year),
                "value": round(returned / released * 100, 1),
                "numerator": returned,
                "denominator": released,
                "method": "Returned to custody within a year of release (the state's yearly release cohort).",
            },
            careful=True,
        )
