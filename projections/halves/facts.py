"""The shared facts, one declaration each: who claims, who is to confirm, and what counts as which.

Here so that "confirmed" means one thing everywhere. The conditions are data of the same language as a KPI's,
over the columns of one population, and are evaluated by the same two evaluators: by SQL for lists and sums,
row by row for the law that claimed = confirmed + disputed + pending.

A row is *claimed* where it meets ``shared`` and is not ``alone``. It is then *disputed*, else *confirmed*, else
*pending*: of two second halves that contradict each other the dispute counts. A row that is no claim and meets
``unmatched`` holds a second half without a first. No second half counts that the claimer itself stated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contracts.kpi import AllOf, AnyOf, Condition, Differs, Eq, IsNull, Ne, Not, NotNull

State = Literal["confirmed", "disputed", "pending", "unmatched"]
STATES: tuple[State, ...] = ("confirmed", "disputed", "pending", "unmatched")
CLAIMED: tuple[State, ...] = ("confirmed", "disputed", "pending")
"""The states of a claim; a fact that is unmatched was never claimed."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """How much a claim is about: the columns with what was claimed and what the other side said it was.

    Either ``unit`` names what is counted, or ``unit_column`` holds it row by row. ``confirmed`` is None where a
    confirmation is of the whole. Of a claim that is disputed and meets ``partly``, the other side disputes no
    more than the difference: what it did confirm counts as confirmed. Of any other the whole is disputed.
    """

    claimed: str
    unit: str = ""
    unit_column: str = ""
    confirmed: str | None = None
    partly: Condition | None = None


@dataclass(frozen=True, slots=True)
class Second:
    """One way to state the second half: who did and when, with the types of events that say it.

    ``first_only``: the columns keep the first such statement, whoever made it; otherwise that of another agency
    than the claimer.
    """

    agency: str
    at: str
    types: tuple[str, ...]
    first_only: bool = False


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A column taken from another read model, whose key is held by ``by``."""

    column: str
    table: str
    key: str
    by: str
    source: str


@dataclass(frozen=True, slots=True)
class SharedFact:
    """One shared fact over the rows of a population.

    ``claimed_by`` and ``claimed_at`` hold who claims and when it happened (UTC microseconds); ``others`` are the
    columns that may name the other side, of which the first counts that names another agency than the claimer.
    ``subject`` is the prefix of the subject whose events made the row, and ``about`` the column with its rest.
    ``first`` are the types of events that state the claim. ``title`` and ``halves`` are words for people: what
    the fact is, what the first half says, what the second. ``alone`` takes away from ``shared`` what only borrowed
    columns can tell to be within one agency.
    """

    name: str
    title: str
    halves: tuple[str, str]
    population: str
    key: str
    subject: str
    about: str
    claimed_by: str
    claimed_at: str
    others: tuple[str, ...]
    first: tuple[str, ...]
    confirmations: tuple[Second, ...]
    disputes: tuple[Second, ...]
    shared: Condition
    confirmed: Condition
    disputed: Condition
    unmatched: Condition
    quantity: Quantity | None = None
    borrowed: tuple[Borrowed, ...] = ()
    alone: Condition | None = None

    @property
    def claimed(self) -> Condition:
        """Whether a row is a claim, over its own columns and the borrowed ones."""
        return self.shared if self.alone is None else all_of(self.shared, not_(self.alone))


def is_(column: str, value: str | int = 1) -> Eq:
    """The column holds this value; without one, the flag is set."""
    return Eq(op="eq", column=column, value=value)


def differs(column: str, other: str) -> Differs:
    """Both are known and not the same."""
    return Differs(op="differs", column=column, other=other)


def known(column: str) -> NotNull:
    """The column holds something."""
    return NotNull(op="not_null", column=column)


def absent(column: str) -> IsNull:
    """The column holds nothing."""
    return IsNull(op="is_null", column=column)


def all_of(*conditions: Condition) -> AllOf:
    """Every one of them."""
    return AllOf(op="all_of", conditions=conditions)


def any_of(*conditions: Condition) -> AnyOf:
    """At least one of them."""
    return AnyOf(op="any_of", conditions=conditions)


def not_(condition: Condition) -> Not:
    """Not so."""
    return Not(op="not", condition=condition)


