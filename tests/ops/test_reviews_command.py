"""``tallystick reviews``: a review is scheduled, held and looked at from a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.cli import main
from tests.pages.reviewed_house import planned, since

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("NO_COLOR", "1")

    def go(*line: str, how: str = "json") -> tuple[int, str]:
        status = main([*line, "--home", str(tmp_path / "home"), "--format", how])
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return status, told.out if status == 0 else told.err

    return go


def recorded(run: Run, tmp_path: Path, events: list[bytes]) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(events) + b"\n")
    assert run("record", str(file))[0] == 0


def test_a_review_is_scheduled_held_listed_and_shown(run: Run, tmp_path: Path) -> None:
    from tests.pages.reviewed_house import closed

    calls = [*(closed(n, "remained_in_community") for n in range(4)), closed(4, "arrest")]
    recorded(run, tmp_path, [*planned(), *calls])
    assert run("reviews", "schedule", "--plan", "care", "--review", "q1", "--due", "2025-05-31")[0] == 0
    status, out = run("reviews", "hold", "--plan", "care", "--review", "q1")
    assert status == 0
    held = json.loads(out)
    assert held["as_of"] == 11
    recorded(run, tmp_path, since())
    (row,) = json.loads(run("reviews")[1])["reviews"]
    assert ("q1", True, held["cells_sha256"], "2025-05-31") == (
        row["review"],
        row["matches"],
        row["cells_sha256"],
        row["due"],
    )
    told = json.loads(run("reviews", "show", "q1")[1])
    january = next(one for one in told["restatements"] if (one["period"], one["group"]) == ("2025-01", "all"))
    assert (80, 60) == (january["old"]["value"], january["new"]["value"])
    assert ["K06"] == [change["kpi"] for change in told["decided_since"]]
    assert "60" in run("reviews", "show", "q1", how="table")[1]
    assert run("reviews", "show", "q1", how="csv")[1].startswith("kpi,version,period,group")


def test_a_review_of_the_past_is_held_as_of_then(run: Run, tmp_path: Path) -> None:
    recorded(run, tmp_path, planned())
    held = json.loads(run("reviews", "hold", "--plan", "care", "--review", "early", "--as-of", "3")[1])
    assert (3, 0) == (held["as_of"], held["cells"])


def test_what_breaks_a_rule_is_told_with_its_code(run: Run, tmp_path: Path) -> None:
    recorded(run, tmp_path, planned())
    assert run("reviews", "hold", "--plan", "care", "--review", "q1")[0] == 0
    for line, code in (
        (("hold", "--plan", "care", "--review", "q1"), "review_already_held"),
        (("hold", "--plan", "none", "--review", "q9"), "plan_not_adopted"),
        (("schedule", "--plan", "none", "--review", "q9", "--due", "2025-05-31"), "plan_not_adopted"),
        (("schedule", "--plan", "care", "--review", "q 9", "--due", "2025-05-31"), "/subject"),
        (("schedule", "--plan", "care", "--review", "q9", "--due", "soon"), "/data/due"),
        (("hold", "--plan", "care", "--review", "q9", "--as-of", "999999"), "as_of_invalid"),
        (("show", "nothing"), "not_found"),
    ):
        status, err = run("reviews", *line)
        assert status in (3, 4), (line, err)
        assert code in err, (line, err)
