"""One obligation: who owes what to whom, since when and until when, and what was said about it.

Every kind of obligation is told in this one form, so that lists, counts and pages need not know the kinds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from contracts.moments import format_us
from projections.obligations.states import UNDATED, State, moment_of

Kind = Literal["referral", "commitment", "report", "action", "review", "finding"]
KINDS: tuple[Kind, ...] = get_args(Kind)

PARTNERSHIP = "the partnership"
"""The debtor or creditor where it is no single agency: what is owed to all. No id of an agency has a space."""


class Remark(NamedTuple):
    """What somebody said about an obligation: ``counts`` where the speaker is entitled to it.

    ``said`` is waived, disputed or accepted; ``at_us`` None where it is undated. A debtor does not release
    itself, so its own waiver is told and changes nothing.
    """

    said: Literal["waived", "disputed", "accepted"]
    agency: str | None
    at_us: int | None
    reason: str | None
    counts: bool

    def to_json(self) -> dict[str, Any]:
        """The published shape."""
        return {
            "said": self.said,
            "agency": self.agency,
            "at": None if self.at_us is None else format_us(self.at_us),
            "reason": self.reason,
            "counts": self.counts,
        }


class Obligation(NamedTuple):
    """What ``debtor`` owes ``creditor`` by ``due_us``, as of a moment of reading.

    ``key`` is unique within its kind; ``subject`` is where its events are found; moments are UTC microseconds.
    ``met_us`` is None where it is not fulfilled or nobody said when (``fulfilled`` tells which).
    """

    kind: Kind
    key: str
    debtor: str
    creditor: str
    what: str
    subject: str
    since_us: int | None
    due_us: int
    fulfilled: bool
    met_us: int | None
    state: State
    remarks: tuple[Remark, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The published shape; moments are RFC 3339 in UTC."""
        return {
            "kind": self.kind,
            "key": self.key,
            "state": self.state,
            "debtor": self.debtor,
            "creditor": self.creditor,
            "what": self.what,
            "subject": self.subject,
            "since": None if self.since_us is None else format_us(self.since_us),
            "due": format_us(self.due_us),
            "met": None if self.met_us is None else format_us(self.met_us),
            "fulfilled": self.fulfilled,
            "remarks": [remark.to_json() for remark in self.remarks],
        }


def fulfilment(met: int | None, as_of_us: int) -> tuple[bool, int | None]:
    """``fulfilled`` and ``met_us`` of an obligation as of a moment; ``met`` as ``Facts`` take it."""
    if met is None or met > as_of_us:
        return False, None
    return True, None if met == UNDATED else met


def heard(remarks: Iterable[Remark], as_of_us: int) -> tuple[Remark, ...]:
    """The remarks made by a moment, undated ones among them."""
    return tuple(remark for remark in remarks if remark.at_us is None or remark.at_us <= as_of_us)


def moments(remarks: Iterable[Remark], said: str) -> tuple[int, ...]:
    """When it was said by somebody entitled to it, as ``Facts`` take it."""
    return tuple(moment_of(remark.at_us) for remark in remarks if remark.said == said and remark.counts)


@dataclass(frozen=True, slots=True)
class Source:
    """Obligations of one kind as a stream, and, once it is read to its end, how many are not owed and why."""

    obligations: Iterator[Obligation]
    not_owed: Counter[str] = field(default_factory=Counter)
