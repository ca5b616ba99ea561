"""What is sent while the torture goes on: batches of real events, repeats, conflicts and refusals, from a
seed.

Here because a ledger that is only sent easy things is only shown to keep easy promises. The payloads are the
catalogue's own samples, so a new family of events is tortured from the day it is added.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from contracts.declaration import EventType
from contracts.families import discover
from contracts.intake import validate
from contracts.recorded import Accepted, Submission

BATCHES = 12
LONGEST_BATCH = 12
AGENCIES = ("county", "lakeside-health", "harbor-housing")
_FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
_PLANS = ("plan.adopted", "goal.set", "objective.set", "target.set")
_AGREEMENTS = ("agreement.signed", "commitment.made", "agreement.amended")


@lru_cache(maxsize=1)
def _types() -> dict[str, EventType]:
    return {kind.name: kind for family in discover() for kind in family.types if kind.status == "current"}


@lru_cache(maxsize=64)
def batches(seed: int) -> tuple[tuple[Submission, ...], ...]:
    """The batches of one session: a pure function of the seed, whose identities no other seed repeats.

    Of every ten submissions about seven are statements, one is a decision, and the rest are repeats of
    earlier ones, other content under an earlier identity, and bodies that break their contract.
    """
    return _Writer(seed).batches()


class _Writer:
    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._seed = f"{seed:x}"
        self._number = 0
        self._sent: list[dict[str, Any]] = []
        self._decisions = [*_PLANS, *_AGREEMENTS]
        kinds = _types().values()
        self._statements = [kind for kind in kinds if kind.kind == "statement"]

    def batches(self) -> tuple[tuple[Submission, ...], ...]:
        made = []
        for _ in range(BATCHES):
            size = self._rng.randint(1, LONGEST_BATCH)
            made.append(tuple(validate(self._next()) for _ in range(size)))
        return tuple(made)

    def _next(self) -> bytes:
        rng = self._rng
        dice = rng.random()
        if dice < 0.1 and self._sent:
            return _bytes(rng.choice(self._sent))
        if dice < 0.15 and self._sent:
            other = copy.deepcopy(rng.choice(self._sent))
            other["traceparent" if rng.random() < 0.5 else "note"] = f"changed {self._number}"
            return _bytes(other)
        if dice < 0.2:
            return rng.choice((b"{", b'{"id": "x"}', b"[1, 2", b'{"specversion": "1.0"}')) + b" " * rng.randint(0, 3)
        if dice < 0.3 and self._decisions:
            return self._keep(self._event(_types()[self._decisions.pop(0)]))
        return self._keep(self._event(rng.choice(self._statements)))

    def _keep(self, event: dict[str, Any]) -> bytes:
        self._sent.append(event)
        return _bytes(event)

    def _event(self, kind: EventType) -> dict[str, Any]:
        rng = self._rng
        self._number += 1
        data = copy.deepcopy(rng.choice(kind.good))
        self._place(kind, data)
        if kind.subject is None:
            # A correction: of something that was sent, where there is anything.
            earlier = rng.choice(self._sent) if self._sent else {"id": "nothing", "subject": "call/nothing"}
            data["supersedes"] = earlier["id"]
            subject = earlier["subject"]
        else:
            subject = kind.subject.format(**data)
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": f"{self._seed}-{self._number}",
            "source": f"urn:tallystick:torture:{rng.choice(AGENCIES)}",
            "type": f"org.tallystick.{kind.name}.v{kind.version}",
            "subject": subject,
            "agency": rng.choice(AGENCIES),
            "data": data,
        }
        if rng.random() < 0.05:
            event["timeunknown"] = True
        else:
            moment = _FIRST_DAY + timedelta(minutes=rng.randint(0, 90_000))
            event["time"] = moment.isoformat().replace("+00:00", "Z")
        return event

    def _place(self, kind: EventType, data: dict[str, Any]) -> None:
        """Let several events be about the same few things, so that rows are folded from more than one."""
        rng = self._rng
        if kind.kind == "decision":
            for field in ("plan", "agreement"):
                if field in data:
                    data[field] = f"{field}-{self._seed}"
            if "commitment" in data:
                data["commitment"] = f"commitment-{self._seed}"
            return
        fields = kind.subject_fields
        if len(fields) == 1 and isinstance(data.get(fields[0]), str) and fields[0] != "agency":
            data[fields[0]] = f"{fields[0]}-{self._seed}-{rng.randint(0, 5)}"


def _bytes(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


def statements(batch: Sequence[Submission]) -> frozenset[tuple[str, str]]:
    """The identities of the statements in a batch; a well-formed statement is never refused."""
    return frozenset(
        (each.source, each.id) for each in batch if isinstance(each, Accepted) and each.kind == "statement"
    )
