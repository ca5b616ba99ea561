"""The mapping file: how the columns of one agency's table become events.

It is data rather than code so that a data steward can read it, argue about it and keep it beside the export; every
name in it is checked when it is loaded, before the first row is read.
"""

from __future__ import annotations

import json
import re
import tomllib
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from contracts.catalogue import CATALOGUE, Entry
from ops.importing.refusal import refuse
from ops.importing.rules import Rule

_PLACE = re.compile(r"\{([^{}]*)\}")
_STRICT = ConfigDict(extra="forbid", frozen=True)

Alias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]


def places(template: str) -> list[str]:
    """The column aliases a template such as ``{id}:call.received`` takes its text from, in order."""
    return _PLACE.findall(template)


class Codes(BaseModel):
    """A table from an agency's own codes to standard ones, and what an unlisted code becomes."""

    model_config = _STRICT

    map: dict[str, str] = Field(min_length=1)
    variants: dict[str, str] = Field(default_factory=dict)
    """Another spelling of a listed code -> the listed code. Taken as that code, kept as spelled, and flagged."""
    fallback: str | None = None
    """The standard code of an unlisted local code. None: the row is rejected."""
    unmapped_rule: RuleName = "unmapped_code"
    variant_rule: RuleName = "spelling_variant"

    @model_validator(mode="after")
    def _variants_are_of_listed_codes(self) -> Codes:
        for spelling, listed in self.variants.items():
            if listed not in self.map:
                raise ValueError(f"variant {spelling!r} is of {listed!r}, which the table does not list")
            if spelling in self.map:
                raise ValueError(f"{spelling!r} is listed both as a code and as a variant of {listed!r}")
        return self


class FieldFrom(BaseModel):
    """Where one payload field comes from: a constant, one column, or several columns as a list.

    A blank column leaves the field out (``required = true`` rejects the row instead); blank columns among several are
    passed over and the order of the rest is kept.
    """

    model_config = _STRICT

    value: str | int | bool | None = None
    column: Alias | None = None
    columns: tuple[Alias, ...] | None = None
    codes: Alias | None = None
    kind: Literal["text", "integer", "number", "date", "boolean"] = "text"
    listed: bool = False
    """Wrap the one value of ``column`` in a list."""
    distinct: bool = False
    """Of ``columns``: keep only the first of equal values."""
    required: bool = False
    blank: str | int | bool | None = None
    """The value where the column is blank; it must say that it is unknown, not guess."""

    @model_validator(mode="after")
    def _one_origin(self) -> FieldFrom:
        origins = [name for name in ("value", "column", "columns") if getattr(self, name) is not None]
        if len(origins) != 1:
            raise ValueError("a field needs exactly one of value, column, columns")
        if self.codes is not None and self.kind != "text":
            raise ValueError("a field with a code table is text")
        if self.required and self.blank is not None:
            raise ValueError("a required field cannot also say what a blank becomes")
        return self

    def aliases(self) -> tuple[str, ...]:
        """The columns this field reads."""
        if self.columns is not None:
            return self.columns
        return (self.column,) if self.column is not None else ()


