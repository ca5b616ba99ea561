"""The state of an obligation follows from the facts and the moment of reading, in every case there is."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.moments import day_end_us, parse_us
from projections.obligations.states import SETTLED, STATES, UNDATED, Facts, State, state_of

DUE = 1_000
BEFORE, AFTER = DUE - 1, DUE + 1
LATER = DUE + 100

CASES: list[tuple[str, State, Facts, int]] = [
    ("nothing done, before the due moment", "open", Facts(DUE), BEFORE),
    ("nothing done, at the due moment", "open", Facts(DUE), DUE),
    ("nothing done, the microsecond after", "overdue", Facts(DUE), AFTER),
    ("met before", "met", Facts(DUE, met=500), LATER),
    ("met at the due moment itself", "met", Facts(DUE, met=DUE), LATER),
    ("met the microsecond after", "late", Facts(DUE, met=AFTER), LATER),
    ("met late, read before it was met", "overdue", Facts(DUE, met=LATER), AFTER),
    ("met late, read before it was due", "open", Facts(DUE, met=LATER), BEFORE),
    ("met late, read as it is met", "late", Facts(DUE, met=LATER), LATER),
    ("met with unknown time, read before due", "met", Facts(DUE, met=UNDATED), BEFORE),
    ("met with unknown time, read at due", "met", Facts(DUE, met=UNDATED), DUE),
    ("met with unknown time, read after due", "late", Facts(DUE, met=UNDATED), AFTER),
    ("waived before due", "waived", Facts(DUE, waived=(10,)), LATER),
    ("waived after due", "waived", Facts(DUE, waived=(AFTER + 5,)), LATER),
    ("waived after due, read before the waiver", "overdue", Facts(DUE, waived=(LATER,)), AFTER),
    ("waived without a moment", "waived", Facts(DUE, waived=(UNDATED,)), BEFORE),
    ("waived and met", "waived", Facts(DUE, met=5, waived=(10,)), LATER),
    ("waived and disputed", "waived", Facts(DUE, waived=(10,), disputed=(20,)), LATER),
    ("disputed before it is due", "disputed", Facts(DUE, disputed=(10,)), BEFORE),
    ("disputed and never met", "disputed", Facts(DUE, disputed=(10,)), LATER),
    ("met and then disputed", "disputed", Facts(DUE, met=10, disputed=(20,)), LATER),
    ("met and then disputed, read in between", "met", Facts(DUE, met=10, disputed=(20,)), 15),
    ("disputed, then accepted, met in time", "met", Facts(DUE, met=10, disputed=(20,), settled=(30,)), LATER),
    ("disputed, then accepted, met late", "late", Facts(DUE, met=AFTER, disputed=(20,), settled=(30,)), LATER),
    ("disputed, then accepted, not met", "overdue", Facts(DUE, disputed=(20,), settled=(30,)), LATER),
    ("disputed, accepted, disputed again", "disputed", Facts(DUE, 10, (), (20, 40), (30,)), LATER),
    ("disputed again, read before", "met", Facts(DUE, 10, (), (20, 40), (30,)), 35),
    ("accepted before it was disputed", "disputed", Facts(DUE, 10, (), (20,), (15,)), LATER),
    ("accepted in the same microsecond", "disputed", Facts(DUE, 10, (), (20,), (20,)), LATER),
    ("disputed undated, accepted dated", "met", Facts(DUE, 10, (), (UNDATED,), (20,)), LATER),
    ("disputed dated, accepted undated", "disputed", Facts(DUE, 10, (), (20,), (UNDATED,)), LATER),
    ("both undated", "disputed", Facts(DUE, 10, (), (UNDATED,), (UNDATED,)), LATER),
    ("accepted but not met", "overdue", Facts(DUE, settled=(10,)), LATER),
]


@pytest.mark.parametrize(("name", "expected", "facts", "as_of"), CASES, ids=[case[0] for case in CASES])
def test_a_state_follows_from_the_facts_and_the_moment(name: str, expected: State, facts: Facts, as_of: int) -> None:
    assert expected == state_of(facts, as_of)


def test_every_state_is_reached_by_a_case() -> None:
    assert set(get_args(State)) == {case[1] for case in CASES} == set(STATES)
    assert set(STATES) > SETTLED


@pytest.mark.parametrize(("day", "hours"), [("2025-03-09", 23), ("2025-11-02", 25), ("2025-06-01", 24)])
def test_a_due_day_lasts_as_long_as_the_clocks_make_it(day: str, hours: int) -> None:
    zone = "America/Los_Angeles"
    start = parse_us(f"{day}T{'08' if day < '2025-03-10' or day > '2025-11-02' else '07'}:00:00Z")
    due = day_end_us(day, zone)
    assert start + hours * 3_600_000_000 - 1 == due
    assert ["met", "late"] == [state_of(Facts(due, met=due + step), due + 9) for step in (0, 1)]
    assert ["open", "overdue"] == [state_of(Facts(due), due + step) for step in (0, 1)]


moments = st.integers(0, 40)
few = st.lists(st.one_of(moments, st.just(UNDATED)), max_size=3).map(tuple)
facts = st.builds(
    Facts, due_us=moments, met=st.one_of(st.none(), st.just(UNDATED), moments), waived=few, disputed=few, settled=few
)


@given(facts, moments)
def test_what_has_not_happened_yet_changes_nothing(found: Facts, as_of: int) -> None:
    def by_then(whens: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(at for at in whens if at <= as_of)

    met = found.met if found.met is not None and found.met <= as_of else None
    cut = Facts(found.due_us, met, by_then(found.waived), by_then(found.disputed), by_then(found.settled))
    assert state_of(cut, as_of) == state_of(found, as_of)


@given(facts, st.randoms())
def test_the_order_of_what_was_said_does_not_matter(found: Facts, random: object) -> None:
    turned = Facts(found.due_us, found.met, found.waived[::-1], found.disputed[::-1], found.settled[::-1])
    assert all(state_of(found, at) == state_of(turned, at) for at in range(0, 42, 3))


@given(facts)
def test_silence_alone_leads_from_open_to_overdue_and_nowhere_else(found: Facts) -> None:
    silent = Facts(found.due_us)
    assert ["open" if at <= found.due_us else "overdue" for at in range(45)] == [
        state_of(silent, at) for at in range(45)
    ]
