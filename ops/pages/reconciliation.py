"""The pages of this section: both halves of every shared fact, side by side.

Here so that a section's addresses and figures stand in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from ops.pages.routes import Pages


def register(router: APIRouter, pages: Pages) -> None:
    """Add this section's pages to ``router``."""
