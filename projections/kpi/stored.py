"""Reading and writing the stored partials and cells: rows to objects and back.

Here so that the column layout of these tables is known to one module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection, RowMapping

from projections.kpi.measures import CellKey, Figures
from projections.kpi.partials import Partial
from projections.kpi.reference import Place
from projections.kpi.tables import PARTIALS, SETTINGS


def _number(text: str | None) -> int | Decimal | None:
    if text is None:
        return None
    return Decimal(text[1:]) if text.startswith("=") else int(text)


def _text(number: int | Decimal | None) -> str | None:
    """A count as digits; an exact decimal after an equals sign, so that its kind survives."""
    if number is None:
        return None
    return f"={number}" if isinstance(number, Decimal) else str(number)


def _counts(counts: Mapping[str, int]) -> str:
    return orjson.dumps({name: counts[name] for name in sorted(counts) if counts[name]}).decode()


def _loads(text: str) -> dict[str, Any]:
    return {} if text == "{}" else orjson.loads(text)


def figures_row(key: tuple[str, int], cell: CellKey, figures: Figures) -> dict[str, Any]:
    """The row of ``kpi_cell`` for these figures."""
    return {
        "kpi": key[0],
        "version": key[1],
        "period": cell[0],
        "grp": cell[1],
        "value": None if figures.value is None else str(figures.value),
        "numerator": _text(figures.numerator),
        "denominator": _text(figures.denominator),
        "excluded": _counts(figures.excluded),
        "also": orjson.dumps({n: None if v is None else str(v) for n, v in figures.also.items()}).decode(),
        "counts": _counts(figures.counts),
        "last_us": figures.last_us,
    }


def figures_of(row: RowMapping) -> Figures:
    """The inverse of ``figures_row``."""
    return Figures(
        None if row["value"] is None else Decimal(row["value"]),
        _number(row["numerator"]),
        _number(row["denominator"]),
        _loads(row["excluded"]),
        {name: None if v is None else Decimal(v) for name, v in _loads(row["also"]).items()},
        _loads(row["counts"]),
        row["last_us"],
    )


def partials(connection: Connection, key: tuple[str, int]) -> dict[Place, Partial]:
    """Every stored partial of a KPI version."""
    query = select(PARTIALS.c.month, PARTIALS.c.grp, PARTIALS.c.body).where(
        PARTIALS.c.kpi == key[0], PARTIALS.c.version == key[1]
    )
    return {(month, group): Partial.from_text(body) for month, group, body in connection.execute(query)}


def expired_months(connection: Connection, key: tuple[str, int], moment_us: int) -> set[str]:
    """The months of a KPI version whose partials the clock may have changed by a moment."""
    query = select(PARTIALS.c.month).where(
        PARTIALS.c.kpi == key[0], PARTIALS.c.version == key[1], PARTIALS.c.next_change_us <= moment_us
    )
    return {month for (month,) in connection.execute(query.distinct())}


def partial_rows(
    key: tuple[str, int], found: Mapping[Place, Partial], changes: Mapping[Place, int]
) -> Iterable[dict[str, Any]]:
    """The rows of ``kpi_partial`` for these partials; a place that only the clock will fill has an empty
    one."""
    for place in found.keys() | changes.keys():
        yield {
            "kpi": key[0],
            "version": key[1],
            "month": place[0],
            "grp": place[1],
            "body": found.get(place, Partial()).to_text(),
            "next_change_us": changes.get(place),
        }


def setting(connection: Connection, name: str) -> str | None:
    """A kept setting, or None."""
    value = connection.scalar(select(SETTINGS.c.value).where(SETTINGS.c.name == name))
    return None if value is None else str(value)


def set_setting(connection: Connection, name: str, value: str) -> None:
    """Keep a setting."""
    connection.execute(SETTINGS.delete().where(SETTINGS.c.name == name))
    connection.execute(SETTINGS.insert(), {"name": name, "value": value})
