"""Importing: every row ends as events or as one kept rejection, and the same row is always the same events."""

from __future__ import annotations

import datetime as dt
from base64 import b64decode
from pathlib import Path
from typing import Any

import orjson
import pytest

from contracts.faults import RejectedFault
from contracts.recorded import Outcome
from ops.importing import Mapping, run


def mapping(data: dict[str, Any]) -> Mapping:
    return Mapping.model_validate(data)


def test_a_row_becomes_the_events_its_columns_hold(save, intake, dispatches, heading, plain_row) -> None:
    report = run(save("a.csv", [heading, plain_row]), mapping(dispatches), intake.record)
    assert {"recorded": 3, "duplicate": 0, "conflict": 0, "rejected": 0, "rows": 1}.items() <= report.as_dict().items()
    assert [orjson.loads(body) for body in intake.bodies[:1]] == [
        {
            "agency": "riverbend-mcs",
            "data": {"call": "101", "local_needs": ["Voices"], "needs": ["psychosis"]},
            "id": "101:call.received",
            "source": "urn:riverbend:dispatches",
            "specversion": "1.0",
            "subject": "call/101",
            "time": "2025-03-01T10:00:00-08:00",
            "type": "org.tallystick.call.received.v1",
        }
    ]
    assert orjson.loads(intake.bodies[2])["data"] == {
        "call": "101",
        "disposition": "remained_in_community",
        "local_disposition": "Home",
        "minutes_on_scene": 30,
    }


def test_csv_and_xlsx_of_the_same_data_give_the_same_bytes(save, dispatches, heading, plain_row) -> None:
    rows = [
        heading,
        plain_row,
        [
            102.0,
            dt.datetime.fromisoformat("2025-03-02"),
            "",
            dt.datetime.fromisoformat("2025-03-02 01:02:03"),
            " Drink",
            "Voices ",
            "Moved in with aunt",
            2.5,
        ],
        ["A-103", "2025-07-01 09:00", dt.date(2025, 7, 1), "", "", "", "home", ""],
    ]
    rows[2][7] = 2.0
    sent: dict[str, list[bytes]] = {"a.csv": [], "a.xlsx": []}
    for name, bodies in sent.items():

        def record(batch: list[bytes], into: list[bytes] = bodies) -> list[Outcome]:
            into.extend(batch)
            return [Outcome("recorded")] * len(batch)

        report = run(save(name, rows), mapping(dispatches), record)
        assert report.rows == 3
    assert len(sent["a.csv"]) == 3 + 2 + 3
    assert sent["a.csv"] == sent["a.xlsx"]


def test_a_second_import_records_nothing(save, intake, dispatches, heading, plain_row) -> None:
    rows = [heading, plain_row, [102, "", "", "", "", "", "ED", ""]]
    assert run(save("a.csv", rows), mapping(dispatches), intake.record).recorded == 5
    again = run(save("a.xlsx", rows), mapping(dispatches), intake.record)
    assert (again.recorded, again.duplicate, again.conflict, again.rejected) == (0, 5, 0, 0)


def test_a_changed_row_is_a_conflict_and_never_replaces_what_was_said(
    save, intake, dispatches, heading, plain_row
) -> None:
    run(save("a.csv", [heading, plain_row]), mapping(dispatches), intake.record)
    changed = [*plain_row[:6], "ED", plain_row[7]]
    report = run(save("b.csv", [heading, changed]), mapping(dispatches), intake.record)
    assert (report.recorded, report.duplicate, report.conflict, report.rejected) == (0, 2, 1, 0)
    assert [(r.row, r.status, r.code) for r in report.refusals] == [(2, "conflict", "identity_conflict")]


def test_an_unknown_moment_is_said_to_be_unknown(save, intake, dispatches, heading) -> None:
    run(save("a.csv", [heading, [7, "", "", "", "", "", "ED", ""]]), mapping(dispatches), intake.record)
    events = [orjson.loads(body) for body in intake.bodies]
    assert [(event["type"], event["timeunknown"]) for event in events] == [
        ("org.tallystick.call.received.v1", True),
        ("org.tallystick.encounter.closed.v1", True),
    ]
    assert not any("time" in event for event in events)


