"""What a reader asks of the obligations: which of them, due when, and from where in the list.

Here so that page, interface and command understand the same words and refuse the same mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from contracts.faults import fault
from contracts.moments import DAY_US, day_end_us, day_start_us, local_day, parse_date
from projections.obligations.owed import KINDS, Obligation
from projections.obligations.states import SETTLED, STATES

WINDOW_MONTHS = 12
"""How far back the settled ones are read unless the reader says otherwise."""

AGES: tuple[tuple[str, int], ...] = (("0-7", 7), ("8-30", 30), ("31-90", 90), ("90+", 2**31))
"""Whole days overdue: the name of a bucket and the most days that fall into it."""


def age_of(due_us: int, as_of_us: int) -> str:
    """The bucket of ``AGES`` for what fell due at ``due_us``."""
    days = (as_of_us - due_us) // DAY_US
    return next(name for name, most in AGES if days <= most)


@dataclass(frozen=True, slots=True)
class Asking:
    """Filters, each "" or None for any. ``agency`` is debtor or creditor.

    ``age`` is a bucket of ``AGES``, of what is overdue. Settled obligations that fell due before ``window_us`` are
    left out; what is still owed never is.
    """

    window_us: int
    as_of_us: int
    kind: str = ""
    debtor: str = ""
    creditor: str = ""
    agency: str = ""
    state: str = ""
    age: str = ""
    due_from_us: int | None = None
    due_until_us: int | None = None

    def admits(self, found: Obligation) -> bool:
        """Whether an obligation is among those asked for, whatever its state and age."""
        if found.state in SETTLED and found.due_us < self.window_us:
            return False
        return (
            (not self.debtor or found.debtor == self.debtor)
            and (not self.creditor or found.creditor == self.creditor)
            and (not self.agency or self.agency in (found.debtor, found.creditor))
            and (self.due_from_us is None or found.due_us >= self.due_from_us)
            and (self.due_until_us is None or found.due_us <= self.due_until_us)
        )

    def stands(self, found: Obligation) -> bool:
        """Whether an obligation stands as asked for: in its state, and overdue for so long."""
        return (not self.state or found.state == self.state) and (
            not self.age or (found.state == "overdue" and age_of(found.due_us, self.as_of_us) == self.age)
        )


def asking(
    as_of_us: int,
    zone: str,
    *,
    kind: str = "",
    debtor: str = "",
    creditor: str = "",
    agency: str = "",
    state: str = "",
    age: str = "",
    since: str = "",
    due_from: str = "",
    due_until: str = "",
) -> Asking:
    """The filters as texts; ``since``, ``due_from`` and ``due_until`` are days such as 2026-01-31.

    Raises the fault ``request_invalid`` for a kind, state, age or day that there is not.
    """
    ages = [name for name, _ in AGES]
    for name, text, known in (("kind", kind, KINDS), ("state", state, STATES), ("age", age, ages)):
        if text and text not in known:
            raise fault("request_invalid", f"{text[:50]!r} is no {name} of obligations: {', '.join(known)}")
    window = day_start_us(_day(since, "since") if since else year_before(local_day(as_of_us, zone)), zone)
    return Asking(
        window,
        as_of_us,
        kind,
        debtor,
        creditor,
        agency,
        state,
        age,
        day_start_us(_day(due_from, "due_from"), zone) if due_from else None,
        day_end_us(_day(due_until, "due_until"), zone) if due_until else None,
    )


def year_before(day: str) -> str:
    """The same day twelve months earlier; the last of February for a leap day."""
    at = date.fromisoformat(day)
    leap = at.month == 2 and at.day == 29
    return at.replace(year=at.year - 1, day=28 if leap else at.day).isoformat()


def _day(text: str, name: str) -> str:
    try:
        return parse_date(text).isoformat()
    except ValueError as error:
        raise fault("request_invalid", f"{name}: {text[:50]!r} is not a day such as 2026-01-31") from error
