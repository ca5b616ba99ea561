"""Senders take turns: a flood keeps nobody waiting, and each sender's own order is kept."""

from __future__ import annotations

from collections import Counter
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import Fault
from domain.sequencer import Sequencer
from domain.turns import Turns
from tests.domain.given import call

QUEUE = 100


def test_senders_share_a_batch_and_keep_their_own_order() -> None:
    turns: Turns[str] = Turns(QUEUE)
    for number in range(10):
        turns.put("flood", f"f{number}", 1)
    turns.put("harbor", "h0", 1)
    turns.put("harbor", "h1", 1)
    turns.put("police", "p0", 1)
    taken = turns.take(6)
    assert Counter(taken) == Counter({"f0": 1, "f1": 1, "h0": 1, "h1": 1, "p0": 1, "f2": 1})
    assert [group for group in taken if group.startswith("f")] == ["f0", "f1", "f2"]
    assert turns.take(100) == [f"f{number}" for number in range(3, 10)]
    assert not turns
    assert turns.size == 0


def test_a_group_is_never_split_and_one_larger_than_a_batch_goes_alone() -> None:
    turns: Turns[str] = Turns(QUEUE)
    turns.put("a", "large", 9)
    turns.put("b", "small", 1)
    assert turns.take(5) == ["large"]
    assert turns.take(5) == ["small"]


def test_a_large_group_is_not_passed_over_by_small_ones_for_ever() -> None:
    turns: Turns[str] = Turns(QUEUE)
    turns.put("a", "first", 1)
    turns.put("large", "large", 5)
    for number in range(20):
        turns.put("a", f"a{number}", 1)
    assert turns.take(5) == ["first", "a0"]  # the large one does not fit in any more, and is the first of the next
    assert turns.take(5) == ["large"]


def test_one_sender_fills_half_and_those_who_come_with_little_always_find_room() -> None:
    turns: Turns[int] = Turns(QUEUE)
    while turns.has_room("flood", 1):
        turns.put("flood", 0, 1)
    assert turns.waiting("flood") == QUEUE // 2
    for sender in range(10):
        assert turns.has_room(f"s{sender}", 1)
        turns.put(f"s{sender}", 0, 1)
    assert not turns.has_room("flood", 1)


def test_no_sender_is_turned_away_while_half_of_the_queue_is_free() -> None:
    turns: Turns[int] = Turns(QUEUE)
    for number in range(QUEUE // 2):
        sender = "a" if number % 10 else "b"
        assert turns.has_room(sender, 1)
        turns.put(sender, 0, 1)


def test_what_is_on_its_way_is_counted_as_if_it_waited() -> None:
    turns: Turns[int] = Turns(QUEUE)
    assert turns.has_room("flood", 10 * QUEUE)  # larger than the queue, and nothing before it
    assert not turns.has_room("flood", 10 * QUEUE, coming=1)
    assert turns.has_room("flood", QUEUE // 4, coming=QUEUE // 4)
    assert not turns.has_room("flood", QUEUE // 4 + 1, coming=QUEUE // 4)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 30), st.booleans()), max_size=60), st.integers(1, 40))
def test_nothing_is_lost_doubled_or_put_out_of_its_senders_order(
    steps: list[tuple[str, int, bool]], size_max: int
) -> None:
    turns: Turns[tuple[str, int, int]] = Turns(QUEUE)
    put: list[tuple[str, int, int]] = []
    taken: list[tuple[str, int, int]] = []
    for number, (sender, size, take) in enumerate(steps):
        if turns.has_room(sender, size):
            put.append((sender, number, size))
            turns.put(sender, put[-1], size)
        assert turns.size <= QUEUE
        if take:
            batch = turns.take(size_max)
            assert sum(group[2] for group in batch) <= size_max or len(batch) == 1
            taken += batch
    while turns:
        batch = turns.take(size_max)
        assert batch
        taken += batch
    assert turns.size == 0
    for sender in "abcd":
        assert [group for group in put if group[0] == sender] == [group for group in taken if group[0] == sender]


class _Slow:
    """A ledger that keeps what it was given in order, and waits until it is let through."""

    def __init__(self) -> None:
        self.open = Event()
        self.entered = Event()
        self.batches: list[list[Any]] = []

    def record(self, submissions: list[Any]) -> list[Any]:
        self.entered.set()
        self.open.wait()
        self.batches.append([submission.agency for submission in submissions])
        return [_RECORDED for _ in submissions]


class _Recorded:
    status = "recorded"
    receipt = None


_RECORDED = _Recorded()


def _flooded(sender: str | None) -> tuple[_Slow, int, bool]:
    """A flood of one agency, then one event of another: the ledger, how much of the flood was taken, and whether the
    other's event was."""
    slow = _Slow()
    sequencer = Sequencer(slow, max_batch=10, max_queue=QUEUE)  # type: ignore[arg-type]
    sequencer.submit([call(0, agency="county")], lambda result: None, sender=sender)
    slow.entered.wait()
    taken = 0
    for number in range(1, 2 * QUEUE):
        try:
            sequencer.submit([call(number, agency="county")], lambda result: None, sender=sender)
        except Fault:
            break
        taken += 1
    try:
        sequencer.submit([call(900, agency="harbor")], lambda result: None, sender=sender)
        other = True
    except Fault:
        other = False
    slow.open.set()
    sequencer.close()
    return slow, taken, other


def test_one_flooding_agency_does_not_keep_another_out_nor_waiting() -> None:
    slow, taken, other = _flooded(None)
    assert (QUEUE // 2, True) == (taken, other)
    assert "harbor" in slow.batches[1]  # the very next batch


@pytest.mark.parametrize("sender", ["everyone"])
def test_control_in_one_common_line_the_other_waits_behind_the_flood(sender: str) -> None:
    slow, taken, other = _flooded(sender)
    assert taken == QUEUE // 2
    assert not other
    assert all("harbor" not in batch for batch in slow.batches)
