"""The command line: the published JSON shapes, one shape for every error, and no traceback for bad input."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import EXIT_STATUS
from ops.cli import main
from ops.composition import open_house
from ops.settings import describe_settings

Raw = Callable[..., bytes]
Run = Callable[..., "Ran"]


class Ran:
    """What one command line came to."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    for row in describe_settings():
        monkeypatch.delenv(row.env, raising=False)

    def go(*line: str) -> Ran:
        status = main(line)
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return Ran(status, told.out, told.err)

    return go


@pytest.fixture
def home(tmp_path: Path) -> str:
    return str(tmp_path / "home")


def _lines(raw: Raw, count: int, **bad: bytes) -> bytes:
    lines = [raw(n) for n in range(count)]
    for place, line in bad.items():
        lines[int(place[1:])] = line
    return b"\n".join(lines) + b"\n"


def test_one_bad_line_in_a_thousand_records_999_and_keeps_one(run: Run, home: str, tmp_path: Path, raw: Raw) -> None:
    (tmp_path / "events.ndjson").write_bytes(_lines(raw, 1_000, _500=b'{"id": "x"'))
    told = run("record", "events.ndjson", "--home", home, "--format", "json")
    assert told.json() == {"recorded": 999, "duplicate": 0, "conflict": 0, "rejected": 1, "flags": {}}
    kept = run("rejections", "--home", home, "--format", "json").json()["rejections"]
    assert [(one["code"], one["times"]) for one in kept] == [("not_json", 1)]
    shown = run("rejections", "--show", "1", "--home", home, "--format", "json").json()
    assert shown["raw"] == '{"id": "x"'
    again = run("record", "events.ndjson", "--home", home, "--format", "json").json()
    assert (again["recorded"], again["duplicate"], again["rejected"]) == (0, 999, 1)


