"""What goes wrong on the way in: repeats, contradictions, malformed reports, withdrawals and corrections.

A ledger shown only clean data proves nothing. Each mishap here is one that real feeds have, and each must end in the
outcome the laws promise: duplicate, conflict, rejected, or a superseded event that no longer counts.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from itertools import accumulate
from random import Random
from typing import Any, Final

import orjson

from ops.demo.cast import DAY_US, HOUR_US

Sent = tuple[int, bytes]
"""(microseconds after the first arrival, bytes)."""

_KINDS: Final = (
    "repeated",
    "contradicted",
    "malformed",
    "voided",
    "replaced",
    "corrected",
    "superseded_early",
)
_SHARES: Final = (0.50, 0.08, 0.16, 0.10, 0.10, 0.04, 0.02)
_REASONS: Final = (
    "entered under the wrong call",
    "entered twice by two members of staff",
    "test entry",
    "time was taken from the wrong log",
)


class Mishaps:
    """Turns an event into what arrives instead of it."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._steps = list(accumulate(_SHARES))
        self._acts: dict[str, Callable[[dict[str, Any], Callable[[int], str]], list[Sent]]] = {
            "repeated": self._repeated,
            "contradicted": self._contradicted,
            "malformed": self._malformed,
            "voided": self._voided,
            "replaced": self._replaced,
            "corrected": self._corrected,
            "superseded_early": self._superseded_early,
        }

    def befall(self, event: dict[str, Any], identity: Callable[[int], str]) -> list[Sent]:
        """What arrives for this event, and when. ``identity`` makes a new id for a moment in microseconds."""
        kind = _KINDS[min(bisect(self._steps, self._random.random()), len(_KINDS) - 1)]
        return self._acts[kind](event, identity)

    def _days(self, least: float, greatest: float) -> int:
        return int((least + self._random.random() * (greatest - least)) * DAY_US)

    def _repeated(self, event: dict[str, Any], _: Callable[[int], str]) -> list[Sent]:
        """A sender that got no answer sends the same again, at once or with next week's batch."""
        body = orjson.dumps(event)
        times = 1 + int(self._random.random() < 0.2)
        return [(0, body), *((self._days(0.01, 8), body) for _ in range(times))]

    def _contradicted(self, event: dict[str, Any], _: Callable[[int], str]) -> list[Sent]:
        """A system edits a record in place and sends it again under the id it used before."""
        changed = {**event, "time": _shifted(event["time"])}
        return [(0, orjson.dumps(event)), (self._days(0.2, 12), orjson.dumps(changed))]

    def _malformed(self, event: dict[str, Any], _: Callable[[int], str]) -> list[Sent]:
        """A report that breaks its contract; four in five are put right and sent again within days."""
        bad = WRONGS[int(self._random.random() * len(WRONGS))](event)
        if self._random.random() < 0.8:
            return [(0, bad), (self._days(0.1, 5), orjson.dumps(event))]
        return [(0, bad)]

    def _voided(self, event: dict[str, Any], identity: Callable[[int], str]) -> list[Sent]:
        """An entry that should not have been made is withdrawn."""
        return [(0, orjson.dumps(event)), self._notice("record.voided", event, identity, None)]

    def _corrected(self, event: dict[str, Any], identity: Callable[[int], str]) -> list[Sent]:
        """A correction in two parts: the notice that names the old event, and the right fact under a new id."""
        right = {**event, "id": _fresh(event, identity), "time": _shifted(event["time"])}
        notice_us, notice = self._notice("record.corrected", event, identity, right["id"])
        return [(0, orjson.dumps(event)), (notice_us, notice), (notice_us + HOUR_US, orjson.dumps(right))]

    def _replaced(self, event: dict[str, Any], identity: Callable[[int], str]) -> list[Sent]:
        """The right fact sent under a new id that says which one it replaces."""
        right = {
            **event,
            "id": _fresh(event, identity),
            "time": _shifted(event["time"]),
            "supersedes": event["id"],
        }
        return [(0, orjson.dumps(event)), (self._days(0.5, 20), orjson.dumps(right))]

    def _superseded_early(self, event: dict[str, Any], identity: Callable[[int], str]) -> list[Sent]:
        """The withdrawal overtakes the entry it withdraws."""
        _, notice = self._notice("record.voided", event, identity, None)
        return [(0, notice), (self._days(0.5, 3), orjson.dumps(event))]

    def _notice(
        self, type_name: str, event: dict[str, Any], identity: Callable[[int], str], replacement: str | None
    ) -> Sent:
        data = {"supersedes": event["id"], "reason": _REASONS[int(self._random.random() * len(_REASONS))]}
        if replacement is not None:
            data["replacement"] = replacement
        notice = {
            **event,
            "id": _fresh(event, identity),
            "type": f"org.tallystick.{type_name}.v1",
            "data": data,
        }
        return self._days(0.5, 25), orjson.dumps(notice)


def _fresh(event: dict[str, Any], identity: Callable[[int], str]) -> str:
    """A new id beside that of the event, which holds the event's moment in its first 48 bits."""
    milliseconds = int(event["id"][:8] + event["id"][9:13], 16)
    return identity(milliseconds * 1000)


def _shifted(moment: str) -> str:
    """The same moment with its minutes set otherwise (13 minutes on, within the hour)."""
    minute = (int(moment[14:16]) + 13) % 60
    return f"{moment[:14]}{minute:02d}{moment[16:]}"


def _bad_enum(event: dict[str, Any]) -> bytes:
    data = event["data"]
    field = next(
        (name for name in ("disposition", "team", "eligibility", "channel", "outcome", "reason") if name in data),
        None,
    )
    if field is None:
        return _unknown_field(event)
    return orjson.dumps({**event, "data": {**data, field: "see narrative"}})


def _missing_field(event: dict[str, Any]) -> bytes:
    data = dict(event["data"])
    data.pop(next(iter(data)))
    return orjson.dumps({**event, "data": data})


def _unknown_type(event: dict[str, Any]) -> bytes:
    return orjson.dumps({**event, "type": event["type"].replace(".v1", "d.v1")})


def _unknown_field(event: dict[str, Any]) -> bytes:
    return orjson.dumps({**event, "data": {**event["data"], "narrative": "see attached"}})


def _no_time(event: dict[str, Any]) -> bytes:
    return orjson.dumps({name: value for name, value in event.items() if name != "time"})


def _time_without_offset(event: dict[str, Any]) -> bytes:
    return orjson.dumps({**event, "time": event["time"].removesuffix("Z")})


def _other_subject(event: dict[str, Any]) -> bytes:
    return orjson.dumps({**event, "subject": f"{event['subject']}x"})


def _cut_off(event: dict[str, Any]) -> bytes:
    body = orjson.dumps(event)
    return body[: len(body) * 2 // 3]


def _said_twice(event: dict[str, Any]) -> bytes:
    return b'{"specversion":"1.0",' + orjson.dumps(event)[1:]


WRONGS: Final[tuple[Callable[[dict[str, Any]], bytes], ...]] = (
    _bad_enum,
    _missing_field,
    _unknown_type,
    _unknown_field,
    _no_time,
    _time_without_offset,
    _other_subject,
    _cut_off,
    _said_twice,
)
"""Every way in which a demonstration report breaks its contract."""
