"""The microsecond at which a value goes stale: the same for a cell's status and for the KPI about the KPIs (K38)."""

from __future__ import annotations

import pytest

from contracts.moments import DAY_US
from projections.kpi.built import kpi_status
from projections.kpi.definitions import Definition, Definitions
from projections.kpi.partners import Membership
from projections.kpi.status import fresh_until_us, staleness
from tests.projections.kpi_world import ZONE, World, us

MARCH_IS_FRESH_UNTIL = us("2025-05-01T00:00:00-07:00") + 30 * DAY_US
"""K06 is monthly with thirty days of grace: a value of March stands through April and the grace after it."""


def planned() -> Definition:
    world = World()
    world.plan()
    world.apply()
    with world.reading() as connection:
        (found,) = (one for one in Definitions.load(connection) if one.plan is not None)
    return found


@pytest.mark.parametrize(("later_us", "stale"), [(-1, False), (0, False), (1, True)])
def test_a_value_goes_stale_with_the_first_moment_after_its_grace(later_us: int, stale: bool) -> None:
    definition = planned()
    assert MARCH_IS_FRESH_UNTIL == fresh_until_us("2025-03", definition.body.freshness, ZONE)
    moment = MARCH_IS_FRESH_UNTIL + later_us
    found = staleness(definition.body, "all", ["2025-03"], [], moment, ZONE)
    assert stale == (found is not None)
    assert found is None or MARCH_IS_FRESH_UNTIL == found.since_us
    partners = {"lakeside": Membership((None,))}
    built = kpi_status(Definitions([definition]), {definition.key: {"2025-03"}}, partners, moment, ZONE)
    assert int(not stale) == max(built.rows, key=lambda row: str(row["month"]))["value_current"]
