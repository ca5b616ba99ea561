"""Events for the benchmark: referral and crisis-call histories of about 500 bytes, from a seed.

They are what agencies send (several events a case, near each other in time, ids in the order of sending),
so that the index and cache behaviour that is measured is the one that is met.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import orjson

from contracts.moments import format_us

_START_US = 1_672_531_200_000_000  # 2023-01-01T00:00:00Z
_AGENCIES = ("police", "crisis-team", "hospital", "housing", "schools", "outreach")


def wire_events(count: int, seed: int = 7, span_days: int = 1095, tag: str = "b") -> Iterator[bytes]:
    """``count`` events as compact JSON, spread evenly over ``span_days`` from 2023-01-01 (UTC)."""
    for event in _events(count, seed, span_days, tag):
        yield orjson.dumps(event)


def _events(count: int, seed: int, span_days: int, tag: str) -> Iterator[dict[str, Any]]:
    rng = random.Random(seed)
    made = case = 0
    step_us = span_days * 86_400_000_000 // max(1, count)
    while made < count:
        case += 1
        start_us = _START_US + made * step_us
        history = _call(rng, case, tag) if case % 2 else _referral(rng, case, tag)
        for name, subject, agency, after_s, data in history:
            if made == count:
                return
            made += 1
            yield {
                "specversion": "1.0",
                "id": f"{tag}-{made:012d}",
                "source": f"urn:agency:{agency}:records",
                "type": f"org.tallystick.{name}.v1",
                "subject": subject,
                "time": format_us(start_us + after_s * 1_000_000),
                "agency": agency,
                "datacontenttype": "application/json",
                "sensitivity": "internal",
                "correlationid": f"{tag}-case-{case:010d}",
                "data": data,
            }


_Step = tuple[str, str, str, int, dict[str, Any]]


def _call(rng: random.Random, case: int, tag: str) -> list[_Step]:
    call = f"{tag}{case:09d}"
    subject = f"call/{call}"
    disposition = rng.choices(("remained_in_community", "emergency_department", "arrest", "other"), (80, 14, 1, 5))[0]
    arrived = 900 + rng.randrange(3000)
    return [
        (
            "call.received",
            subject,
            "police",
            0,
            {"call": call, "psap": "psap-1", "channel": "911", "local_code": "5150", "priority": "2"},
        ),
        (
            "call.triaged",
            subject,
            "police",
            60,
            {"call": call, "eligibility": rng.choice(("eligible", "eligible", "ineligible"))},
        ),
        (
            "response.dispatched",
            subject,
            "crisis-team",
            300,
            {"call": call, "team": "civilian", "units": ["mc-1"]},
        ),
        ("response.arrived", subject, "crisis-team", arrived, {"call": call, "team": "civilian"}),
        ("encounter.engaged", subject, "crisis-team", arrived + 120, {"call": call}),
        (
            "encounter.closed",
            subject,
            "crisis-team",
            arrived + 2400,
            {"call": call, "disposition": disposition, "minutes_on_scene": 40},
        ),
    ]


def _referral(rng: random.Random, case: int, tag: str) -> list[_Step]:
    referral = f"{tag}{case:09d}"
    subject = f"referral/{referral}"
    target = rng.choice(_AGENCIES[2:])
    steps: list[_Step] = [
        (
            "referral.requested",
            subject,
            "crisis-team",
            0,
            {
                "referral": referral,
                "requester": "crisis-team",
                "target": target,
                "need": "housing",
                "urgency": "routine",
                "channel": "direct",
            },
        ),
        ("referral.received", subject, target, 3600, {"referral": referral}),
    ]
    if rng.random() < 0.8:
        steps.append(("referral.accepted", subject, target, 90_000, {"referral": referral}))
        steps.append(("referral.completed", subject, target, 900_000, {"referral": referral, "outcome": "got_help"}))
    else:
        steps.append(("referral.declined", subject, target, 90_000, {"referral": referral, "reason": "no_capacity"}))
    return steps
