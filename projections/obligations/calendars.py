"""The partnership's calendar of business days, as the plan has it.

Here because the days are decided in the plan and read from its row, while counting with them is arithmetic.
"""

from __future__ import annotations

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from projections.obligations.workdays import Workdays
from projections.tables import TABLES


def workdays(connection: Connection, as_of_us: int) -> Workdays:
    """The calendar that was set last, of whichever plan; Monday to Friday without holidays where none is set.

    It holds for earlier days too: holidays are named by their dates, so a later calendar that names those of
    every year changes no earlier due moment. One dated after ``as_of_us`` is not in force yet.
    """
    table = TABLES["calendars"]
    rows = connection.execute(select(table.c.plan, table.c.weekdays, table.c.holidays, table.c.set_at)).all()
    known = [row for row in rows if (row.set_at or 0) <= as_of_us and row.weekdays is not None]
    if not known:
        return Workdays()
    latest = max(known, key=lambda row: (row.set_at or 0, row.plan))
    return Workdays.of(orjson.loads(latest.weekdays), orjson.loads(latest.holidays or "[]"))
