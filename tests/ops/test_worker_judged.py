"""A worker of which a partition stands still says which one and why, and is not ready; its agents live on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ops.health import Readiness
from ops.settings import Settings
from ops.working import Judge
from streams.watermark import Places

REASON = "Partition 3: 26 keys could not be applied; the limit is 25."


def judged(settings: Settings, brake: str | None) -> Readiness:
    sight: Any = SimpleNamespace(
        places=lambda: Places(9, {3: 9}, {3: 9}, 9), quarantine=SimpleNamespace(brake=lambda: brake)
    )
    process: Any = SimpleNamespace(alive=lambda: True)
    return Judge(settings, sight, process, None, lambda: 0.0).look()


@pytest.mark.parametrize("brake", [REASON, None])
def test_a_partition_that_stands_still_is_told_and_makes_its_worker_unready(brake: str | None, tmp_path: Any) -> None:
    found = judged(Settings(home=tmp_path), brake)
    told = {check.name: check for check in found.checks}
    assert (brake is None) == found.ready == told["brake"].ok
    assert told["agents"].ok
    assert told["progress"].ok
    assert (REASON in told["brake"].detail) == (brake is not None)
