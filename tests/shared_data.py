"""Where the data that others published are kept: test vectors, conformance features, an open dataset.

Here so that one rule says what may be skipped. The data lie beside the repository, so a checkout without them skips the
tests that need them; a folder that is there and lacks a file is a broken copy, and the test fails.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("TALLYSTICK_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
"""``TALLYSTICK_SHARED_DATA`` where that is set, else ``../shared/data`` beside the repository."""


def published(*names: str, under: Path = SHARED) -> Path:
    """The folder of these names. Skips the test where it is not there at all."""
    folder = under.joinpath(*names)
    if not folder.exists():
        pytest.skip(f"the published data are not in {folder} (set TALLYSTICK_SHARED_DATA to the folder above them)")
    return folder
