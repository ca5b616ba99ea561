"""One row into its events, as bytes ready for the intake.

A row gives all its events or, where something in it cannot be read, none and the reasons why: half a row in the
ledger would look like a whole one. (An event that can be read and then breaks its contract is refused by the intake
alone, with the pointer to its field.) The same row gives the same bytes whichever file format it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from ops.importing.local_time import LocalClock, LocalTime
from ops.importing.mapping import Codes, EventFrom, FieldFrom, Mapping, places
from ops.importing.refusal import refuse
from ops.importing.rules import RowFacts
from ops.importing.table import TableRow

_UNLISTED = "no standard code is listed for"


@dataclass(frozen=True, slots=True)
class UnmappedRow:
    """A row that the mapping cannot turn into events; ``reasons`` has a sentence for each thing wrong with it."""

    reasons: list[str]

    @property
    def unlisted_code(self) -> bool:
        """Whether all that is wrong is codes the mapping does not list."""
        return all(_UNLISTED in reason for reason in self.reasons)


@dataclass(slots=True)
class BuiltRow:
    """A row's events in the order of the mapping, and the names of the rules it breaks (each once)."""

    events: list[bytes] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)


class RowBuilder:
    """Applies one mapping to the rows of one table."""

    def __init__(self, mapping: Mapping, headings: tuple[str, ...]) -> None:
        """Raises RejectedFault ``column_missing`` where the file lacks a column of the mapping or has it twice."""
        self._mapping = mapping
        wanted = {heading.strip(): alias for alias, heading in mapping.columns.items()}
        missing = [heading for heading in wanted if headings.count(heading) != 1]
        if missing:
            found = ", ".join(repr(heading) for heading in headings if heading)
            raise refuse(
                "column_missing",
                f"the mapping {mapping.name} needs exactly one column headed "
                f"{', '.join(repr(heading) for heading in missing)}; the file has {found}",
            )
        self._at = [(alias, headings.index(heading)) for heading, alias in wanted.items()]
        self._width = len(headings)
        known = {*wanted, *(heading.strip() for heading in mapping.ignored)}
        self.unused_columns = [heading for heading in headings if heading and heading not in known]
        self._clock = LocalClock(mapping.zone, mapping.times)
        self._fill = {text: _filler(text) for text in _templates(mapping)}

    def cells(self, row: TableRow) -> dict[str, str]:
        """The row's mapped cells by alias; a short row has blanks at its end, as spreadsheets write them."""
        cells = row.cells
        return {alias: cells[place] if place < len(cells) else "" for alias, place in self._at}

    def build(self, row: TableRow) -> BuiltRow | UnmappedRow:
        """The row's events and flags, or why it has none."""
        if row.spoiled:
            return UnmappedRow([row.spoiled])
        if len(row.cells) > self._width and any(row.cells[self._width :]):
            return UnmappedRow([f"the row has {len(row.cells)} cells and the heading has {self._width}"])
        texts = self.cells(row)
        reasons: list[str] = []
        times = self._times(texts, reasons)
        flags: dict[str, None] = {}
        bodies = [self._event(event, texts, times, flags, reasons) for event in self._mapping.events]
        if reasons:
            return UnmappedRow(list(dict.fromkeys(reasons)))
        events = [body for body in bodies if body is not None]
        if not events:
            return UnmappedRow(["no event of the mapping is filled by this row"])
        facts = RowFacts(
            texts=texts,
            moments={alias: times[alias].us if alias in times else None for alias in self._mapping.time_aliases},
            wall={alias: time.wall for alias, time in times.items()},
            clock={alias: time.clock for alias, time in times.items() if time.clock is not None},
            trimmed=row.trimmed,
        )
        flags.update((rule.name, None) for rule in self._mapping.rules if rule.breaks(facts))
        return BuiltRow(events, list(flags))

    def name(self, row: TableRow) -> str | None:
        """What the agency calls this row, where it can be told."""
        return self._text(self._mapping.row, self.cells(row), [], "the row's name")

    def source(self, row: TableRow) -> str | None:
        """The source URI of the row's events, where it can be told."""
        return self._text(self._mapping.source, self.cells(row), [], "the source")

    def _times(self, texts: dict[str, str], reasons: list[str]) -> dict[str, LocalTime]:
        times: dict[str, LocalTime] = {}
        for alias in self._mapping.time_aliases:
            text = texts[alias]
            if text:
                try:
                    times[alias] = self._clock.read(text)
                except ValueError as error:
                    reasons.append(f"{self._mapping.columns[alias]}: {error}")
        return times

    def _event(
        self,
        event: EventFrom,
        texts: dict[str, str],
        times: dict[str, LocalTime],
        flags: dict[str, None],
        reasons: list[str],
    ) -> bytes | None:
        if not all(texts[alias] for alias in event.when):
            return None
        if event.time is not None and not texts[event.time] and not event.time_may_be_missing:
            return None
        data: dict[str, Any] = {}
        for name, origin in event.data.items():
            if isinstance(origin, str):
                value: Any = self._text(origin, texts, reasons, f"{event.type}.{name}")
            else:
                value = self._value(name, origin, texts, flags, reasons)
            if value is not None:
                data[name] = value
        envelope: dict[str, Any] = {
            "specversion": "1.0",
            "type": event.entry.wire_type,
            "source": self._text(self._mapping.source, texts, reasons, "the source"),
            "id": self._text(event.id, texts, reasons, f"the id of {event.type}"),
            "subject": self._text(event.subject, texts, reasons, f"the subject of {event.type}"),
            "agency": self._mapping.agency,
            "data": data,
        }
        moment = times.get(event.time) if event.time is not None else None
        if moment is not None and moment.text is not None:
            envelope["time"] = moment.text
        else:
            envelope["timeunknown"] = True
        return orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS)

    def _text(self, template: str, texts: dict[str, str], reasons: list[str], what: str) -> str | None:
        for alias in places(template):
            if not texts[alias]:
                reasons.append(f"{self._mapping.columns[alias]} is blank, and {what} needs it")
                return None
        return self._fill[template](texts)

    def _value(
        self, name: str, origin: FieldFrom, texts: dict[str, str], flags: dict[str, None], reasons: list[str]
    ) -> Any:
        if origin.value is not None:
            return origin.value
        codes = self._mapping.codes[origin.codes] if origin.codes is not None else None
        if origin.columns is not None:
            filled = [texts[alias] for alias in origin.columns if texts[alias]]
            values = [self._one(name, text, origin, codes, flags, reasons) for text in filled]
            values = [value for value in values if value is not None]
            if origin.distinct:
                values = list(dict.fromkeys(values))
            if not values and origin.required:
                reasons.append(f"{name} needs one of {', '.join(self._mapping.columns[a] for a in origin.columns)}")
            return values or None
        alias = origin.aliases()[0]
        if not texts[alias]:
            if origin.required:
                reasons.append(f"{self._mapping.columns[alias]} is blank, and {name} needs it")
            return origin.blank
        value = self._one(name, texts[alias], origin, codes, flags, reasons)
        return [value] if origin.listed and value is not None else value

    def _one(
        self,
        name: str,
        text: str,
        origin: FieldFrom,
        codes: Codes | None,
        flags: dict[str, None],
        reasons: list[str],
    ) -> Any:
        if codes is not None:
            return _coded(name, text, codes, flags, reasons)
        if origin.kind == "text":
            return text
        try:
            return _converted(text, origin.kind, self._clock)
        except ValueError:
            reasons.append(f"{name}: {text!r} is not {'an' if origin.kind == 'integer' else 'a'} {origin.kind}")
            return None


