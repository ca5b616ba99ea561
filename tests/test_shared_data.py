"""Published data may be absent as a whole, which skips a test, and never in part, which fails it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shared_data import published


def test_a_folder_that_is_not_there_skips(tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match="vectors"):
        published("vectors", "jcs", under=tmp_path)


def test_a_folder_that_lacks_a_file_does_not_skip(tmp_path: Path) -> None:
    (tmp_path / "vectors").mkdir()
    with pytest.raises(FileNotFoundError):
        (published("vectors", under=tmp_path) / "weird.json").read_bytes()
