"""A mapping file is checked whole before the first row is read, and says where it is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import RejectedFault
from ops.importing import load_mapping, run, shipped

Change = Callable[[dict[str, Any]], object]


def test_the_shipped_mappings_load() -> None:
    assert shipped() == ["lane-county", "referral-outcomes"]
    assert shipped() == [load_mapping(name).name for name in shipped()]


def test_a_mapping_is_also_read_by_path_as_json_or_toml(tmp_path: Path, dispatches) -> None:
    as_json = tmp_path / "mine.json"
    as_json.write_text(json.dumps(dispatches), encoding="utf-8")
    as_toml = tmp_path / "mine.toml"
    as_toml.write_text(_toml(dispatches), encoding="utf-8")
    assert load_mapping(as_json) == load_mapping(str(as_toml))


WRONG: list[tuple[str, Change]] = [
    ("no event type is called 'call.recieved'", lambda m: m["events"][0].update(type="call.recieved")),
    ("call.received has no field nedds", lambda m: m["events"][0]["data"].update(nedds="{id}")),
    ("no column has the alias askd", lambda m: m["events"][0].update(time="askd")),
    ("no column has the alias number", lambda m: m.update(row="{number}")),
    ("code table 'ends'", lambda m: m["events"][2]["data"]["disposition"].update(codes="ends")),
    ("no time zone is called 'Oregon'", lambda m: m.update(zone="Oregon")),
    ("exactly one of value, column, columns", lambda m: m["events"][1]["data"].update(team={})),
    ("which the table does not list", lambda m: m["codes"]["end"]["variants"].update(hme="Hme")),
    ("both as a code and as a variant", lambda m: m["codes"]["end"]["variants"].update(ED="Home")),
    ("Extra inputs are not permitted", lambda m: m.update(colums={})),
    ("kind", lambda m: m["rules"][0].update(kind="afterwards")),
    ("two aliases name the same heading", lambda m: m["columns"].update(again="ID")),
]


@pytest.mark.parametrize(("said", "change"), WRONG, ids=[said for said, _ in WRONG])
def test_a_wrong_mapping_is_refused_with_the_place_and_the_reason(tmp_path: Path, dispatches, said, change) -> None:
    change(dispatches)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(dispatches), encoding="utf-8")
    with pytest.raises(RejectedFault) as refused:
        load_mapping(path)
    assert refused.value.problem.code == "mapping_invalid"
    assert said in refused.value.problem.detail
    assert "mine.json" in refused.value.problem.detail


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("lane-contry", None, "mapping_unknown"),
        ("gone.toml", None, "file_missing"),
        ("broken.toml", "name = ", "mapping_invalid"),
        ("broken.json", "{", "mapping_invalid"),
    ],
)
def test_a_mapping_that_cannot_be_read_is_refused(tmp_path: Path, name, text, code) -> None:
    target = str(tmp_path / name) if "." in name else name
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(RejectedFault) as refused:
        load_mapping(target)
    assert code == refused.value.problem.code


def test_three_columns_are_enough_for_a_small_nonprofit(save, intake) -> None:
    rows = [
        ("referral", "outcome", "date"),
        ("R-1", "got_help", "2025-03-14"),
        ("R-2", "Partly", "03/15/2025"),
        ("R-3", "not", ""),
        ("R-4", "got help", "2025-03-14"),
    ]
    report = run(save("outcomes.csv", rows), "referral-outcomes", intake.record, reject=intake.reject)
    assert (report.recorded, report.rejected, report.rows) == (3, 1, 4)
    assert {"spelling_variant": 1, "date_missing": 1}.items() <= report.flags.items()
    events = intake.ledger.reader().after(0, 10)
    assert [(event.data["outcome"], event.data["referral"]) for event in events] == [
        ("got_help", "R-1"),
        ("partly", "R-2"),
        ("not", "R-3"),
    ]
    assert [refusal.row - 1 for refusal in report.refusals] == [4]


def _toml(value: Any) -> str:
    """Just enough TOML to write a mapping: every table inline."""

    def inline(item: Any) -> str:
        if isinstance(item, dict):
            return "{" + ", ".join(f"{json.dumps(key)} = {inline(sub)}" for key, sub in item.items()) + "}"
        if isinstance(item, list):
            return "[" + ", ".join(map(inline, item)) + "]"
        return json.dumps(item)

    return "".join(f"{key} = {inline(item)}\n" for key, item in value.items())