def _coded(name: str, text: str, codes: Codes, flags: dict[str, None], reasons: list[str]) -> str | None:
    listed = codes.variants.get(text)
    if listed is not None:
        flags[codes.variant_rule] = None
        return codes.map[listed]
    standard = codes.map.get(text)
    if standard is not None:
        return standard
    if codes.fallback is None:
        reasons.append(f"{name}: {_UNLISTED} {text!r}")
        return None
    flags[codes.unmapped_rule] = None
    return codes.fallback


def _converted(text: str, kind: str, clock: LocalClock) -> Any:
    if kind == "integer":
        return int(text)
    if kind == "number":
        number = float(text)
        if number != number or number in (float("inf"), float("-inf")):
            raise ValueError(text)
        return int(number) if number.is_integer() else number
    if kind == "boolean":
        answer = {
            "true": True,
            "yes": True,
            "y": True,
            "1": True,
            "false": False,
            "no": False,
            "n": False,
            "0": False,
        }
        if text.lower() not in answer:
            raise ValueError(text)
        return answer[text.lower()]
    return clock.wall(text).date().isoformat()


def _templates(mapping: Mapping) -> set[str]:
    found = {mapping.source, mapping.row}
    for event in mapping.events:
        found |= {event.id, event.subject}
        found |= {origin for origin in event.data.values() if isinstance(origin, str)}
    return found


def _filler(template: str) -> Callable[[dict[str, str]], str]:
    """A template as a function; columns are put in as they are, so that a cell can never be taken for a template."""
    aliases = places(template)
    if not aliases:
        return lambda texts: template
    pieces: list[str] = []
    rest = template
    for alias in aliases:
        before, _, rest = rest.partition("{" + alias + "}")
        pieces.append(before)

    def fill(texts: dict[str, str]) -> str:
        filled = [piece + texts[alias] for piece, alias in zip(pieces, aliases, strict=True)]
        return "".join(filled) + rest

    return fill
