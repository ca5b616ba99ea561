"""Addresses of the pages, so that each is spelled once and a reading as of an earlier moment stays there.

A reader who opened the scorecard as of last June and follows a number must arrive at the events known last June; every
address made here carries that along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from projections.kpi.shapes import Cell


def _part(text: str) -> str:
    return quote(text, safe=":@,")


@dataclass(frozen=True, slots=True)
class Links:
    """Makes addresses that carry the reader's ``as_of`` ("" for now), in the form the reader gave it.

    ``exact`` is the same as a moment or log_index, which is what the interface under /v1 takes.
    """

    as_of: str = ""
    exact: str = ""

    def to(self, path: str, **params: Any) -> str:
        """``path`` with these query parameters (None and "" left out) and the reader's as of."""
        asked = {name: value for name, value in params.items() if value not in (None, "")}
        if self.as_of:
            asked.setdefault("as_of", self.as_of)
        return f"{path}?{urlencode(asked)}" if asked else path

    def scorecard(self, **params: Any) -> str:
        return self.to("/", **params)

    def kpi(self, kpi: str) -> str:
        return self.to(f"/kpi/{_part(kpi)}")

    def cell(self, cell: Cell, **params: Any) -> str:
        """The explanation of a cell."""
        return self.cell_of(cell.kpi, cell.version, cell.period, cell.group, **params)

    def cell_of(self, kpi: str, version: int, period: str, group: str, **params: Any) -> str:
        path = f"/cell/{_part(kpi)}/{version}/{_part(period)}/{quote(group, safe=':@,/')}"
        return self.to(path, **params)

    def event(self, log_index: int) -> str:
        return self.to(f"/events/{log_index}")

    def subject(self, subject: str) -> str:
        return self.to(f"/subjects/{quote(subject, safe='/:@,')}")

    def agencies(self) -> str:
        return self.to("/agencies")

    def agency(self, name: str) -> str:
        return self.to(f"/agency/{quote(name, safe=':@,/')}")

    def data(self, path: str, form: str, **params: Any) -> str:
        """A list under /v1 as a file: ``form`` is ``csv`` or ``json``."""
        return Links(self.exact).to(f"/v1/{quote(path, safe=':@,/')}.{form}", **params)