@pytest.mark.parametrize(
    ("cells", "code", "said"),
    [
        (["", "2025-03-01 10:00", "", "", "", "", "Home", ""], "data_invalid", "ID is blank"),
        ([8, "last Tuesday", "", "", "", "", "Home", ""], "data_invalid", "'last Tuesday' is not a local time"),
        ([8, "", "", "", "", "", "", ""], "data_invalid", "End is blank"),
        ([8, "", "", "", "", "", "Home", "a few"], "data_invalid", "'a few' is not an integer"),
        ([8, "", "", "", "Ghosts", "", "Home", ""], "value_unmapped", "no standard code is listed for 'Ghosts'"),
        ([8, "", "", "", "", "", "Home", "", "too", "many"], "data_invalid", "10 cells"),
    ],
)
def test_a_row_that_cannot_be_mapped_is_kept_as_a_rejection(
    save, intake, dispatches, heading, plain_row, cells, code, said
) -> None:
    path = save("a.csv", [heading, plain_row, cells, [9, "", "", "", "", "", "ED", ""]])
    report = run(path, mapping(dispatches), intake.record, reject=intake.reject)
    assert (report.recorded, report.rejected, report.unmapped_rows, report.rows) == (5, 1, 1, 3)
    (kept,) = intake.ledger.rejections(10)
    assert (code, "/rows/3") == (kept.problem.code, kept.problem.pointer)
    assert said in kept.problem.detail
    assert b'"row":3' in kept.raw


def test_without_a_way_to_reject_the_row_still_ends_as_a_rejection(save, intake, dispatches, heading) -> None:
    report = run(save("a.csv", [heading, ["", "", "", "", "", "", "Home", ""]]), mapping(dispatches), intake.record)
    assert (report.recorded, report.rejected) == (0, 1)
    assert len(intake.ledger.rejections(10)) == 1


def test_a_line_that_is_no_csv_or_no_text_spoils_one_row_only(tmp_path: Path, intake, dispatches, heading) -> None:
    lines = [",".join(heading).encode(), b'7,,,,,,"Ho"me,', b"8,,,,,,Home,", b"9,,,,\xff\xfe,,Home,", b"10,,,,,,ED,"]
    path = tmp_path / "bad.csv"
    path.write_bytes(b"\r\n".join(lines))
    report = run(path, mapping(dispatches), intake.record, reject=intake.reject)
    assert (report.rows, report.recorded, report.rejected) == (4, 4, 2)
    assert [refusal.pointer for refusal in report.refusals] == ["/rows/2", "/rows/4"]


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_blank_rows_are_passed_over_and_rows_keep_their_numbers(
    save, intake, dispatches, heading, plain_row, name
) -> None:
    path = save(name, [[], [], heading, [], plain_row, [" ", ""], ["", *plain_row[1:]]])
    report = run(path, mapping(dispatches), intake.record, reject=intake.reject)
    assert (report.rows, report.recorded, report.rejected) == (2, 3, 1)
    assert [refusal.pointer for refusal in report.refusals] == ["/rows/7"]


def test_an_event_that_breaks_its_contract_is_refused_alone_with_its_field(
    save, intake, dispatches, heading, plain_row
) -> None:
    report = run(save("a.csv", [heading, [*plain_row[:7], -5]]), mapping(dispatches), intake.record)
    assert (report.recorded, report.rejected, report.unmapped_rows) == (2, 1, 0)
    (refusal,) = report.refusals
    assert (refusal.row, refusal.code, refusal.pointer) == (2, "data_invalid", "/data/minutes_on_scene")


def test_one_bad_row_in_a_thousand_leaves_the_others(save, intake, dispatches, heading) -> None:
    rows: list[list[Any]] = [[number, "", "", "", "", "", "ED", ""] for number in range(1000)]
    rows[500][0] = ""
    report = run(save("k.csv", [heading, *rows]), mapping(dispatches), intake.record, reject=intake.reject)
    assert (report.rows, report.recorded, report.rejected) == (1000, 2 * 999, 1)
    assert report.submitted == report.recorded + report.duplicate + report.conflict + report.rejected


def test_a_dry_run_records_nothing_and_tells_what_would_happen(save, intake, dispatches, heading, plain_row) -> None:
    changed = [*plain_row[:6], "ED", plain_row[7]]
    rows = [heading, plain_row, plain_row, changed, ["", *plain_row[1:]]]
    report = run(save("a.csv", rows), mapping(dispatches), intake.record, True)
    assert (report.recorded, report.duplicate, report.conflict, report.rejected) == (3, 5, 1, 1)
    assert intake.ledger.head().log_index == 0
    assert intake.bodies == []


def test_rows_go_in_batches_and_progress_is_told(save, intake, dispatches, heading) -> None:
    batches: list[int] = []
    seen: list[tuple[int, int]] = []

    def record(bodies: list[bytes]) -> list[Outcome]:
        batches.append(len(bodies))
        return intake.record(bodies)

    rows = [[number, "", "", "", "", "", "ED", ""] for number in range(25)]
    run(
        save("a.csv", [heading, *rows]),
        mapping(dispatches),
        record,
        progress=lambda *at: seen.append(at),
        batch_events=20,
    )
    assert batches == [20, 20, 10]
    assert seen[-1] == (25, 25)
    assert sorted(seen) == seen


