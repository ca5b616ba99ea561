"""``tallystick kpi``: the short form, a definition from a file, and two versions side by side."""

from __future__ import annotations

import csv
import io
import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import EXIT_STATUS
from tests.ops.test_cli import Raw, Run, home, run  # noqa: F401 - fixtures

ARREST = {"op": "eq", "column": "disposition", "value": "arrest"}


def definition(**parts: Any) -> dict[str, Any]:
    text = (resources.files("projections.kpi") / "library" / "K06.json").read_text(encoding="utf-8")
    body = {**json.loads(text), **parts}
    return {name: part for name, part in body.items() if name != "version"}


@pytest.fixture
def planned(run: Run, home: str, tmp_path: Path, raw: Raw) -> str:  # noqa: F811 - the fixtures above
    """A home with a plan that measures by K06, and three encounters, one of which ended in an arrest."""

    def decided(number: int, type_: str, **data: Any) -> bytes:
        wire = f"org.tallystick.{type_}.v1"
        return raw(number, id=f"d-{number}", type=wire, subject="plan/p1", data={"plan": "p1", **data})

    def closed(number: int, disposition: str) -> bytes:
        data = {"call": f"c-{number}", "disposition": disposition}
        return raw(number, type="org.tallystick.encounter.closed.v1", data=data)

    body = {**definition(), "version": 1}
    lines = [
        decided(1, "plan.adopted", version=1, period={"from": "2025-01-01", "to": "2027-12-31"}),
        decided(2, "goal.set", goal="g1", statement="x"),
        decided(3, "objective.set", goal="g1", objective="o1", statement="x"),
        decided(4, "kpi.defined", objective="o1", kpi="K06", version=1, definition=body, effective_from="2025-01-01"),
        closed(11, "remained_in_community"),
        closed(12, "arrest"),
        closed(13, "respite"),
    ]
    file = tmp_path / "plan.ndjson"
    file.write_bytes(b"\n".join(lines))
    assert run("record", str(file), "--home", home).status == 0
    return home


def written(tmp_path: Path, **parts: Any) -> str:
    file = tmp_path / "k06.json"
    file.write_text(json.dumps(definition(**parts)))
    return str(file)


NO_ARRESTS: dict[str, Any] = {"exclude": [{"reason": "arrested", "when": ARREST}]}


def test_the_short_form_shows_a_kpi_wherever_the_options_stand(run: Run, planned: str) -> None:  # noqa: F811
    long = run("kpi", "show", "K06", "--home", planned, "--format", "csv")
    short = run("kpi", "--home", planned, "K06", "--format", "csv")
    assert (0, long.out) == (short.status, short.out)
    assert "define" in run("kpi", "--help").out


def test_a_definition_in_a_file_becomes_the_next_version(run: Run, planned: str, tmp_path: Path) -> None:  # noqa: F811
    file = written(tmp_path, **NO_ARRESTS)
    dry = run("kpi", "define", file, "--home", planned, "--dry-run", "--format", "json").json()
    assert (None, 2, "p1", "o1") == (dry["log_index"], dry["version"], dry["plan"], dry["objective"])
    march = next(row for row in dry["cells"] if row["period"] == "2025-03")
    assert (33.3, 50) == (march["value_before"], march["value"])
    assert run("kpi", "K06", "--version", "2", "--home", planned).status == EXIT_STATUS["rejected"]

    told = run("kpi", "define", file, "--home", planned, "--effective-from", "2025-01-01", "--format", "json").json()
    assert (8, 2) == (told["log_index"], told["version"])
    cells = run("kpi", "K06", "--period", "2025-03", "--home", planned, "--format", "json").json()["cells"]
    assert (2, 50, {"arrested": 1}) == (cells[0]["version"], cells[0]["value"], cells[0]["excluded"])
    event = run("explain", "K06", "--home", planned, "--format", "json").json()["changes"][-1]
    assert (8, "police", 2) == (event["log_index"], event["agency"], event["version"])


def test_a_wrong_definition_is_refused_with_place_and_reason_and_nothing_is_recorded(
    run: Run,  # noqa: F811
    planned: str,
    tmp_path: Path,
) -> None:
    file = written(tmp_path, scope={"op": "not_null", "column": "colour"})
    told = run("kpi", "define", file, "--home", planned)
    assert (EXIT_STATUS["rejected"], "") == (told.status, told.out)
    assert told.err.startswith("error definition_invalid: ")
    assert "calls has no column 'colour'" in told.err
    assert "  at /scope/column" in told.err
    assert run("verify", "--home", planned, "--format", "json").json()["events"] == 7


