"""The pages of this section: which reports are expected from whom, and who is silent.

Here so that a section's addresses and figures stand in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from ops.pages.routes import Pages


def register(router: APIRouter, pages: Pages) -> None:
    """Add this section's pages to ``router``."""
