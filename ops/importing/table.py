"""Tables as agencies export them, CSV and XLSX, read as rows of text.

Both formats come out the same, cell for cell, so that a file saved either way gives the same events: a spreadsheet's
12697.0 is ``12697``, its date cells are ``2025-03-09 02:30:00`` (a date alone ends in ``00:00:00``), its truth values
are ``TRUE`` and ``FALSE``, and spaces around any cell are not part of its value (spaces inside it are).
"""

from __future__ import annotations

import csv
import datetime as dt
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.importing.mapping import Layout
from ops.importing.refusal import refuse

MAX_UNPACKED_BYTES = 512 * 1024 * 1024
"""A workbook that unpacks to more than this is refused before it is opened (a small file can unpack to anything)."""
_MILLISECOND_US = 1000


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: ``number`` counts the file's records from 1, the heading being one; ``trimmed`` is whether a cell had
    spaces around its text; ``spoiled`` says why the record cannot be read, "" where it can, and ``raw`` then holds
    its bytes as they stand in the file.
    """

    number: int
    cells: tuple[str, ...]
    trimmed: bool
    spoiled: str = ""
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Table:
    """A file opened: its headings, its rows as a stream, and about how many there are (for progress only)."""

    headings: tuple[str, ...]
    rows: Iterator[TableRow]
    about: int


def read_table(path: Path, layout: Layout) -> Table:
    """Open a CSV or XLSX file; rows in which every cell is blank are passed over.

    Raises RejectedFault ``file_missing``, or ``file_unreadable`` where it is not what its name says, has no heading,
    or (while the rows are read) stops being readable.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise refuse("file_missing", f"there is no file {path}")
    records: Iterable[Iterable[Any] | _Spoiled]
    if suffix in (".xlsx", ".xlsm", ".xls", ".ods"):
        records, about = _workbook(path, layout)
    elif suffix in (".csv", ".tsv", ".txt"):
        records, about = _separated(path, layout, "\t" if suffix == ".tsv" else layout.delimiter)
    else:
        raise refuse("file_unreadable", f"{path.name} is neither .csv, .tsv nor .xlsx")
    rows = _rows(records)
    heading = next(rows, None)
    if heading is None:
        raise refuse("file_unreadable", f"{path.name} has no heading row")
    if heading.spoiled:
        raise refuse("file_unreadable", f"the heading row of {path.name} cannot be read: {heading.spoiled}")
    return Table(headings=heading.cells, rows=rows, about=max(0, about - heading.number))


@dataclass(frozen=True, slots=True)
class _Spoiled:
    """A record that cannot be read while those after it can."""

    raw: bytes
    reason: str


def _rows(records: Iterable[Iterable[Any] | _Spoiled]) -> Iterator[TableRow]:
    for number, record in enumerate(records, start=1):
        if isinstance(record, _Spoiled):
            yield TableRow(number, (), trimmed=False, spoiled=record.reason, raw=record.raw)
            continue
        raw = [cell if type(cell) is str else spelled(cell) for cell in record]
        cells = tuple([cell.strip() for cell in raw])
        if any(cells):
            yield TableRow(number, cells, trimmed=any(map(str.__ne__, raw, cells)))


def spelled(cell: Any) -> str:
    """A spreadsheet cell as the text that the same cell has in a CSV export (times to the millisecond, because a
    spreadsheet keeps them as fractions of a day).
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, dt.datetime):
        rounded = round(cell.microsecond / _MILLISECOND_US) * _MILLISECOND_US
        exact = cell.replace(microsecond=0) + dt.timedelta(microseconds=rounded)
        return exact.isoformat(sep=" ")
    if isinstance(cell, dt.date):
        return f"{cell.isoformat()} 00:00:00"
    if isinstance(cell, (dt.time, int)):
        return str(cell)
    return str(cell)


def _separated(path: Path, layout: Layout, delimiter: str) -> tuple[Iterator[list[str] | _Spoiled], int]:
    with path.open("rb") as file:
        about = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))

    try:
        "".encode(layout.encoding)
    except LookupError as error:
        raise refuse("file_unreadable", f"no text encoding is called {layout.encoding!r}") from error

    def records() -> Iterator[list[str] | _Spoiled]:
        # Bytes that are no text in this encoding come through as lone surrogates, so that they spoil one
        # record only.
        with path.open(encoding=layout.encoding, errors="surrogateescape", newline="") as file:
            lines = _Lines(file)
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            number = 0
            while True:
                number += 1
                lines.taken.clear()
                try:
                    record = next(reader)
                except StopIteration:
                    return
                except UnicodeError as error:
                    detail = f"{path.name}, record {number}: not {layout.encoding} text ({error})"
                    raise refuse("file_unreadable", detail) from error
                except csv.Error as error:
                    if _swallows_the_rest(str(error), len(lines.taken)):
                        raise refuse(
                            "file_unreadable", f"{path.name}, record {number}: {error}; is a quote left open?"
                        ) from error
                    yield _Spoiled(_as_in_the_file(lines.taken, layout.encoding), str(error))
                    continue
                if any(not cell.isascii() and _has_surrogate(cell) for cell in record):
                    yield _Spoiled(_as_in_the_file(lines.taken, layout.encoding), f"not {layout.encoding} text")
                else:
                    yield record

    return records(), about


class _Lines:
    """The lines of a file, of which it remembers those that the record being read has taken."""

    def __init__(self, file: Iterable[str]) -> None:
        self._file = iter(file)
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self.taken.append(line)
        return line


def _as_in_the_file(lines: list[str], encoding: str) -> bytes:
    text = "".join(lines)
    try:
        # The mark at the beginning of a file is no part of a record.
        return text.encode(encoding.lower().removesuffix("-sig").removesuffix("_sig"), "surrogateescape")
    except UnicodeError:
        return text.encode("utf-8", "surrogateescape")


def _swallows_the_rest(message: str, lines: int) -> bool:
    """Whether a csv error means that an open quote ran on over later records, which must not pass for one bad row; a
    cell that is too long for the reader within its own line is one bad row.
    """
    return "unexpected end of data" in message or ("field larger" in message and lines > 1)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _workbook(path: Path, layout: Layout) -> tuple[Iterator[list[Any]], int]:
    from python_calamine import (  # a compiled reader; a CSV import never loads it
        CalamineError,
        CalamineWorkbook,
    )

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                unpacked = sum(item.file_size for item in packed.infolist())
            if unpacked > MAX_UNPACKED_BYTES:
                raise refuse(
                    "file_unreadable",
                    f"{path.name} unpacks to {unpacked} bytes; {MAX_UNPACKED_BYTES} are allowed",
                )
        book = CalamineWorkbook.from_path(path)
        if isinstance(layout.sheet, int):
            sheet = book.get_sheet_by_index(layout.sheet)
        else:
            sheet = book.get_sheet_by_name(layout.sheet)
    except (CalamineError, zipfile.BadZipFile, OSError, IndexError) as error:
        raise refuse("file_unreadable", f"{path.name} cannot be read as a workbook: {error}") from error
    return sheet.iter_rows(), sheet.height
