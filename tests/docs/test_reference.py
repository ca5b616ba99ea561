"""The reference pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.reference import PAGES, render

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_reference_page_is_as_the_code_has_it(name: str) -> None:
    assert render(name) == (REFERENCE / f"{name}.md").read_text("utf-8"), "run `make docs` and commit the pages"


def test_every_page_is_generated_and_every_generated_page_is_there() -> None:
    assert sorted(PAGES) == sorted(path.stem for path in REFERENCE.glob("*.md"))
