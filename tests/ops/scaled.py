"""The scaled system for tests: a migrated database, topics on a broker, and the settings that name both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.ops.running import command


def scaled(home: Path, postgres_address: str, broker: str, topic_prefix: str, **more: Any) -> dict[str, Any]:
    """The settings of a scaled system that is ready to be run: tables, first views and topics are made."""
    settings = {
        "home": home,
        "database": postgres_address,
        "broker": f"kafka://{broker}",
        "topic_prefix": topic_prefix,
        "events_partitions": 4,
        "lease_s": 2,
        "poll_interval_s": 0.2,
        "refresh_interval_s": 0.1,
        **more,
    }
    done = command("migrate", settings=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return settings
