"""Two versions of a KPI, or its two readings, as a command, a page or a program asks for them.

Here so that all three understand the same address in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.faults import fault

if TYPE_CHECKING:
    from contracts.kpi import KpiDefinition
    from ops.composition import House
    from projections.kpi import AsOf, Cell
    from projections.kpi.compare import Comparison

_VERSION_DIGITS = 5


def version(text: str) -> int:
    """The number of a version. Raises the fault ``request_invalid``."""
    text = text.strip()
    if not text.isascii() or not text.isdecimal() or len(text) > _VERSION_DIGITS or not int(text):
        raise fault("request_invalid", f"{text[:20]!r} is not the number of a version")
    return int(text)


def pair(text: str) -> tuple[int, int]:
    """The two versions that ``1,2`` names. Raises the fault ``request_invalid``."""
    parts = text.split(",")
    if len(parts) != 2:
        raise fault("request_invalid", "versions must be two numbers with a comma between them, such as 1,2")
    return version(parts[0]), version(parts[1])


def compared(
    house: House,
    kpi: str,
    before: int,
    after: int | KpiDefinition,
    period: str,
    group: str,
    *,
    as_of: AsOf,
    move: str | None = None,
    limit: int,
    offset: int = 0,
) -> Comparison:
    """The two definitions over the same period, as known at a reading. Raises the faults ``kpi_unknown``,
    ``period_invalid`` and ``group_unknown``."""
    from projections.kpi.compare import compare
    from projections.kpi.periods import known_period

    known_period(period)
    with house.reading(as_of) as connection:
        return compare(
            connection,
            house.reader,
            kpi,
            before,
            after,
            period,
            group,
            as_of=as_of,
            zone=house.zone,
            move=move,
            limit=limit,
            offset=offset,
        )


def cells_on(
    house: House,
    basis: str,
    *,
    kpi: str,
    period: str | None = None,
    group: str | None = None,
    version: int | None = None,
    as_of: AsOf,
) -> list[Cell]:
    """The cells of a KPI as claimed, which is as they stand, or as confirmed.

    Raises the faults ``request_invalid`` for another basis, ``basis_unavailable``, and what ``House.cells`` raises.
    """
    from projections.kpi.basis import BASES, confirmed_cells
    from projections.kpi.periods import known_period

    if basis not in BASES:
        raise fault("request_invalid", f"basis must be one of {', '.join(BASES)}")
    if basis == "claimed":
        return house.cells(kpi=kpi, period=period, group=group, version=version, as_of=as_of)
    if period is not None:
        known_period(period)
    with house.reading(as_of) as connection:
        return confirmed_cells(
            connection, kpi=kpi, period=period, group=group, version=version, as_of=as_of, zone=house.zone
        )