def test_standard_input_takes_an_event_an_array_and_lines(
    run: Run, home: str, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def piped(body: bytes) -> Any:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
        return run("record", "-", "--home", home, "--format", "json").json()["recorded"]

    assert [piped(raw(0)), piped(b"[" + raw(1) + b"," + raw(2) + b"]"), piped(_lines(raw, 6)[3 * 0 :])] == [1, 2, 3]


def test_verify_says_ok_events_and_root_and_notices_a_changed_byte(
    run: Run, home: str, tmp_path: Path, raw: Raw
) -> None:
    (tmp_path / "one.json").write_bytes(raw(1))
    run("record", "one.json", "--home", home)
    told = run("verify", "--home", home, "--format", "json")
    assert told.status == 0
    assert (told.json()["ok"], told.json()["events"], len(told.json()["root"])) == (True, 1, 64)
    _tamper(Path(home))
    broken = run("verify", "--home", home, "--format", "json")
    assert broken.status == EXIT_STATUS["unavailable"]
    assert broken.json()["ok"] is False


def _tamper(home: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(home / "tallystick.db")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE log SET state = CAST(replace(CAST(state AS TEXT), '911', '912') AS BLOB)")
    connection.commit()
    connection.close()


@pytest.fixture
def filled(home: str, raw: Raw) -> str:
    with open_house(Path(home)) as house:
        house.record(
            raw(
                n,
                type="org.tallystick.encounter.closed.v1",
                data={"call": f"c-{n}", "disposition": "arrest" if n == 3 else "remained_in_community"},
            )
            for n in range(4)
        )
    return home


def test_kpi_and_scorecard_have_the_published_shape(run: Run, filled: str) -> None:
    told = run("kpi", "K06", "--period", "all", "--home", filled, "--format", "json").json()
    named = {"kpi", "version", "period", "group", "value", "numerator", "denominator", "target", "status", "excluded"}
    assert {"as_of", "cells"} == set(told)
    assert all(named <= set(cell) for cell in told["cells"])
    whole = next(cell for cell in told["cells"] if cell["group"] == "all")
    assert tuple(whole[name] for name in ("value", "numerator", "denominator", "excluded")) == (75, 3, 4, {})
    card = run("scorecard", "--home", filled, "--format", "json").json()
    assert {"as_of", "cells"} <= set(card)
    assert all(named <= set(cell) for cell in card["cells"])
    assert "K06" in {cell["kpi"] for cell in card["cells"]}


def test_explain_lists_the_events_and_computes_the_same_again(run: Run, filled: str) -> None:
    told = run("explain", "K06", "--period", "all", "--home", filled, "--format", "json").json()
    assert (told["cell"]["value"], told["recomputed"], told["agrees"]) == (75, 75, True)
    assert [event["log_index"] for event in told["events"]] == [1, 2, 3, 4]
    assert {"log_index", "type", "subject", "time", "recorded_at", "agency"} <= set(told["events"][0])


def test_explain_lists_what_was_decided_about_the_kpi_old_beside_new(
    run: Run, home: str, tmp_path: Path, raw: Raw
) -> None:
    body = json.loads((resources.files("projections.kpi") / "library" / "K06.json").read_text(encoding="utf-8"))

    def decided(number: int, type_: str, **data: Any) -> bytes:
        wire = f"org.tallystick.{type_}.v1"
        return raw(number, id=f"d-{number}", type=wire, subject="plan/p1", data={"plan": "p1", **data})

    lines = [
        decided(1, "plan.adopted", version=1, period={"from": "2025-01-01", "to": "2027-12-31"}),
        decided(2, "goal.set", goal="g1", statement="x"),
        decided(3, "objective.set", goal="g1", objective="o1", statement="x"),
        decided(4, "kpi.defined", objective="o1", kpi="K06", version=1, definition=body, effective_from="2025-01-01"),
        decided(5, "target.set", kpi="K06", targets=[{"period": "2025", "value": 70}]),
        decided(6, "target.set", kpi="K06", targets=[{"period": "2025", "value": 0}]),
        decided(7, "definition.disputed", kpi="K06", by="sheriff", reason="Arrests are left out."),
    ]
    file = tmp_path / "plan.ndjson"
    file.write_bytes(b"\n".join(lines))
    assert run("record", str(file), "--home", home).status == 0
    told = run("explain", "K06", "--home", home, "--format", "json").json()
    assert [change["log_index"] for change in told["changes"]] == [4, 5, 6]
    assert told["changes"][2]["differences"] == [{"what": "target", "period": "2025", "old": 70, "new": 0}]
    assert [dispute["by"] for dispute in told["disputes"]] == ["sheriff"]
    table = " ".join(run("explain", "K06", "--home", home).out.split())
    assert "target.set (event 6, 2025-03-01T18:00:00Z, recorded" in table
    assert "target 2025 70 -> 0." in table
    assert "Disputed version 1 by sheriff (event 7" in table
    earlier = run("explain", "K06", "--home", home, "--format", "json", "--as-of", "5").json()
    assert [change["log_index"] for change in earlier["changes"]] == [4, 5]
    assert earlier["disputes"] == []


def test_as_of_takes_a_log_index_and_a_moment(run: Run, filled: str) -> None:
    def whole(as_of: str) -> Any:
        told = run(
            "kpi", "K06", "--period", "all", "--group", "all", "--as-of", as_of, "--home", filled, "--format", "json"
        )
        (cell,) = told.json()["cells"]
        return cell["numerator"], cell["denominator"]

    assert whole("2") == (2, 2)
    assert whole("2001-01-01T00:00:00Z")[1] == 0


@pytest.mark.parametrize(
    "line",
    [
        ("scorecard",),
        ("kpi", "K06"),
        ("explain", "K06"),
        ("rejections",),
        ("quarantine", "list"),
        ("quarantine", "replay"),
        ("verify",),
        ("rebuild",),
        ("doctor",),
    ],
)
def test_every_result_is_a_table_json_and_csv(run: Run, filled: str, line: tuple[str, ...]) -> None:
    for how in ("table", "json", "csv"):
        told = run(*line, "--home", filled, "--format", how)
        assert told.status == 0, (line, told.err)
        assert told.out.strip()
        if how == "json":
            told.json()
        if how == "csv":
            widths = {len(row) for row in csv.reader(io.StringIO(told.out))}
            assert len(widths) == 1, "every CSV line has as many fields as the header"


def test_schemas_are_listed_shown_and_exported(run: Run, tmp_path: Path) -> None:
    listed = run("schemas", "list", "--format", "json").json()["contracts"]
    shown = json.loads(run("schemas", "show", "call.received.v1").out)
    assert shown["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    run("schemas", "export", "out")
    names = {path.stem for path in (tmp_path / "out").iterdir()}
    assert names == {row["topic"] for row in listed} | {"kpi-definition"}


@pytest.mark.parametrize(
    ("line", "code", "status"),
    [
        (("scorecard", "--home", "nowhere"), "home_missing", EXIT_STATUS["unavailable"]),
        (("verify", "--home", "nowhere"), "home_missing", EXIT_STATUS["unavailable"]),
        (("record", "nothing.json"), "file_missing", EXIT_STATUS["rejected"]),
        (("record", "."), "file_unreadable", EXIT_STATUS["rejected"]),
        (("import", "nothing.csv", "--mapping", "lane-county"), "file_missing", EXIT_STATUS["rejected"]),
        (("import", "x.csv", "--mapping", "no-such"), "mapping_unknown", EXIT_STATUS["rejected"]),
        (("schemas", "show", "no.such"), "not_found", EXIT_STATUS["rejected"]),
        (("serve", "--host", "0.0.0.0"), "loopback_only", EXIT_STATUS["rejected"]),
        (("kpi", "K99", "--home", "HOME"), "kpi_unknown", EXIT_STATUS["rejected"]),
        (("kpi", "K06", "--period", "March", "--home", "HOME"), "period_invalid", EXIT_STATUS["rejected"]),
        (("kpi", "K06", "--version", "9", "--home", "HOME"), "kpi_unknown", EXIT_STATUS["rejected"]),
        (("explain", "K06", "--as-of", "soon", "--home", "HOME"), "as_of_invalid", EXIT_STATUS["rejected"]),
        (("explain", "K06", "--as-of", "99", "--home", "HOME"), "as_of_invalid", EXIT_STATUS["rejected"]),
        (("rejections", "--show", "5", "--home", "HOME"), "not_found", EXIT_STATUS["rejected"]),
        (("frobnicate",), "usage", 2),
        (("kpi",), "usage", 2),
        (("kpi", "K06", "--format", "xml"), "usage", 2),
        (("serve", "--port", "99999"), "usage", 2),
    ],
)
def test_every_error_has_one_shape_and_the_status_of_the_table(
    run: Run, filled: str, line: tuple[str, ...], code: str, status: int
) -> None:
    told = run(*(filled if word == "HOME" else word for word in line))
    assert (told.status, told.out) == (status, "")
    assert told.err.startswith(f"error {code}: ")
    assert "  hint: " in told.err


def test_a_wrong_settings_file_is_told_as_a_fault(run: Run, filled: str) -> None:
    (Path(filled) / "tallystick.toml").write_text("port = 'x'\n")
    told = run("scorecard", "--home", filled)
    assert told.status == EXIT_STATUS["rejected"]
    assert told.err.startswith("error settings_invalid: ")
    assert "  at /port" in told.err


def test_an_unexpected_failure_is_told_without_a_traceback_and_with_one_on_request(
    run: Run, filled: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ops.composition.House.scorecard", lambda *_: 1 / 0)
    told = run("scorecard", "--home", filled)
    assert told.status == 1
    assert told.err.startswith("error internal_error: ")
    monkeypatch.setenv("TALLYSTICK_LOG_LEVEL", "debug")
    main(["scorecard", "--home", filled])
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_beside_a_writer_commands_read_what_is_there_and_say_how_far_it_is(run: Run, filled: str, raw: Raw) -> None:
    with open_house(Path(filled)) as house:
        house.catch_up()
        house.record([raw("later")])
        told = run("kpi", "K06", "--period", "all", "--home", filled, "--format", "json")
        assert told.status == 0
        assert "The views hold 4 of 5 events; 1 are not counted yet." in told.err
        refused = run("record", "-", "--home", filled)
        assert (refused.status, "home_in_use" in refused.err) == (EXIT_STATUS["unavailable"], True)


def test_version_and_help_need_no_home(run: Run) -> None:
    assert run("--version").out.startswith("tallystick ")
    listed = run("--help").out
    verbs = ("demo", "serve", "record", "import", "scorecard", "kpi", "explain", "rejections", "quarantine")
    for verb in (*verbs, "rebuild", "verify", "doctor", "schemas"):
        assert verb in listed
        assert run(verb, "--help").status == 0


def test_the_home_comes_from_the_environment_where_no_option_names_it(
    run: Run, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYSTICK_HOME", filled)
    assert run("verify", "--format", "json").json()["events"] == 4
