"""The recipe for adding a family works exactly as it stands: its files alone, each in its folder, are enough."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "adding-a-family.md"
ROOMS = ("contracts", "domain", "streams", "projections", "ops")
_RECIPE = re.compile(r"<!-- recipe: (?P<file>\S+) -->\n```\w*\n(?P<body>.*?)^```$", re.S | re.M)

PLAN = {"plan": "p-1", "version": 1, "period": {"from": "2025-01-01", "to": "2027-12-31"}, "ratified_by": ["county"]}


def recipe() -> dict[str, str]:
    """File name -> content, of every file the page asks for."""
    return {found["file"]: found["body"] for found in _RECIPE.finditer(PAGE.read_text("utf-8"))}


def event(name: str, subject: str, number: int, data: dict[str, object]) -> str:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"e-{number}",
            "source": "//county/outreach",
            "type": f"org.tallystick.{name}.v1",
            "subject": subject,
            "time": "2025-03-05T10:00:00Z",
            "agency": "county",
            "data": data,
        }
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program in which the recipe was followed."""
    copy = tmp_path_factory.mktemp("recipe")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name, body in recipe().items():
        path = copy / name
        assert not (ROOT / name).exists(), f"{name} of the recipe is there already"
        path.write_text(body, encoding="utf-8")
    return copy


def run(tree: Path, *line: str, stdin: str = "") -> str:
    environment = {**os.environ, "PYTHONPATH": str(tree), "TALLYSTICK_ZONE": "UTC"}
    done = subprocess.run(
        [sys.executable, *line], cwd=tree, env=environment, input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_recipe_names_a_contract_a_model_and_a_definition() -> None:
    assert {
        "contracts/families/outreach.py",
        "projections/models/outreach.py",
        "outreach-accepted.json",
    } == set(recipe())


def test_its_schemas_are_written(tree: Path) -> None:
    run(tree, "-m", "contracts.schemas_export")
    assert (tree / "contracts/schemas/payload.outreach.contacted.v1.json").exists()


def test_its_bad_examples_are_refused_and_its_good_ones_recorded(tree: Path) -> None:
    told = run(
        tree,
        "-c",
        "import json\n"
        "from contracts.catalogue import CATALOGUE\n"
        "from contracts.intake import validate_object\n"
        "entry = CATALOGUE.entry('outreach.contacted.v1')\n"
        "good = [validate_object(entry.example_event(data)) for data in entry.good]\n"
        "bad = [(bad, validate_object(entry.example_event(bad.data))) for bad in entry.bad]\n"
        "print(json.dumps([[type(found).__name__ for found in good],\n"
        "    [[bad.code == found.problem.code, bad.pointer == found.problem.pointer] for bad, found in bad]]))\n",
    )
    assert [["Accepted"] * 2, [[True, True]] * 4] == json.loads(told)


def test_its_events_are_counted_by_its_definition_and_open_again(tree: Path, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    contacts = [
        event("outreach.contacted", f"contact/{n}", n, {"contact": str(n), "place": "riverfront", "accepted": n < 3})
        for n in range(4)
    ]
    joined = event("agency.joined", "agency/county", 90, {"agency": "county", "name": "County", "sector": "government"})
    goal = {"plan": "p-1", "goal": "g", "statement": "Safe"}
    objective = {"plan": "p-1", "goal": "g", "objective": "o", "statement": "Help is taken", "owners": ["county"]}
    decided = [
        event("plan.adopted", "plan/p-1", 91, PLAN),
        event("goal.set", "plan/p-1", 92, goal),
        event("objective.set", "plan/p-1", 93, objective),
    ]
    lines = "\n".join([joined, *decided, *contacts])
    run(tree, "-m", "ops.cli", "record", "-", "--home", home, stdin=lines)
    run(
        tree,
        "-m",
        "ops.cli",
        "kpi",
        "define",
        "outreach-accepted.json",
        "--objective",
        "o",
        "--owner",
        "county",
        "--home",
        home,
    )
    told = json.loads(
        run(tree, "-m", "ops.cli", "kpi", "LOCAL-1", "--period", "2025-03", "--home", home, "--format", "json")
    )
    (cell,) = [cell for cell in told["cells"] if cell["group"] == "all"]
    assert (75, 3, 4) == (cell["value"], cell["numerator"], cell["denominator"])
    opened = json.loads(
        run(tree, "-m", "ops.cli", "explain", "LOCAL-1", "--period", "2025-03", "--home", home, "--format", "json")
    )
    assert [f"contact/{n}" for n in range(4)] == [found["subject"] for found in opened["events"]]
    checked = run(tree, "-m", "ops.cli", "schemas", "check", "--format", "json")
    verdicts = {found["topic"]: found["verdict"] for found in json.loads(checked)["findings"]}
    assert "new" == verdicts["outreach.contacted.v1"]


def test_control_without_the_recipe_the_type_is_unknown() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "ops.cli", "schemas", "show", "outreach.contacted.v1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 3 == told.returncode