_ANSWERS = (
    Second("received_agency", "received_at", ("referral.received",), first_only=True),
    Second("accepted_agency", "accepted_at", ("referral.accepted",), first_only=True),
    Second("declined_agency", "declined_at", ("referral.declined",), first_only=True),
    Second("on_hold_agency", "on_hold_at", ("referral.on_hold",), first_only=True),
    Second("scheduled_agency", "scheduled_at", ("appointment.scheduled",), first_only=True),
    Second("completed_agency", "completed_at", ("referral.completed",), first_only=True),
    Second("failed_agency", "failed_at", ("referral.failed",), first_only=True),
)
"""Whoever answers a referral in any way has received it."""

REFERRAL = SharedFact(
    name="referral",
    title="Referrals",
    halves=("Referral made", "Referral received or answered"),
    population="referrals",
    key="referral",
    subject="referral/",
    about="referral",
    claimed_by="requested_agency",
    claimed_at="requested_at",
    others=("target", "requester"),
    first=("referral.requested",),
    confirmations=_ANSWERS,
    disputes=(Second("disputed_agency", "disputed_at", ("referral.disputed",)),),
    shared=all_of(
        is_("requested"),
        any_of(differs("target", "requested_agency"), differs("requester", "requested_agency")),
    ),
    confirmed=any_of(*(differs(answer.agency, "requested_agency") for answer in _ANSWERS)),
    disputed=differs("disputed_agency", "requested_agency"),
    unmatched=all_of(
        absent("requested"),
        any_of(*(known(answer.agency) for answer in _ANSWERS), known("disputed_agency")),
    ),
)

SERVICE = SharedFact(
    name="service",
    title="Services",
    halves=("Service delivered", "Delivery confirmed"),
    population="services",
    key="delivery",
    subject="delivery/",
    about="delivery",
    claimed_by="agency",
    claimed_at="delivered_at",
    others=("for_agency", "requester"),
    first=("service.delivered",),
    confirmations=(Second("confirmed_agency", "confirmed_at", ("service.confirmed",)),),
    disputes=(Second("disputed_agency", "disputed_at", ("service.disputed",)),),
    # For whom nobody is named there is no second half; a delivery on a referral is for the one who asked.
    shared=all_of(is_("delivered"), any_of(known("referral"), differs("for_agency", "agency"))),
    confirmed=all_of(differs("confirmed_agency", "agency"), not_(differs("confirmed_units", "units"))),
    disputed=any_of(
        differs("disputed_agency", "agency"),
        all_of(differs("confirmed_agency", "agency"), differs("confirmed_units", "units")),
    ),
    unmatched=all_of(absent("delivered"), any_of(known("confirmed_agency"), known("disputed_agency"))),
    quantity=Quantity(
        "units",
        unit="units",
        confirmed="confirmed_units",
        partly=not_(differs("disputed_agency", "agency")),
    ),
    borrowed=(Borrowed("requester", "referrals", "referral", "referral", "requester"),),
    # Somebody is named, and it is the deliverer alone: there is nobody else to wait for.
    alone=all_of(
        any_of(known("for_agency"), known("requester")),
        not_(differs("for_agency", "agency")),
        not_(differs("requester", "agency")),
    ),
)

TRAINING = SharedFact(
    name="training",
    title="Joint training",
    halves=("Attendance reported by the organiser", "Attendance confirmed"),
    population="attendances",
    key="key",
    subject="training/",
    about="training",
    claimed_by="organiser",
    claimed_at="held_at",
    others=("agency",),
    first=("training.held",),
    confirmations=(Second("agency", "confirmed_at", ("training.confirmed",)),),
    disputes=(Second("agency", "disputed_at", ("training.disputed",)),),
    shared=all_of(known("attendees"), Ne(op="ne", column="attendees", value=0), differs("agency", "organiser")),
    confirmed=all_of(is_("confirmed"), not_(differs("confirmed_attendees", "attendees"))),
    disputed=any_of(is_("disputed"), all_of(is_("confirmed"), differs("confirmed_attendees", "attendees"))),
    unmatched=all_of(
        any_of(absent("attendees"), is_("attendees", 0)),
        any_of(absent("organiser"), differs("agency", "organiser")),
        any_of(all_of(is_("confirmed"), Ne(op="ne", column="confirmed_attendees", value=0)), is_("disputed")),
    ),
    quantity=Quantity(
        "attendees",
        unit="people",
        confirmed="confirmed_attendees",
        partly=not_(is_("disputed")),
    ),
)

