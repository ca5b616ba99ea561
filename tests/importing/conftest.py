"""Tables to import, written by hand so that the engine is tested without anybody's data."""

from __future__ import annotations

import csv
import datetime as dt
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from contracts.intake import validate
from contracts.recorded import Outcome, Rejected
from domain.ledger import Ledger
from tests.shared_data import published

Rows = Sequence[Sequence[Any]]

_CONTENT_TYPES = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>
<Override PartName="/xl/styles.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>
</Types>"""
_RELS = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
 Target="xl/workbook.xml"/>
</Relationships>"""
_WORKBOOK = """<?xml version="1.0" encoding="UTF-8"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">
<sheets><sheet name="Export" sheetId="1" r:id="rId1"/></sheets></workbook>"""
_WORKBOOK_RELS = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
 Target="worksheets/sheet1.xml"/>
<Relationship Id="rId2"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>
</Relationships>"""
_STYLES = """<?xml version="1.0" encoding="UTF-8"?> <styleSheet
xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"> <fonts count="1"><font/></fonts><fills
count="1"><fill/></fills><borders count="1"><border/></borders> <cellStyleXfs count="1"><xf/></cellStyleXfs>
<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/><xf numFmtId="14"
applyNumberFormat="1"/> </cellXfs></styleSheet>"""


def _cell(reference: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f'<c r="{reference}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, dt.datetime):
        serial = (value - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1)  # noqa: DTZ001 - as Excel counts
        return f'<c r="{reference}" s="1"><v>{serial!r}</v></c>'
    if isinstance(value, dt.date):
        return f'<c r="{reference}" s="2"><v>{(value - dt.date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{reference}"><v>{value!r}</v></c>'
    return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def write_xlsx(path: Path, rows: Rows) -> Path:
    """A workbook of one sheet; datetimes become date cells, numbers numbers, text text."""
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = "".join(_cell(f"{chr(65 + place)}{number}", value) for place, value in enumerate(row))
        lines.append(f'<row r="{number}">{cells}</row>')
    sheet = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{''.join(lines)}</sheetData></worksheet>"
    )
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("[Content_Types].xml", _CONTENT_TYPES)
        packed.writestr("_rels/.rels", _RELS)
        packed.writestr("xl/workbook.xml", _WORKBOOK)
        packed.writestr("xl/_rels/workbook.xml.rels", _WORKBOOK_RELS)
        packed.writestr("xl/styles.xml", _STYLES)
        packed.writestr("xl/worksheets/sheet1.xml", sheet)
    return path


def write_csv(path: Path, rows: Rows) -> Path:
    """The CSV export of the same rows: whole numbers without a point, dates as a spreadsheet program spells them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[_spelled(value) for value in row] for row in rows])
    return path


def _spelled(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return f"{value.isoformat()} 00:00:00"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, Rows], Path]:
    """Writes rows under a name; the suffix says in which format."""

    def write(name: str, rows: Rows) -> Path:
        return (write_xlsx if name.endswith(".xlsx") else write_csv)(tmp_path / name, rows)

    return write


