"""A reader that tails the log never passes over an event, and never waits for a wake-up that does not come."""

from __future__ import annotations

import pytest

from contracts.faults import UnavailableFault
from streams.subscription import Subscription
from tests.projections.fake_log import FakeLog
from tests.streams.projectors import calls_log


def test_batches_are_bounded_dense_and_together_the_whole_log() -> None:
    subscription = Subscription(calls_log(10), limit=4)
    found: list[int] = []
    sizes = []
    while batch := subscription.after(len(found)):
        sizes.append(len(batch))
        found += [event.log_index for event in batch]
    assert sizes == [4, 4, 2]
    assert list(range(1, 11)) == found


@pytest.mark.parametrize("lost", [1, 5, 9])
def test_a_hole_in_the_log_is_refused(lost: int) -> None:
    log = calls_log(10)
    events = [event for event in log.events if event.log_index != lost]
    with pytest.raises(UnavailableFault) as refused:
        Subscription(FakeLog(events), limit=20).after(0)
    assert refused.value.problem.code == "integrity_broken"


def test_an_event_that_comes_twice_is_refused() -> None:
    log = calls_log(3)
    with pytest.raises(UnavailableFault):
        Subscription(FakeLog([*log.events, log.events[-1]]), limit=20).after(0)


def test_a_wake_up_ends_the_wait_and_so_does_the_poll() -> None:
    subscription = Subscription(calls_log(1), limit=1, poll_s=3600)
    subscription.wake()
    subscription.wait()  # returns at once although the poll is an hour away
    subscription.wait(timeout_s=0)
    Subscription(calls_log(1), limit=1, poll_s=0.001).wait()  # nobody wakes it


def test_an_empty_batch_is_not_a_batch() -> None:
    with pytest.raises(ValueError):
        Subscription(calls_log(1), limit=0)