FUNDING = SharedFact(
    name="funding",
    title="Funds",
    halves=("Funds disbursed", "Funds received"),
    population="transactions",
    key="transaction",
    subject="transaction/",
    about="transaction",
    claimed_by="agency",
    claimed_at="happened_at",
    others=("receiver", "provider"),
    first=("funding.disbursed",),
    confirmations=(Second("received_agency", "received_at", ("funding.received",)),),
    disputes=(Second("disputed_agency", "disputed_at", ("funding.disputed",)),),
    shared=all_of(
        is_("stage", "disbursed"),
        any_of(absent("receiver"), differs("receiver", "agency"), differs("provider", "agency")),
    ),
    confirmed=all_of(
        differs("received_agency", "agency"),
        not_(differs("received_amount_minor", "amount_minor")),
        not_(differs("received_currency", "currency")),
    ),
    disputed=any_of(
        differs("disputed_agency", "agency"),
        all_of(
            differs("received_agency", "agency"),
            any_of(differs("received_amount_minor", "amount_minor"), differs("received_currency", "currency")),
        ),
    ),
    unmatched=all_of(not_(is_("stage", "disbursed")), any_of(known("received_agency"), known("disputed_agency"))),
    quantity=Quantity(
        "amount_minor",
        unit_column="currency",
        confirmed="received_amount_minor",
        # Another currency is another sum: nobody here knows the rate.
        partly=all_of(not_(differs("disputed_agency", "agency")), not_(differs("received_currency", "currency"))),
    ),
)

COMMITMENT = SharedFact(
    name="commitment",
    title="Commitments",
    halves=("Delivery evidenced", "Delivery accepted"),
    population="obligations",
    key="key",
    subject="commitment/",
    about="commitment",
    claimed_by="obligor",
    claimed_at="evidenced_at",
    others=("obligee",),
    first=("commitment.evidenced",),
    confirmations=(Second("accepted_agency", "accepted_at", ("commitment.accepted",)),),
    disputes=(Second("disputed_agency", "disputed_at", ("commitment.disputed",)),),
    shared=all_of(is_("evidenced"), differs("obligee", "obligor")),
    confirmed=differs("accepted_agency", "obligor"),
    disputed=differs("disputed_agency", "obligor"),
    unmatched=all_of(
        not_(is_("evidenced")),
        differs("obligee", "obligor"),
        any_of(differs("accepted_agency", "obligor"), differs("disputed_agency", "obligor")),
    ),
    quantity=Quantity("evidenced_quantity", unit_column="unit"),
    borrowed=(Borrowed("unit", "commitments", "commitment", "commitment", "unit"),),
)

FACTS: dict[str, SharedFact] = {fact.name: fact for fact in (REFERRAL, SERVICE, TRAINING, FUNDING, COMMITMENT)}
"""Every shared fact by name, in the order in which they are shown."""


def state_condition(fact: SharedFact, state: State) -> Condition:
    """The condition of one state, over the row's columns and the borrowed ones; the four exclude each other."""
    match state:
        case "disputed":
            return all_of(fact.claimed, fact.disputed)
        case "confirmed":
            return all_of(fact.claimed, not_(fact.disputed), fact.confirmed)
        case "pending":
            return all_of(fact.claimed, not_(fact.disputed), not_(fact.confirmed))
        case "unmatched":
            return all_of(not_(fact.claimed), fact.unmatched)


def confirmed_condition(population: str) -> Condition | None:
    """What a row of a population must meet to count where a KPI is read as confirmed; None where nobody else is
    to confirm anything about its rows.

    A claim counts only where the other side confirmed it and does not dispute it. A row that claims nothing of
    another agency (an obligation without evidence, funds that are only pledged) has no second half to wait for
    and counts as it is: otherwise an unkept promise would leave the denominator, and every kept one make 100 %.
    A KPI sees no borrowed columns, so what is ``alone`` by them counts only where another agency confirms it.
    """
    fact = next((fact for fact in FACTS.values() if fact.population == population), None)
    return None if fact is None else any_of(not_(fact.shared), all_of(not_(fact.disputed), fact.confirmed))
