"""What is owed under commitments: one obligation a period, as the agreement then in force has it.

Here because a commitment's own row knows neither the agreement it stands in nor its parties: whether anything
is still owed after the agreement's end, and who may waive, follows from both rows together. K39 counts these
same rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.moments import day_start_us
from projections.obligations.in_force import Agreement, agreements
from projections.obligations.owed import Obligation, Remark, Source, fulfilment, heard, moments
from projections.obligations.states import Facts, moment_of, state_of
from projections.tables import EXPANSIONS, TABLES

AGREEMENT_NOT_IN_FORCE = "agreement_not_in_force"
AGREEMENT_ENDED = "agreement_ended"
NO_LONGER_PARTY = "no_longer_party"

Said = Literal["waived", "disputed", "accepted"]
_SAID: tuple[Said, ...] = get_args(Said)
"""The collections of a commitment's row, in the order in which ``Facts`` take their moments."""


@dataclass(frozen=True, slots=True)
class Due:
    """One period of a commitment: the rows behind it, why it is not owed (None: it is), and what was said."""

    owed: Mapping[Any, Any]
    made: Mapping[Any, Any]
    not_owed: str | None
    remarks: tuple[Remark, ...]
    facts: Facts


def dues(connection: Connection, as_of_us: int, zone: str) -> Iterator[Due]:
    """Every period of every commitment in the order of its key.

    Costs one read of both tables, which grow with what was promised and not with what is reported.
    """
    known = agreements(connection, as_of_us, zone)
    owed, made = EXPANSIONS["obligations"], TABLES["commitments"]
    parents = {row["commitment"]: row for row in connection.execute(select(made)).mappings()}
    told = {said: _by_commitment(parents.values(), said) for said in _SAID}
    for row in connection.execute(select(owed).order_by(owed.c.key)).mappings():
        parent = parents[row["commitment"]]
        agreement = known.get(parent["agreement"])
        remarks = tuple(
            _remark(said, entry, row, agreement)
            for said in _SAID
            for entry in told[said].get(row["commitment"], ())
            if parent["recurrence"] is None or entry["period"] in (None, row["period"])
        )
        yield Due(row, parent, _not_owed(row, agreement), remarks, _facts(row, remarks))


def commitment_obligations(connection: Connection, as_of_us: int, zone: str) -> Source:
    """What is owed under commitments as of a moment; what falls due before its agreement is in force
    or after its end is not owed, and a period that has not begun is told of only where something was done or said
    about it."""
    not_owed: Counter[str] = Counter()

    def stream() -> Iterator[Obligation]:
        for due in dues(connection, as_of_us, zone):
            if (due.made["made_at"] or 0) > as_of_us:
                continue
            if due.not_owed is not None:
                not_owed[due.not_owed] += 1
                continue
            row, made = due.owed, due.made
            state, since = state_of(due.facts, as_of_us), _since(due.owed, due.made, zone)
            if state == "open" and since is not None and since > as_of_us:
                continue
            yield Obligation(
                "commitment",
                row["key"],
                row["obligor"],
                row["obligee"],
                _what(row, made),
                f"commitment/{row['commitment']}",
                since,
                row["due_at"],
                *fulfilment(due.facts.met, as_of_us),
                state,
                heard(due.remarks, as_of_us),
            )

    return Source(stream(), not_owed)


def _by_commitment(rows: Iterable[Mapping[Any, Any]], column: str) -> dict[str, list[dict[str, Any]]]:
    return {row["commitment"]: orjson.loads(row[column]) for row in rows if row[column] is not None}


def entitled(agency: str | None, obligor: str, obligee: str, parties: frozenset[str]) -> bool:
    """Whether an agency may waive, dispute or accept: the obligee, or another party that is not the obligor."""
    return agency is not None and agency != obligor and (agency == obligee or agency in parties)


def _remark(said: Said, entry: Mapping[str, Any], row: Mapping[Any, Any], agreement: Agreement | None) -> Remark:
    at = entry["time"]
    # Who is a party is asked of the moment of speaking; undated words are heard as of the due moment.
    parties = frozenset() if agreement is None else agreement.at(row["due_at"] if at is None else at).parties
    counts = entitled(entry["agency"], row["obligor"], row["obligee"], parties)
    return Remark(said, entry["agency"], at, entry.get("reason"), counts)


def _not_owed(row: Mapping[Any, Any], agreement: Agreement | None) -> str | None:
    if agreement is None:
        return None
    if row["due_at"] < agreement.effective_us:
        return AGREEMENT_NOT_IN_FORCE
    if agreement.over_at(row["due_at"]):
        return AGREEMENT_ENDED
    if not {row["obligor"], row["obligee"]} <= agreement.at(row["due_at"]).parties:
        return NO_LONGER_PARTY
    return None


def _facts(row: Mapping[Any, Any], remarks: tuple[Remark, ...]) -> Facts:
    fulfilled = (row["evidenced_quantity"] or 0) >= row["required"]
    met = moment_of(row["met_at"]) if fulfilled else None
    return Facts(row["due_at"], met, *(moments(remarks, said) for said in _SAID))


def _what(row: Mapping[Any, Any], made: Mapping[Any, Any]) -> str:
    deliverable = made["deliverable"] or f"Commitment {row['commitment']}"
    if made["quantity"] is None:
        return str(deliverable)
    done, required = (_whole(row[name] or 0) for name in ("evidenced_quantity", "required"))
    unit = f" {made['unit']}" if made["unit"] else ""
    return f"{deliverable} ({done:,} of {required:,}{unit})"


def _whole(quantity: float) -> float | int:
    return int(quantity) if float(quantity).is_integer() else quantity


def _since(row: Mapping[Any, Any], made: Mapping[Any, Any], zone: str) -> int | None:
    """When the period began; of a single commitment, when it was made."""
    if made["recurrence"] is None:
        return made["made_at"]  # type: ignore[no-any-return]
    from projections.kpi.periods import days_of

    days = days_of(row["period"])
    start = orjson.loads(made["recurrence"])["from"]
    assert days is not None
    return day_start_us(max(days[0], date.fromisoformat(start)).isoformat(), zone)