@pytest.mark.parametrize(
    ("name", "content", "code", "said"),
    [
        ("gone.csv", None, "file_missing", "gone.csv"),
        ("empty.csv", b"", "file_unreadable", "no heading"),
        ("a.pdf", b"%PDF", "file_unreadable", "neither"),
        ("a.xlsx", b"not a workbook", "file_unreadable", "workbook"),
        ("few.csv", b"ID,Asked\r\n1,2\r\n", "column_missing", "'There'"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_reason(
    tmp_path: Path, intake, dispatches, name, content, code, said
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RejectedFault) as refused:
        run(path, mapping(dispatches), intake.record)
    assert code == refused.value.problem.code
    assert said in refused.value.problem.detail


def test_columns_that_are_left_aside_are_named(save, intake, dispatches, heading, plain_row) -> None:
    path = save("a.csv", [(*heading, "Officer", "Notes"), [*plain_row, "7", "x"]])
    assert run(path, mapping(dispatches), intake.record).unused_columns == ["Officer", "Notes"]
    dispatches["ignored"] = ["Notes"]
    assert run(path, mapping(dispatches), intake.record).unused_columns == ["Officer"]


def test_a_cell_is_never_taken_for_a_template(save, intake, dispatches, heading, plain_row) -> None:
    dispatches["codes"]["end"]["map"]["{id}"] = "respite"
    run(save("a.csv", [heading, [*plain_row[:6], "{id}", 30]]), mapping(dispatches), intake.record)
    assert orjson.loads(intake.bodies[2])["data"]["local_disposition"] == "{id}"


HEAD = b"ID,Asked,There,Left,Need 1,Need 2,End,Minutes\r\n"
GOOD = b"%d,2025-03-01 10:00,2025-03-01 10:30,2025-03-01 11:00,Voices,,Home,30\r\n"


def test_a_row_that_fills_no_event_is_kept_as_a_rejection(save, intake, dispatches, heading, plain_row) -> None:
    dispatches["events"][0]["when"] = ["asked"]  # every event of the mapping now waits for a cell
    dispatches["events"][-1]["when"] = ["left"]
    assert all(event.when or event.time for event in mapping(dispatches).events)
    path = save("a.csv", [heading, plain_row, [8, "", "", "", "", "", "Home", ""]])
    report = run(path, mapping(dispatches), intake.record, reject=intake.reject)
    assert (report.rows, report.rejected, report.unmapped_rows) == (2, 1, 1)
    (kept,) = intake.ledger.rejections(10)
    assert (kept.problem.code, kept.problem.pointer) == ("data_invalid", "/rows/3")
    assert "no event of the mapping is filled by this row" in kept.problem.detail


def test_a_file_that_ends_in_an_open_quote_is_recorded_up_to_there_and_says_so(
    tmp_path: Path, intake, dispatches
) -> None:
    path = tmp_path / "open.csv"
    path.write_bytes(HEAD + GOOD % 101 + b'1,"2,,,,,,\r\n3,,,,,,,')
    report = run(path, mapping(dispatches), intake.record, reject=intake.reject)
    assert (report.recorded, report.rows) == (3, 1)
    assert report.stopped is not None
    assert (report.stopped.code, "record 3" in report.stopped.detail) == ("file_unreadable", True)
    whole = tmp_path / "whole.csv"
    whole.write_bytes(HEAD + GOOD % 101)
    assert run(whole, mapping(dispatches), intake.record).stopped is None


def test_one_cell_that_is_too_long_costs_one_row(tmp_path: Path, intake, dispatches) -> None:
    path = tmp_path / "long.csv"
    long = b"8,,,,,," + b"x" * 200_000 + b",\r\n"
    path.write_bytes(HEAD + GOOD % 101 + long + GOOD % 9)
    report = run(path, mapping(dispatches), intake.record, reject=intake.reject)
    assert (report.recorded, report.rejected, report.rows, report.stopped) == (6, 1, 3, None)
    (kept,) = intake.ledger.rejections(10)
    assert (kept.problem.pointer, orjson.loads(kept.raw)["bytes"]) == ("/rows/3", len(long))


def test_a_record_that_cannot_be_read_is_kept_with_its_own_bytes(tmp_path: Path, intake, dispatches) -> None:
    bad = {"a.csv": b'8,"x"y,,,,,,\r\n', "b.csv": b'9,"x"y,,,,,,\r\n', "c.csv": b"10,,,,\xff,,Home,\r\n"}
    for name, record in bad.items():
        path = tmp_path / name
        path.write_bytes(b"\xef\xbb\xbf" + HEAD + record + GOOD % 101)
        for _again in range(2):
            report = run(path, mapping(dispatches), intake.record, reject=intake.reject)
            assert (report.rejected, report.recorded + report.duplicate) == (1, 3)
    kept = intake.ledger.rejections(10)
    told = {one["file"]: b64decode(one["base64"]) for one in (orjson.loads(rejection.raw) for rejection in kept)}
    assert told == bad
    assert [rejection.problem.pointer for rejection in kept] == ["/rows/2"] * 3
