"""Which decision belongs to which aggregate, and how one is decided inside the recording transaction.

It is here so that the ledger need not know plans from agreements: the catalogue says which aggregate a type
belongs to, and this room adds the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from eventsourcing.application import Application

from contracts.catalogue import CATALOGUE
from contracts.faults import ConflictFault, fault, problem
from contracts.recorded import Accepted, Receipt
from domain.agreement import AgreementRules
from domain.claims import claim, pointer
from domain.committee import ActionRules, OnceRules
from domain.decider import Decider, DefinitionChecker, Fact
from domain.plan import PlanRules
from domain.review import ReviewRules, within_ledger
from domain.shells import Decided, Governed

if TYPE_CHECKING:
    from domain.appending import Appending


class Plan(Governed):
    """A strategic plan: what was adopted, its goals, objectives, KPIs and targets."""


class Agreement(Governed):
    """An agreement between agencies and the commitments made under it."""


class Review(Governed):
    """A committee's review of a plan: when it is due, and what was known when it was held."""


class Meeting(Governed):
    """A meeting of a plan's committee."""


class Motion(Governed):
    """What a committee decided, with the votes and the dissent."""


class Action(Governed):
    """What someone is to do by a day."""


class Governance:
    """The kinds of aggregates and their rules."""

    def __init__(self, definition_checker: DefinitionChecker | None = None) -> None:
        """``definition_checker`` is asked about every KPI definition before it is decided."""
        self.plan_rules = PlanRules(definition_checker)
        plan: tuple[type[Governed], str, Decider[Any]] = (Plan, "plan", self.plan_rules)
        agreement: tuple[type[Governed], str, Decider[Any]] = (Agreement, "agreement", AgreementRules())
        review: tuple[type[Governed], str, Decider[Any]] = (Review, "review", ReviewRules())
        meeting: tuple[type[Governed], str, Decider[Any]] = (Meeting, "meeting", OnceRules("meeting", "meeting.held"))
        motion: tuple[type[Governed], str, Decider[Any]] = (
            Motion,
            "decision",
            OnceRules("decision", "decision.recorded"),
        )
        action: tuple[type[Governed], str, Decider[Any]] = (Action, "action", ActionRules())
        self._kinds = {
            "plan": plan,
            "agreement": agreement,
            "review": review,
            "meeting": meeting,
            "decision": motion,
            "action": action,
        }

    def session(self, application: Application[str]) -> Session:
        """Decisions of one transaction."""
        return Session(self, application)

    def kind(self, event: Accepted) -> tuple[type[Governed], str, Decider[Any]]:
        """(shell, aggregate id, rules) of a decision."""
        aggregate = CATALOGUE.entry(f"{event.type}.v{event.version}").aggregate
        if aggregate is None:
            raise LookupError(f"{event.type} is a decision about nothing")
        shell, field, decider = self._kinds[aggregate]
        return shell, f"{field}/{event.data[field]}", decider


class Session:
    """The aggregates a transaction has touched; forgotten with it, so a decision rolled back is gone."""

    def __init__(self, governance: Governance, application: Application[str]) -> None:
        self._governance = governance
        self._application = application
        self._loaded: dict[str, Governed] = {}

    def decide(self, event: Accepted, page: Appending) -> Receipt:
        """Decide and append one decision. Raises the Fault of the rule that refuses it."""
        shell, aggregate_id, decider = self._governance.kind(event)
        aggregate = self._loaded.get(aggregate_id) or self._load(shell, aggregate_id, decider)
        self._loaded[aggregate_id] = aggregate
        _guard(event, aggregate)
        if shell is not Plan and event.data.get("plan") is not None:
            self._plan_is_adopted(event.data["plan"])
        within_ledger(Fact(event.type, event.data), page.last)
        claimed = claim(event.type, event.data)
        holder = None if claimed is None else page.holder(claimed)
        # Where the aggregate holds it itself, its own rules say what is wrong.
        if holder is not None and holder != aggregate_id:
            raise fault(
                "decision_held_elsewhere",
                f"{claimed} belongs to {holder}; {aggregate_id} cannot have it as well.",
                pointer(event.type),
                holder=holder,
            )
        aggregate.take(event)
        (recording,) = self._application.save(aggregate)
        if claimed is not None:
            page.hold(claimed, recording.notification.id)
        return Receipt(recording.notification.id, page.recorded_at_us, event.digest)

    def _plan_is_adopted(self, plan: str) -> None:
        # What is decided beside a plan is about it: a review or a meeting of one that nobody adopted is a mistake.
        aggregate_id = f"plan/{plan}"
        if aggregate_id not in self._loaded:
            self._loaded[aggregate_id] = self._load(Plan, aggregate_id, self._governance.plan_rules)
        if not self._loaded[aggregate_id].version:
            raise fault("plan_not_adopted", f"The plan {plan!r} has not been adopted.", "/data/plan")

    def _load(self, shell: type[Governed], aggregate_id: str, decider: Decider[Any]) -> Governed:
        aggregate = shell.begin(aggregate_id, decider)
        for decided in self._application.events.get(aggregate_id):
            assert isinstance(decided, Decided)
            decided.mutate(aggregate)
        return aggregate


def _guard(event: Accepted, aggregate: Governed) -> None:
    """Optimistic concurrency: the sender may say which version of the aggregate it decided on."""
    expected = orjson.loads(event.body).get("expectedversion")
    if expected is not None and expected != aggregate.version:
        raise ConflictFault(
            problem(
                "version_stale",
                f"{aggregate.id} is at version {aggregate.version}; the decision was made on {expected}.",
                "/expectedversion",
                current_version=aggregate.version,
                expected_version=expected,
            )
        )
