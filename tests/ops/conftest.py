"""A house of its own for each test, with a clock that only moves when it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.composition import House, open_house
from ops.settings import Settings

NOW_US = 1_750_000_000_000_000  # 2025-06-15T15:06:40Z


class Clock:
    """UTC microseconds, as it was put."""

    def __init__(self) -> None:
        self.now_us = NOW_US

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", zone="America/Los_Angeles")


@pytest.fixture
def house(settings: Settings, clock: Clock) -> Iterator[House]:
    with open_house(settings=settings, clock=clock) as opened:
        yield opened


@pytest.fixture
def event() -> Callable[..., dict[str, Any]]:
    """``event(n, **changes)``: a call.received that keeps its contract, told apart by ``n``."""

    def make(number: int | str = 1, **changes: Any) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": f"e-{number}",
            "source": "urn:agency:police:cad",
            "type": "org.tallystick.call.received.v1",
            "subject": f"call/c-{number}",
            "time": "2025-03-01T10:00:00-08:00",
            "agency": "police",
            "datacontenttype": "application/json",
            "data": {"call": f"c-{number}", "channel": "911"},
            **changes,
        }

    return make


@pytest.fixture
def raw(event: Callable[..., dict[str, Any]]) -> Callable[..., bytes]:
    """As ``event``, as bytes on the wire."""
    return lambda number=1, **changes: json.dumps(event(number, **changes)).encode()