class EventFrom(BaseModel):
    """One event that a row may hold."""

    model_config = _STRICT

    type: str
    id: str = Field(min_length=1)
    subject: str = Field(min_length=1)
    when: tuple[Alias, ...] = ()
    """The event exists only in rows where all these columns are filled."""
    time: Alias | None = None
    """The column of its moment. None: the table holds no moment and the event says so (``timeunknown``)."""
    time_may_be_missing: bool = False
    """Whether a row without the moment still tells the event, as ``timeunknown``; otherwise it tells none."""
    data: dict[str, str | FieldFrom] = Field(default_factory=dict)
    """Payload field -> a template of columns (``{id}``), or a FieldFrom."""

    @field_validator("type")
    @classmethod
    def _is_in_the_catalogue(cls, name: str) -> str:
        if not any(entry.name == name for entry in CATALOGUE):
            raise ValueError(f"no event type is called {name!r} (see: tallystick schemas)")
        return name

    @model_validator(mode="after")
    def _fields_are_in_the_payload(self) -> EventFrom:
        known = set(self.entry.model.model_fields)
        unknown = sorted(set(self.data) - known)
        if unknown:
            raise ValueError(f"{self.type} has no field {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        return self

    @cached_property
    def entry(self) -> Entry:
        """The newest catalogue entry of this event's type."""
        return max((entry for entry in CATALOGUE if entry.name == self.type), key=lambda entry: entry.version)

    def aliases(self) -> set[str]:
        """Every column this event reads."""
        used = {*self.when, *places(self.id), *places(self.subject)}
        if self.time is not None:
            used.add(self.time)
        for origin in self.data.values():
            used.update(places(origin) if isinstance(origin, str) else origin.aliases())
        return used


class Times(BaseModel):
    """How the file writes local times, and what it means where the clock was changed."""

    model_config = _STRICT

    formats: tuple[str, ...] = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
    """strptime formats, tried in order; a spreadsheet's own dates and times need none."""
    date_only_at: str = Field(default="00:00:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$")
    """Local time of day of a value that is a date alone (a spreadsheet midnight is a date alone)."""
    ambiguous: Literal["unknown", "earlier", "later"] = "unknown"
    """A local time that occurred twice (clocks put back): no moment, or the first or second pass. Flagged either way.
    """
    nonexistent: Literal["unknown", "before_change"] = "unknown"
    """A local time that never was (clocks put forward): no moment, or read with the offset in force before."""


class Layout(BaseModel):
    """Where in the file the table is."""

    model_config = _STRICT

    sheet: int | str = 0
    """Of a workbook: the sheet's position from 0, or its name."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: str = "utf-8-sig"


class Mapping(BaseModel):
    """A whole mapping file. Columns are given short aliases once; everything else speaks of the aliases."""

    model_config = _STRICT

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    title: str = ""
    note: str = ""
    agency: str = Field(min_length=1)
    source: str = Field(min_length=1)
    """URI reference of the sending system; may take columns (``urn:agency:{site}``)."""
    zone: str
    """IANA name of the time zone in which the file's times are written."""
    row: str = Field(min_length=1)
    """Template that names a row for people, such as ``{id}``."""
    layout: Layout = Layout()
    times: Times = Times()
    columns: dict[Alias, str] = Field(min_length=1)
    """Alias -> the column's heading in the file."""
    ignored: tuple[str, ...] = ()
    """Headings that are knowingly left aside; any other unused column is named in the report."""
    codes: dict[Alias, Codes] = Field(default_factory=dict)
    events: tuple[EventFrom, ...] = Field(min_length=1)
    rules: tuple[Rule, ...] = ()

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"no time zone is called {zone!r}; use an IANA name such as America/Denver") from error
        return zone

    @model_validator(mode="after")
    def _names_agree(self) -> Mapping:
        used = {*places(self.source), *places(self.row)}
        for event in self.events:
            used |= event.aliases()
            for field, origin in event.data.items():
                if not isinstance(origin, str) and origin.codes is not None and origin.codes not in self.codes:
                    raise ValueError(f"{event.type}.{field} uses the code table {origin.codes!r}, which is not there")
        for rule in self.rules:
            used |= set(rule.aliases())
        unknown = sorted(used - set(self.columns))
        if unknown:
            raise ValueError(f"no column has the alias {', '.join(unknown)}; see [columns]")
        headings = list(self.columns.values())
        if len(set(headings)) != len(headings):
            raise ValueError("two aliases name the same heading")
        return self

    @cached_property
    def time_aliases(self) -> tuple[str, ...]:
        """The columns read as local times: of events, and of rules that compare moments."""
        found = [event.time for event in self.events if event.time is not None]
        for rule in self.rules:
            found.extend(rule.time_aliases())
        return tuple(dict.fromkeys(found))


def shipped() -> list[str]:
    """The names of the mappings that come with the application."""
    folder = files("ops.importing") / "mappings"
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))


def load_mapping(name_or_path: str | Path) -> Mapping:
    """Read a shipped mapping by name (``lane-county``), or any TOML or JSON mapping by path.

    Raises RejectedFault: the name is unknown, the file cannot be read or parsed, or something in it does not hold
    together; the problem's pointer names the place in the file and its detail says what was expected.
    """
    text, label, is_json = _read(name_or_path)
    try:
        raw: Any = json.loads(text) if is_json else tomllib.loads(text)
    except ValueError as error:
        raise refuse(
            "mapping_invalid", f"{label} is not well-formed {'JSON' if is_json else 'TOML'}: {error}"
        ) from error
    try:
        return Mapping.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        pointer = "".join(f"/{part}" for part in first["loc"] if part != "FieldFrom")
        said = "; ".join(_sentence(item["loc"], item["msg"]) for item in error.errors()[:5])
        more = error.error_count() - 5
        tail = f" (and {more} more)" if more > 0 else ""
        raise refuse("mapping_invalid", f"{label}: {said}{tail}", pointer=pointer) from error


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    where = "/".join(str(part) for part in location) or "the file"
    return f"{where}: {message.removeprefix('Value error, ')}"


def _read(name_or_path: str | Path) -> tuple[str, str, bool]:
    """The text of the mapping, what to call it in a message, and whether it is JSON."""
    name = str(name_or_path)
    path = Path(name_or_path)
    if path.suffix in (".toml", ".json"):
        try:
            return path.read_text(encoding="utf-8"), path.name, path.suffix == ".json"
        except (OSError, UnicodeDecodeError) as error:
            raise refuse(
                "file_missing" if isinstance(error, FileNotFoundError) else "file_unreadable",
                f"the mapping {name} cannot be read: {error}",
            ) from error
    if name in shipped():
        return (
            (files("ops.importing") / "mappings" / f"{name}.toml").read_text(encoding="utf-8"),
            name,
            False,
        )
    raise refuse(
        "mapping_unknown",
        f"no mapping is called {name!r}; shipped are {', '.join(shipped())}; or give the path of a .toml or .json file",
    )
