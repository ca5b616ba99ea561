"""How importing refuses: a mapping or a file as a whole, or one row.

The codes are those of the one fault table; what is added here is the row number as pointer and a hint for whoever
holds the spreadsheet.
"""

from __future__ import annotations

from contracts.faults import Fault, Problem, fault, problem

ROW_HINT = "Correct the row in the agency's system or extend the mapping, then import the file again."


def refuse(code: str, detail: str, pointer: str = "") -> Fault:
    """The fault to raise where the mapping or the file cannot be used at all."""
    return fault(code, detail, pointer)


def refused_row(number: int, reasons: list[str], *, unlisted_code: bool) -> Problem:
    """The problem kept with a row that could not be mapped; its pointer is ``/rows/<record number in the file>``."""
    code = "value_unmapped" if unlisted_code else "data_invalid"
    return problem(code, f"row {number}: {'; '.join(reasons)}", f"/rows/{number}", hint=ROW_HINT, reasons=reasons)
