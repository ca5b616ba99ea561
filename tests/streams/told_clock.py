"""A clock that stands where a test puts it."""

from __future__ import annotations


class ToldClock:
    """Returns UTC microseconds that only ``forward`` moves."""

    def __init__(self, now_us: int = 1_760_000_000_000_000) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us

    def forward(self, seconds: float) -> None:
        """Later by so many seconds."""
        self.now_us += round(seconds * 1_000_000)
