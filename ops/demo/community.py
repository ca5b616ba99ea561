"""The community of the demonstration: what surveys found, where the partnership met people, what they said and
whether anybody answered.

One wave of the survey was answered so patchily that its score is no score; it is kept and shown as such.
"""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any, Final

from ops.demo.cast import CRISIS, DAY_US, SECRETARIAT
from ops.demo.chances import days
from ops.demo.pen import Pen
from ops.demo.people import GROUPS
from ops.demo.plan import moment_us

_ITEMS: Final = tuple(f"tip-{number:02d}" for number in range(1, 9))
_PATCHY: Final = (2024, 10)
_TOPICS: Final = (
    "Night-time response",
    "Waiting for housing",
    "Officers at mental-health calls",
    "Calls from schools",
    "Language on the phone",
    "What becomes of a complaint",
)
_KINDS: Final = ("forum", "focus_group", "meeting", "event")


def tell_community(pen: Pen, random: Random) -> None:
    """Half-yearly surveys, and a meeting with the community every other month."""
    for year in (2023, 2024, 2025):
        for month in (4, 10):
            _wave(pen, random, year, month, None)
            if month == 10:
                for group in GROUPS:
                    _wave(pen, random, year, month, group)
    inputs = 0
    for number in range(18):
        held = date(2023 + number // 6, number % 6 * 2 + 1, 24)
        inputs = _occasion(pen, random, number + 1, held, inputs)


def _wave(pen: Pen, random: Random, year: int, month: int, group: str | None) -> None:
    """Trust rises slowly and less among the young."""
    done = (year - 2023 + month / 12) / 3
    survey = f"S-{year}-{month:02d}" + (f"-{group}" if group else "")
    n = random.randrange(60, 140) if group else random.randrange(380, 620)
    middle = 3.05 + 0.35 * done - (0.35 if group == GROUPS[0] else 0.0)
    items: list[dict[str, Any]] = []
    for place, item in enumerate(_ITEMS):
        if (year, month) == _PATCHY and group is None and place < 5:
            items.append({"item": item, "score": None, "answered": 0})
            continue
        score = round(middle + random.uniform(-0.3, 0.3), 2)
        sd = round(random.uniform(0.9, 1.2), 2)
        items.append({"item": item, "score": score, "answered": n - random.randrange(0, n // 8), "sd": sd})
    data: dict[str, Any] = {
        "survey": survey,
        "instrument": "Trust in Police",
        "version": "2",
        "mode": "phone" if group else "web",
        "n": n,
        "response_rate": round(random.uniform(14, 27), 1),
        "items": items,
        "scale_min": 1,
        "scale_max": 5,
    }
    if group is not None:
        data["person_group"] = group
    pen.tell(SECRETARIAT, "survey.collected", f"survey/{survey}", moment_us(date(year, month, 28)), data)


def _occasion(pen: Pen, random: Random, number: int, held: date, inputs: int) -> int:
    """One occasion with what was said at it; returns the number of inputs so far."""
    engagement = f"EN-{number:02d}"
    held_us = moment_us(held, 23)
    data = {
        "engagement": engagement,
        "kind": _KINDS[number % len(_KINDS)],
        "attendance": random.randrange(8, 90),
        "languages": ["en", "es"] if number % 3 else ["en"],
    }
    pen.tell(CRISIS, "engagement.held", f"engagement/{engagement}", held_us, data)
    for _ in range(random.randrange(1, 5)):
        inputs += 1
        said = {"input": f"IN-{inputs:03d}", "engagement": engagement, "topic": random.choice(_TOPICS)}
        subject = f"input/{said['input']}"
        pen.tell(CRISIS, "input.recorded", subject, held_us, said)
        if random.random() < 0.68:
            answer = {"input": said["input"], "text": "Answered on the partnership's page."}
            pen.tell(SECRETARIAT, "input.answered", subject, held_us + days(random, 24.0) + DAY_US, answer)
    return inputs
