"""Lets the tests of this room run on PostgreSQL: see ``postgres_stores``."""

from __future__ import annotations

from tests.projections import fake_log, postgres_stores

if postgres_stores.EVERYWHERE:
    fake_log.MemoryStore = postgres_stores.SharedStore  # type: ignore[misc, assignment]
