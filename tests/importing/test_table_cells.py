"""A cell is the same text from a workbook as from a CSV export, and a file is refused before it can do harm."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import RejectedFault
from contracts.recorded import Outcome
from ops.importing import Mapping, run, table
from ops.importing.mapping import Layout


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("12697", 12697.0),
        ("2.5", 2.5),
        ("-3", -3.0),
        ("TRUE", True),
        ("", None),
        ("2025-03-09 02:30:00", dt.datetime.fromisoformat("2025-03-09 02:30:00")),
        ("2025-03-09 00:00:00", dt.date(2025, 3, 9)),
        # A spreadsheet holds a time as a fraction of a day, so a second may come back a microsecond short.
        ("2025-03-09 02:30:00", dt.datetime.fromisoformat("2025-03-09 02:29:59.999999")),
        ("2025-03-09 02:30:00.250000", dt.datetime.fromisoformat("2025-03-09 02:30:00.250001")),
        ("10:15:00", dt.time(10, 15)),
    ],
)
def test_a_workbook_cell_is_spelled_as_its_csv_export_spells_it(text: str, cell: Any) -> None:
    assert table.spelled(cell) == text


def test_without_the_one_spelling_the_two_formats_differ(
    save, dispatches, heading, plain_row, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The negative control of "CSV and XLSX give the same bytes": the comparison notices a spelling that is not shared.
    def bodies(name: str) -> list[bytes]:
        sent: list[bytes] = []

        def record(batch: list[bytes]) -> list[Outcome]:
            sent.extend(batch)
            return [Outcome("recorded")] * len(batch)

        run(save(name, [heading, plain_row]), Mapping.model_validate(dispatches), record)
        return sent

    assert bodies("a.csv") == bodies("a.xlsx")
    monkeypatch.setattr(table, "spelled", str)
    dispatches["events"][2]["data"].pop("minutes_on_scene")
    assert bodies("a.csv") != bodies("a.xlsx")


def test_a_workbook_that_unpacks_to_too_much_is_refused_unopened(
    save, heading, plain_row, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save("a.xlsx", [heading, plain_row])
    assert table.read_table(path, Layout()).headings == heading
    monkeypatch.setattr(table, "MAX_UNPACKED_BYTES", 1_000)
    with pytest.raises(RejectedFault) as refused:
        table.read_table(path, Layout())
    assert "1000 are allowed" in refused.value.problem.detail


@pytest.mark.parametrize(("sheet", "found"), [(0, True), ("Export", True), (1, False), ("Other", False)])
def test_the_sheet_is_found_by_place_or_name(save, heading, plain_row, sheet: int | str, found: bool) -> None:
    path = save("a.xlsx", [heading, plain_row])
    if found:
        assert len(list(table.read_table(path, Layout(sheet=sheet)).rows)) == 1
    else:
        with pytest.raises(RejectedFault) as refused:
            table.read_table(path, Layout(sheet=sheet))
        assert refused.value.problem.code == "file_unreadable"


def test_another_delimiter_and_encoding_are_read_as_the_mapping_says(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("Straße;Ort\r\nAm Löhr;Jülich\r\n".encode("latin-1"))
    read = table.read_table(path, Layout(delimiter=";", encoding="latin-1"))
    assert read.headings == ("Straße", "Ort")
    assert [row.cells for row in read.rows] == [("Am Löhr", "Jülich")]
    with pytest.raises(RejectedFault, match="not utf-8-sig text"):
        table.read_table(path, Layout())
    with pytest.raises(RejectedFault) as refused:
        table.read_table(path, Layout(encoding="klingon"))
    assert "klingon" in refused.value.problem.detail


def test_a_byte_order_mark_is_no_part_of_the_first_heading(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfID,Asked\r\n1,2\r\n")
    assert table.read_table(path, Layout()).headings == ("ID", "Asked")
