"""The other side's half of a shared fact, taken from everything that was stated about it.

Here because a claimer must not be able to answer its own claim, nor to hide another agency's answer behind an
earlier one of its own: of the collected statements only those of other agencies are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

Entry = Mapping[str, Any]

REMEMBERED = 8_192
"""The collections kept as read: several columns are taken from each, a column at a time over the rows of a stretch."""


def first_agency(claimer: str | None, stated: str | None) -> str | None:
    """Who of the others stated it first; None where nobody did. ``stated`` is a collection's JSON."""
    found = _first(claimer, stated)
    return None if found is None else str(found["agency"])


def first_time(claimer: str | None, stated: str | None) -> int | None:
    """When the first of the others stated it (UTC microseconds); None where nobody did or it is undated."""
    found = _first(claimer, stated)
    return None if found is None else found["time"]


def first_stated(claimer: str | None, stated: str | None) -> int | None:
    """1 where another agency than the claimer stated it, dated or not; else None."""
    return None if _first(claimer, stated) is None else 1


def last_units(claimer: str | None, stated: str | None) -> Any:
    """The units that the last of the others confirmed; None where it gave no number."""
    return _last(claimer, stated).get("units")


def last_amount(claimer: str | None, stated: str | None) -> Any:
    """The amount that the last of the others received."""
    return _last(claimer, stated).get("amount_minor")


def last_currency(claimer: str | None, stated: str | None) -> Any:
    """The currency in which the last of the others received it."""
    return _last(claimer, stated).get("currency")


@lru_cache(maxsize=REMEMBERED)
def by_others(claimer: str | None, stated: str | None) -> tuple[Entry, ...]:
    """What other agencies than the claimer stated, by ``(time, source, id)``, undated statements last."""
    if stated is None:
        return ()
    return tuple(sorted((entry for entry in orjson.loads(stated) if entry["agency"] != claimer), key=_early))


def _first(claimer: str | None, stated: str | None) -> Entry | None:
    return next(iter(by_others(claimer, stated)), None)


def _last(claimer: str | None, stated: str | None) -> Entry:
    return max(by_others(claimer, stated), key=_late, default={})


def _early(entry: Entry) -> tuple[bool, int, str, str]:
    return (entry["time"] is None, entry["time"] or 0, entry["source"], entry["id"])


def _late(entry: Entry) -> tuple[bool, int, str, str]:
    return (entry["time"] is not None, entry["time"] or 0, entry["source"], entry["id"])


FUNCTIONS = frozenset({first_agency, first_time, first_stated, last_units, last_amount, last_currency})
"""All of them give None where nothing was stated, whoever claims."""