def test_what_the_plans_rules_refuse_is_told_as_they_tell_it(run: Run, planned: str, tmp_path: Path) -> None:  # noqa: F811
    file = written(tmp_path, **NO_ARRESTS)
    told = run("kpi", "define", file, "--home", planned, "--objective", "o9")
    assert (EXIT_STATUS["conflict"], True) == (told.status, told.err.startswith("error objective_unknown: "))
    assert run("kpi", "define", "none.json", "--home", planned).err.startswith("error file_missing: ")
    assert run("kpi", "define", file, "--home", "nowhere").err.startswith("error home_missing: ")


def test_two_versions_are_set_side_by_side_with_what_moved(run: Run, planned: str, tmp_path: Path) -> None:  # noqa: F811
    file = written(tmp_path, **NO_ARRESTS)
    unrecorded = ("compare", "K06", "--versions", "1", "--file", file, "--period", "2025-03", "--home", planned)
    before = run("kpi", *unrecorded, "--format", "json").json()
    assert run("kpi", "define", file, "--home", planned).status == 0
    asked = ("compare", "K06", "--versions", "1,2", "--period", "2025-03", "--home", planned)
    told = run("kpi", *asked, "--format", "json").json()
    assert (33.3, 50, True) == (told["before"]["value"], told["after"]["value"], told["adds_up"])
    assert [("denominator>excluded:arrested", 1, 0, -1)] == [
        (move["move"], move["rows"], move["numerator"], move["denominator"]) for move in told["moves"]
    ]
    assert [("call/c-12", [6])] == [
        (row["subject"], [event["log_index"] for event in row["events"]]) for row in told["rows"]
    ]
    assert (before["moves"], None) == (told["moves"], before["after"]["version"])
    table = run("kpi", *asked).out
    assert "call/c-12: counted -> left out as arrested; events 6." in table
    rows = list(csv.DictReader(io.StringIO(run("kpi", *asked, "--format", "csv").out)))
    assert {"figure": "denominator", "before": "3", "after": "2"} in rows


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("--versions", "1"), "request_invalid"),
        (("--versions", "1,x"), "request_invalid"),
        (("--versions", "1,9"), "kpi_unknown"),
        (("--versions", "1,1", "--period", "March"), "period_invalid"),
        (("--versions", "1,1", "--group", "agency:none"), "group_unknown"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(
    run: Run,  # noqa: F811
    planned: str,
    asked: tuple[str, ...],
    code: str,
) -> None:
    told = run("kpi", "compare", "K06", "--home", planned, *asked)
    assert (EXIT_STATUS["rejected"], True) == (told.status, told.err.startswith(f"error {code}: ")), told.err


def test_a_kpi_can_be_read_as_confirmed(run: Run, planned: str, tmp_path: Path, raw: Raw) -> None:  # noqa: F811
    def referral(number: int, step: str, agency: str, **data: Any) -> bytes:
        wire = f"org.tallystick.referral.{step}.v1"
        named = {"referral": f"r-{number}", **data}
        return raw(f"{number}-{step}", type=wire, subject=f"referral/r-{number}", agency=agency, data=named)

    asked = {"requester": "police", "target": "harbor", "need": "housing"}
    lines = [referral(1, "requested", "police", **asked), referral(2, "requested", "police", **asked)]
    file = tmp_path / "referrals.ndjson"
    file.write_bytes(b"\n".join([*lines, referral(1, "accepted", "harbor")]))
    assert run("record", str(file), "--home", planned).status == 0

    def cell(*more: str) -> Any:
        told = run("kpi", "K17", "--period", "2025-03", "--group", "all", "--home", planned, "--format", "json", *more)
        (found,) = told.json()["cells"]
        return found["numerator"], found["denominator"]

    # Of two requests harbor has answered one; the other has lapsed by claim, and is not confirmed at all.
    assert [(1, 2), (1, 1)] == [cell("--basis", "claimed"), cell("--basis", "confirmed")]
    refused = run("kpi", "K06", "--basis", "confirmed", "--home", planned)
    assert (EXIT_STATUS["rejected"], True) == (refused.status, refused.err.startswith("error basis_unavailable: "))
