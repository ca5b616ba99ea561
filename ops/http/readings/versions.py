"""KPI versions as JSON and CSV: two versions of one KPI over the same period.

Here so that a program reads the same lists as the page of that name.
"""

from __future__ import annotations

from fastapi import APIRouter

from ops.composition import House
from ops.settings import Settings


def register(router: APIRouter, house: House, settings: Settings) -> None:
    """Add this section's routes to ``router``, which stands under ``/v1``."""