class Intake:
    """A real ledger behind the two ways in that an import uses; ``bodies`` keeps what was handed to ``record``."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.bodies: list[bytes] = []

    def record(self, bodies: list[bytes]) -> list[Outcome]:
        self.bodies.extend(bodies)
        return self.ledger.record([validate(body) for body in bodies])

    def reject(self, refused: list[Rejected]) -> list[Outcome]:
        return self.ledger.record(refused)


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    """An empty ledger; its clock stands at the start of 2026."""
    ledger = Ledger.open(tmp_path / "home", clock=lambda: 1_767_225_600_000_000)
    yield Intake(ledger)
    ledger.close()


@pytest.fixture(scope="session")
def lane_county() -> Path:
    """The folder with the Lane County data; skips where it is not there."""
    return published("lane_county")


DISPATCHES = {
    "name": "dispatches",
    "agency": "riverbend-mcs",
    "source": "urn:riverbend:dispatches",
    "zone": "America/Los_Angeles",
    "row": "{id}",
    "times": {"ambiguous": "earlier"},
    "columns": {
        "id": "ID",
        "asked": "Asked",
        "there": "There",
        "left": "Left",
        "need_1": "Need 1",
        "need_2": "Need 2",
        "end": "End",
        "minutes": "Minutes",
    },
    "codes": {
        "end": {
            "map": {"Home": "remained_in_community", "ED": "emergency_department"},
            "variants": {"home": "Home"},
            "fallback": "other",
            "unmapped_rule": "end_unmapped",
        },
        "need": {"map": {"Voices": "psychosis", "Drink": "substance_use"}},
    },
    "events": [
        {
            "type": "call.received",
            "id": "{id}:call.received",
            "subject": "call/{id}",
            "time": "asked",
            "time_may_be_missing": True,
            "data": {
                "call": "{id}",
                "needs": {"columns": ["need_1", "need_2"], "codes": "need", "distinct": True},
                "local_needs": {"columns": ["need_1", "need_2"]},
            },
        },
        {
            "type": "response.arrived",
            "id": "{id}:response.arrived",
            "subject": "call/{id}",
            "time": "there",
            "data": {"call": "{id}", "team": {"value": "civilian"}},
        },
        {
            "type": "encounter.closed",
            "id": "{id}:encounter.closed",
            "subject": "call/{id}",
            "time": "left",
            "time_may_be_missing": True,
            "data": {
                "call": "{id}",
                "disposition": {"column": "end", "codes": "end", "required": True},
                "local_disposition": {"column": "end"},
                "minutes_on_scene": {"column": "minutes", "kind": "integer"},
            },
        },
    ],
    "rules": [
        {"name": "arrival_before_request", "kind": "before", "column": "there", "than": "asked"},
        {"name": "no_times_at_all", "kind": "missing", "columns": ["asked", "there", "left"]},
        {"name": "departure_without_arrival", "kind": "without", "column": "left", "lacks": "there"},
        {"name": "minutes_disagree", "kind": "minutes", "minutes": "minutes", "since": "there", "until": "left"},
        {
            "name": "minutes_blank",
            "kind": "minutes_blank",
            "pairs": [{"minutes": "minutes", "since": "there", "until": "left"}],
        },
        {"name": "stayed_over_a_day", "kind": "longer", "since": "there", "until": "left", "minutes": 1440},
        {"name": "need_repeated", "kind": "repeated", "columns": ["need_1", "need_2"]},
        {"name": "time_at_midnight", "kind": "midnight", "columns": ["asked", "there", "left"]},
        {"name": "local_time_ambiguous", "kind": "clock_change", "which": "ambiguous"},
        {"name": "local_time_nonexistent", "kind": "clock_change", "which": "nonexistent"},
        {"name": "surrounding_spaces", "kind": "spaces"},
    ],
}
"""A small mapping that uses everything the engine has."""

HEADING = ("ID", "Asked", "There", "Left", "Need 1", "Need 2", "End", "Minutes")


def at(text: str) -> dt.datetime:
    """A local time as a spreadsheet holds it."""
    return dt.datetime.fromisoformat(text)


@pytest.fixture
def dispatches() -> dict[str, Any]:
    """The small mapping as data, free to be changed."""
    import copy

    return copy.deepcopy(DISPATCHES)


@pytest.fixture
def heading() -> tuple[str, ...]:
    return HEADING


@pytest.fixture
def plain_row() -> list[Any]:
    """A row with nothing wrong with it."""
    return [
        101.0,
        at("2025-03-01 10:00:00"),
        at("2025-03-01 10:30:00"),
        at("2025-03-01 11:00:00"),
        "Voices",
        "",
        "Home",
        30.0,
    ]
