"""The catalogue: every event type and version with its model, schema, subject rule, status and upcaster.

It is the one map from a name on the wire to what may be done with it; a stored type name is looked up here
and never turned into a Python path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from pydantic import TypeAdapter

from contracts.declaration import Aggregate, Bad, EventType, Family, Rule, Status, Upcast
from contracts.envelope import WIRE_PREFIX, Event
from contracts.families import discover
from contracts.faults import fault
from contracts.fields import SUBJECT_PATTERN, Payload
from contracts.recorded import Kind

_VERSIONED: Final = re.compile(r"(?P<name>.+)\.v(?P<version>[1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One version of one event type.

    ``topic`` is how the ledger stores the type, ``wire_type`` how it is sent.
    """

    name: str
    version: int
    wire_type: str
    topic: str
    kind: Kind
    family: str
    model: type[Payload]
    subject_prefix: str
    subject_fields: tuple[str, ...]
    status: Status
    upcast: Upcast | None
    rule: Rule | None
    aggregate: Aggregate | None
    good: tuple[dict[str, Any], ...]
    bad: tuple[Bad, ...]

    @property
    def subject_field(self) -> str:
        """The payload fields behind the prefix, joined by slashes: ``call``; ``kpi/period``; "" where it is
        free.
        """
        return "/".join(self.subject_fields)

    @property
    def summary(self) -> str:
        """One sentence for people: what the event says."""
        return (self.model.__doc__ or "").strip().partition("\n")[0]

    def subject_of(self, data: dict[str, Any]) -> str | None:
        """The subject an event with this (valid) data must have, or None where it is free."""
        if not self.subject_fields:
            return None
        return self.subject_prefix + "/".join([data[field] for field in self.subject_fields])

    def example_event(self, data: dict[str, Any] | None = None, *, number: int = 1) -> dict[str, Any]:
        """A whole event on the wire around ``data`` (by default the first good example)."""
        data = self.good[0] if data is None else data
        try:
            subject = self.subject_of(data) or "call/c-1"
        except (KeyError, TypeError):
            subject = ""
        if re.fullmatch(SUBJECT_PATTERN, subject) is None:
            # A bad example may lack the field or hold something else in it.
            subject = self.subject_prefix + "x"
        return {
            "specversion": "1.0",
            "id": f"{self.name}-{number}",
            "source": "//lakeside-health/records",
            "type": self.wire_type,
            "subject": subject,
            "time": "2025-03-01T10:00:00-08:00",
            "agency": "lakeside-health",
            "datacontenttype": "application/json",
            "data": data,
        }

    def adapter(self) -> TypeAdapter[Event[Any]]:
        """A validator of whole events of this type. Costs milliseconds to build: keep it."""
        return TypeAdapter(Event[self.model])  # type: ignore[name-defined]


class Catalogue:
    """Every entry, found by topic or by type on the wire.

    Iterates in the order of families and declarations.
    """

    def __init__(self, families: Iterable[Family]) -> None:
        self.families = tuple(families)
        self._entries: dict[str, Entry] = {}
        self._by_name: dict[str, dict[int, Entry]] = {}
        for family in self.families:
            for declared in family.types:
                self._add(family, declared)
        self._by_wire = {entry.wire_type: entry for entry in self._entries.values()}
        for versions in self._by_name.values():
            self._check_chain(versions)

    def _add(self, family: Family, declared: EventType) -> None:
        topic = f"{declared.name}.v{declared.version}"
        if topic in self._entries:
            raise ValueError(f"{topic} is declared twice")
        entry = Entry(
            name=declared.name,
            version=declared.version,
            wire_type=WIRE_PREFIX + topic,
            topic=topic,
            kind=declared.kind,
            family=family.name,
            model=declared.model,
            subject_prefix=declared.subject_prefix,
            subject_fields=declared.subject_fields,
            status=declared.status,
            upcast=declared.upcast,
            rule=declared.rule,
            aggregate=declared.aggregate,
            good=declared.good,
            bad=declared.bad,
        )
        self._entries[topic] = entry
        self._by_name.setdefault(entry.name, {})[entry.version] = entry

    @staticmethod
    def _check_chain(versions: dict[int, Entry]) -> None:
        newest = max(versions)
        if sorted(versions) != list(range(1, newest + 1)):
            raise ValueError(f"{versions[newest].name}: versions must count up from 1")
        for version, entry in versions.items():
            if (entry.upcast is None) != (version == newest):
                raise ValueError(f"{entry.topic}: every version but the newest has an upcaster")

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, topic_or_type: str) -> Entry | None:
        """The entry under a topic or a type on the wire, or None."""
        return self._by_wire.get(topic_or_type) or self._entries.get(topic_or_type)

    def entry(self, topic_or_type: str) -> Entry:
        """The entry under a topic (``call.received.v1``) or a type on the wire.

        Raises RejectedFault ``version_unknown`` or ``type_unknown``, the latter with the nearest known name.
        """
        entry = self.find(topic_or_type)
        if entry is not None:
            return entry
        parts = _VERSIONED.fullmatch(topic_or_type.removeprefix(WIRE_PREFIX))
        name = parts["name"] if parts else topic_or_type.removeprefix(WIRE_PREFIX)
        versions = self._by_name.get(name)
        if versions:
            known = [found.wire_type for found in versions.values()]
            raise fault(
                "version_unknown",
                f"{topic_or_type[:100]!r} is not a known version of {name}",
                hint=f"Use {' or '.join(known)}.",
                allowed=known,
            )
        near = get_close_matches(name[:100], self._by_name, n=1, cutoff=0.7)
        hint = f"Did you mean {self.newest(near[0]).wire_type}?" if near else ""
        raise fault("type_unknown", f"{topic_or_type[:100]!r} is not in the catalogue", hint=hint)

    def newest(self, name: str) -> Entry:
        """The newest version of a name such as ``call.received``. KeyError if there is none."""
        versions = self._by_name[name]
        return versions[max(versions)]

    def upcast(self, topic: str, data: dict[str, Any]) -> dict[str, Any]:
        """``data`` of any version brought to the newest version of its type; raises as ``entry`` does."""
        entry = self.entry(topic)
        while entry.upcast is not None:
            data = entry.upcast(data)
            entry = self._by_name[entry.name][entry.version + 1]
        return data

    def schema(self, entry: Entry) -> dict[str, Any]:
        """The published JSON Schema (2020-12) of whole events of this type."""
        # Schemas are asked for by people and tests, never on the way of an event.
        from contracts.schemas_export import event_schema

        return event_schema(entry)


CATALOGUE: Final = Catalogue(discover())
"""The catalogue of this release."""
