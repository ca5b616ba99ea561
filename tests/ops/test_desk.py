"""The desk: what one sender sends in a turn of the loop goes to the writer together, and never another's with it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from contracts.faults import Fault, fault
from contracts.intake import validate
from contracts.recorded import Outcome, Submission
from ops.http.auth import TRUSTED_MACHINE, Principal
from ops.http.desk import TOGETHER_MAX, Desk
from ops.metrics import Metrics

Raw = Callable[..., bytes]


class Queue:
    """A sequencer that remembers which groups it was handed, and whose."""

    def __init__(self) -> None:
        self.groups: list[tuple[str | None, int]] = []
        self.room = 1_000

    def record_now(self, submissions: Sequence[Submission]) -> None:
        """Never at once."""

    def expect_room(self, sender: str, size: int, coming: int = 0) -> None:
        if coming + size > self.room:
            raise fault("busy")

    def submit(
        self, submissions: Sequence[Submission], done: Callable[[Any], None], *, sender: str | None = None
    ) -> None:
        self.groups.append((sender, len(submissions)))
        done([Outcome("recorded") for _ in submissions])


def _handed_in(*sent: tuple[list[bytes], Principal]) -> list[tuple[str | None, int]]:
    queue = Queue()

    async def send() -> None:
        desk = Desk(queue, Metrics())
        await asyncio.gather(
            *(desk.submit([validate(raw) for raw in raws], principal.sender) for raws, principal in sent)
        )

    asyncio.run(send())
    return queue.groups


def test_each_agency_has_a_line_of_its_own_and_an_operator_has_one(raw: Raw) -> None:
    police = Principal("cad", "agency", "police")
    harbor = Principal("hmis", "agency", "harbor")
    county = Principal("county-it", "operator")
    groups = _handed_in(
        ([raw(1), raw(2)], police), ([raw(3)], harbor), ([raw(4)], police), ([raw(5)], county), ([], police)
    )
    assert [("police", 3), ("harbor", 1), ("county-it", 1)] == groups


def test_where_nobody_is_asked_who_they_are_the_agency_of_the_event_has_the_line(raw: Raw) -> None:
    groups = _handed_in(([raw(1)], TRUSTED_MACHINE), ([raw(2, agency="harbor")], TRUSTED_MACHINE))
    assert [("police", 1), ("harbor", 1)] == groups


def test_a_flood_of_one_turn_is_cut_into_groups_that_the_queue_can_refuse(raw: Raw) -> None:
    flood = Principal("cad", "agency", "police")
    harbor = Principal("hmis", "agency", "harbor")
    half = [raw(n) for n in range(TOGETHER_MAX // 2)]
    more = [raw(n) for n in range(TOGETHER_MAX + 1)]
    groups = _handed_in((half, flood), (half, flood), (half[:1], harbor), (half, flood), (more, flood))
    assert [TOGETHER_MAX, TOGETHER_MAX // 2, TOGETHER_MAX + 1] == [size for whose, size in groups if whose == "police"]
    assert [1] == [size for whose, size in groups if whose == "harbor"]


def test_what_was_refused_is_given_back_at_once_and_not_when_the_collector_comes(raw: Raw) -> None:
    class Full(Queue):
        def submit(
            self, submissions: Sequence[Submission], done: Callable[[Any], None], *, sender: str | None = None
        ) -> None:
            raise fault("busy")

    class Group(list[Submission]):
        """A list that can be watched."""

    watched: list[weakref.ref[Group]] = []

    async def refused(desk: Desk, number: int) -> None:
        group = Group([validate(raw(number))])
        watched.append(weakref.ref(group))
        try:
            await desk.submit(group, "police")
        except Fault as busy:
            busy.__traceback__ = None  # as the intake does

    async def flood() -> None:
        desk = Desk(Full(), Metrics())
        await asyncio.gather(*(refused(desk, number) for number in range(3)))

    gc.disable()
    try:
        asyncio.run(flood())
        assert [None] * 3 == [group() for group in watched]
    finally:
        gc.enable()


def test_what_is_being_judged_has_its_places_in_the_queue_and_what_has_none_is_refused_before(raw: Raw) -> None:
    async def judged() -> list[str]:
        queue = Queue()
        queue.room = 3
        desk = Desk(queue, Metrics())
        seen = []
        desk.reserve("police", 2)
        for size in (2, 1):
            try:
                desk.reserve("police", size)
                seen.append("kept")
            except Fault as refused:
                seen.append(refused.problem.code)
        desk.reserve("harbor", 3)
        desk.give_back("police", 1)
        await desk.submit([validate(raw(1)), validate(raw(2))], "police", reserved=2)
        desk.reserve("police", 3)
        return seen

    assert ["busy", "kept"] == asyncio.run(judged())
