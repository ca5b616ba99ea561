"""Recording a decision that is taken at a command: opening an action, holding a review, defining a KPI.

Here so that each of them is dated by the same clock as everything the house reads, recorded in the same way, and
refused with the same words.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import orjson

from contracts.deciding import decision_event
from contracts.faults import FAULT_CLASSES

if TYPE_CHECKING:
    from contracts.recorded import Outcome, Receipt
    from ops.composition import House


def take(house: House, event: dict[str, Any]) -> tuple[Outcome, Receipt]:
    """Record one decision. Raises the Fault of the rule or right that refuses it, and ``home_in_use`` where another
    process writes."""
    (outcome,) = house.record_batch([orjson.dumps(event)])
    if outcome.problem is not None:
        raise FAULT_CLASSES[outcome.problem.family](outcome.problem)
    assert outcome.receipt is not None
    return outcome, outcome.receipt


def decide(
    house: House, name: str, data: dict[str, Any], *, subject: str, agency: str, source: str
) -> tuple[Outcome, Receipt]:
    """Record the decision ``name``, taken at the moment at which this house judges. Raises what ``take`` raises.

    That moment and no other: in a home whose reading is fixed to a day, a decision dated by the wall clock would lie
    in the future of every reading and never be seen. Deciding the same again is another event, so that it is told by
    the rule it breaks and not as a conflict of identity.
    """
    id = f"{name}/{subject.partition('/')[2]}/{uuid.uuid4().hex}"
    event = decision_event(name, data, subject=subject, agency=agency, source=source, id=id, time_us=house.now_us())
    return take(house, event)


__all__ = ["decide", "take"]
