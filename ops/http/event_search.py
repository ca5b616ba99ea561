"""Finds events by subject, type or agency, a page at a time.

The log has no index on type or agency (each would slow every recording down), so these scan the log's
typed columns from where the last page ended and stop as soon as the page is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import text

from contracts.catalogue import CATALOGUE
from contracts.recorded import Recorded

if TYPE_CHECKING:
    from ops.composition import House


def find_events(
    house: House,
    *,
    after: int,
    limit: int,
    upto: int,
    subject: str | None = None,
    type_: str | None = None,
    agency: str | None = None,
) -> Sequence[Recorded]:
    """At most ``limit`` events with ``after < log_index <= upto`` that match everything given, in order.

    ``type_`` is a catalogue name (every version), a topic or a wire type.
    """
    if subject is None and type_ is None and agency is None:
        return [event for event in house.reader.after(after, limit) if event.log_index <= upto]
    wheres = ["log_index > :after", "log_index <= :upto"]
    values: dict[str, int] = {"after": after, "upto": upto, "limit": limit}
    with house.ledger.store().read() as connection:

        def name_id(of: str) -> int:
            found = connection.execute(text("SELECT id FROM names WHERE text = :of"), {"of": of}).scalar()
            return -1 if found is None else int(found)

        if subject is not None:
            wheres.append("subject_id = :subject")
            values["subject"] = name_id(subject)
        if agency is not None:
            wheres.append("agency_id = :agency")
            values["agency"] = name_id(agency)
        if type_ is not None:
            topics = {f"t{i}": name_id(topic) for i, topic in enumerate(_topics(type_))}
            wheres.append(f"topic_id IN ({', '.join(':' + name for name in topics)})" if topics else "0")
            values.update(topics)
        query = f"SELECT log_index FROM log WHERE {' AND '.join(wheres)} ORDER BY log_index LIMIT :limit"
        found = [int(row[0]) for row in connection.execute(text(query), values)]
    return house.reader.at(found)


def _topics(type_: str) -> list[str]:
    return [entry.topic for entry in CATALOGUE if type_ in (entry.name, entry.topic, entry.wire_type)]
