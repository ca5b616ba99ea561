"""``tallystick import`` on the Lane County data: the published figures, and that a second import records nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops.cli import main
from ops.settings import load_settings
from tests.shared_data import published


def test_lane_county_gives_the_published_figures_and_again_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(published("lane_county") / "mcslc.csv")
    home = str(tmp_path / "home")

    def told(*line: str) -> Any:
        assert main([*line, "--home", home, "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    first = told("import", file, "--mapping", "lane-county")
    assert (first["rows"], first["rejected"], first["conflict"]) == (4682, 0, 0)
    assert load_settings(Path(home)).zone == "America/Los_Angeles"
    cells = {
        kpi: told("kpi", kpi, "--period", "all", "--group", "all")["cells"][0] for kpi in ("K05", "K06", "K07", "K09")
    }
    assert {k: cells[k]["numerator"] for k in ("K06", "K07", "K09")} == {"K06": 3750, "K07": 652, "K09": 16}
    assert (cells["K05"]["denominator"], cells["K05"]["value"]) == (4303, 30.0)
    assert cells["K05"]["denominator"] + sum(cells["K05"]["excluded"].values()) == 4682
    again = told("import", file, "--mapping", "lane-county")
    assert (again["recorded"], again["duplicate"]) == (0, first["recorded"])
