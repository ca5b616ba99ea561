"""Importing: an agency's CSV or XLSX export, turned into events by a declarative mapping.

It is the way in for an agency whose system cannot send events; it says what it did with every row.
"""

from ops.importing.importer import Record, Reject, run
from ops.importing.mapping import Mapping, load_mapping, shipped
from ops.importing.report import ImportReport, Refusal

__all__ = ["ImportReport", "Mapping", "Record", "Refusal", "Reject", "load_mapping", "run", "shipped"]
