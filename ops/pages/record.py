"""What the event, subject, rejection and quarantine pages show: the record itself, as it was stated.

Here a reader arrives from a number; nothing on these pages is computed, apart from which event supersedes which.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from contracts.faults import fault
from contracts.recorded import Recorded
from ops.completeness import complete
from ops.pages import words
from ops.pages.asking import PAGE_ROWS, Asked
from ops.pages.reconciliation import shown_item
from projections.halves.walk import about
from projections.tables import SUPERSEDED

if TYPE_CHECKING:
    from ops.composition import House

Figures = dict[str, Any]

QUARANTINE_SHOWN = 200
"""Parked events on the page; the interface under /v1 has all of them."""

TIMELINE_EVENTS = 500
"""Events of one subject's timeline on one page; no subject is expected to have more."""


SHARED_SHOWN = 24
"""Periods of one commitment shown with both halves on its page."""


def event_figures(house: House, asked: Asked, log_index: int) -> Figures:
    """One event, as it was known at the reading. Raises ``Fault`` code ``not_found``."""
    upto = asked.as_of.log_index
    last = house.reader.head().log_index if upto is None else upto
    found = house.reader.at([log_index]) if 0 < log_index <= last else []
    if not found:
        then = "at that moment " if asked.past else ""
        raise fault(
            "not_found", f"the ledger's events {then}are numbered from 1 to {last:,}; there is no event {log_index:,}"
        )
    event = found[0]
    target = house.reader.by_identity([(event.source, event.supersedes)], last) if event.supersedes else []
    return {
        "event": event,
        "superseded_by": _superseding(house, asked, event, last),
        "superseded": target[0] if target else None,
        "payload": [(name, said(value)) for name, value in event.data.items()],
        "pretty": json.dumps(json.loads(event.body), indent=2, ensure_ascii=False),
        "canonical": event.body.decode("utf-8"),
        "lag": _lag(event),
        "last": last,
    }


def subject_figures(house: House, asked: Asked, subject: str) -> Figures:
    """The events about one subject, by the time they happened, and both halves of what two agencies share in it.

    Raises ``Fault`` code ``not_found``."""
    upto = asked.as_of.log_index
    found = house.reader.by_subject([subject], house.reader.head().log_index if upto is None else upto)
    if not found:
        raise fault("not_found", f"no event is about {subject}")
    # Events whose moment is unknown come last: they are known to belong here, not when.
    ordered = sorted(found, key=lambda e: (e.time_us is None, e.time_us or 0, e.source, e.id))[:TIMELINE_EVENTS]
    gone = superseded(house, asked, ordered)
    with house.reading(asked.as_of) as connection:
        shared, many = about(connection, house.reader, subject, as_of=asked.as_of, zone=house.zone, limit=SHARED_SHOWN)
    prefix = subject.partition("/")[0]
    return {
        "subject": subject,
        "noun": words.reason_words(prefix),
        "total": len(found),
        "shared": [shown_item(item) for item in shared],
        "more_shared": many - len(shared),
        "events": [(event, gone.get((event.source, event.id), ""), _brief(event)) for event in ordered],
    }


def superseded(house: House, asked: Asked, events: Iterable[Recorded]) -> dict[tuple[str, str], str]:
    """Which of these events are superseded, with the id of the event that supersedes each; decisions never are."""
    speakers = {(event.source, event.id): event.agency for event in events if event.kind == "statement"}
    sources = {source for source, _ in speakers}
    gone: dict[tuple[str, str], str] = {}
    with house.reading(asked.as_of) as connection:
        for source in sources:
            ids = [event_id for named, event_id in speakers if named == source]
            rows = connection.execute(
                select(SUPERSEDED.c.event_id, SUPERSEDED.c.agency, SUPERSEDED.c.by_id).where(
                    SUPERSEDED.c.source == source, SUPERSEDED.c.event_id.in_(ids)
                )
            )
            for event_id, agency, by_id in rows:
                if speakers[source, event_id] == agency:
                    gone[source, event_id] = by_id
    return gone


@dataclass(frozen=True, slots=True)
class RejectionRow:
    """One kept rejection as it is shown."""

    number: int
    at_us: int
    times: int
    code: str
    detail: str
    pointer: str
    hint: str
    agency: str
    source: str
    id: str
    raw: str


def rejection_figures(house: House, asked: Asked, agency: str, before: int) -> Figures:
    """Kept rejections, newest first, numbered below ``before`` (0: from the newest), of one agency or ("") of all."""
    found = house.ledger.latest_rejections(PAGE_ROWS + 1, before, agency or None)
    rows = [
        RejectionRow(
            kept.number,
            kept.last_received_at_us,
            kept.times,
            kept.problem.code,
            kept.problem.detail,
            kept.problem.pointer,
            kept.problem.hint,
            kept.agency or "",
            kept.source or "",
            kept.id or "",
            kept.raw.decode("utf-8", "backslashreplace"),
        )
        for kept in found[:PAGE_ROWS]
    ]
    total, sent = rejection_counts(house, agency)
    links = asked.links
    return {
        "agency": agency,
        "heading": f"{words.count_words(total, 'rejection')}, newest first" if total else "No rejections",
        "repeats": sent - total,
        "rows": rows,
        "before": links.to("/rejections", agency=agency) if before else "",
        "after": links.to("/rejections", agency=agency, before=rows[-1].number) if len(found) > PAGE_ROWS else "",
    }


def quarantine_figures(house: House) -> Figures:
    """The parked events, in the order of the log."""
    parked = house.quarantine.parked(limit=QUARANTINE_SHOWN)
    total = house.quarantine.count()
    return {
        "heading": f"{words.count_words(total, 'event')} parked" if total else "Nothing is parked",
        "rows": parked,
        "total": total,
        "brake": house.quarantine.brake() or "",
        "whole": complete(house, house.as_of()).sentence(),
    }


def rejection_counts(house: House, agency: str) -> tuple[int, int]:
    """(different rejections, how often they came in all) of one agency or ("") of all."""
    return house.ledger.rejections_counted(agency or None)


def said(value: Any) -> str:
    """A payload's value in one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _brief(event: Recorded) -> str:
    prefix = event.subject.partition("/")[0]
    shown = [
        f"{words.reason_words(name)} {said(value)}"
        for name, value in event.data.items()
        if name != prefix and not isinstance(value, dict)
    ]
    return words.title_words("; ".join(shown[:5]))[:240]


def _lag(event: Recorded) -> str:
    if event.time_us is None:
        return ""
    days = (event.recorded_at_us - event.time_us) // 86_400_000_000
    if days < 0:
        return "before it happened, by the sender's clock"
    return "within a day" if days == 0 else f"{words.count_words(days, 'day')} later"


def _superseding(house: House, asked: Asked, event: Recorded, last: int) -> Sequence[Recorded]:
    """What names the event as superseded; for a decision that has no effect, and the page says so."""
    with house.reading(asked.as_of) as connection:
        row = connection.execute(
            select(SUPERSEDED.c.by_source, SUPERSEDED.c.by_id).where(
                SUPERSEDED.c.source == event.source,
                SUPERSEDED.c.event_id == event.id,
                SUPERSEDED.c.agency == event.agency,
            )
        ).first()
    return house.reader.by_identity([(row[0], row[1])], last) if row else []
