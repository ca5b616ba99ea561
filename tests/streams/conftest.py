"""What every test of the streams needs: a log and a store in memory, a counting projector, a clock that is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.projections.fake_log import MemoryStore


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    kept = MemoryStore()
    yield kept
    kept.close()
