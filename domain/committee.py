"""The rules of what a committee does: meetings, decisions with their dissent, and the actions that follow.

They are here because follow-through is counted: a meeting kept twice, a decision taken twice under one name or an
action closed that nobody had opened would each change that number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from contracts.faults import fault
from domain.decider import Fact


@dataclass(frozen=True, slots=True)
class Once:
    """Whether it has been recorded."""

    recorded: bool = False


class OnceRules:
    """A Decider of something that is recorded once and never changes: a meeting held, a decision taken."""

    def __init__(self, noun: str, type: str) -> None:
        """``type`` is the one event type there is about the ``noun``."""
        self._noun = noun
        self._type = type

    def initial_state(self) -> Once:
        """Not recorded."""
        return Once()

    def decide(self, state: Once, fact: Fact) -> Sequence[Fact]:
        """The fact itself. Raises the fault ``already_recorded`` the second time."""
        if fact.type != self._type:
            raise fault("decision_refused", f"No rule of a {self._noun} knows {fact.type}.", "/type")
        if state.recorded:
            raise fault(
                "already_recorded",
                f"The {self._noun} {fact.data[self._noun]!r} is recorded and is not changed.",
                f"/data/{self._noun}",
            )
        return (fact,)

    def evolve(self, state: Once, fact: Fact) -> Once:
        """Recorded."""
        return Once(recorded=True)


@dataclass(frozen=True, slots=True)
class ActionState:
    """Whether the action was opened, and whether it is closed."""

    opened: bool = False
    closed: bool = False


class ActionRules:
    """A Decider. An action is opened once and closed once, with evidence; one that was closed too early is followed
    by another."""

    def initial_state(self) -> ActionState:
        """Not opened."""
        return ActionState()

    def decide(self, state: ActionState, fact: Fact) -> Sequence[Fact]:
        """The fact itself, where no rule refuses it. Raises a Fault with the rule's code where one does."""
        name = f"The action {fact.data['action']!r}"
        if fact.type == "action.opened":
            if state.opened:
                raise fault("action_already_opened", f"{name} is already open.", "/data/action")
            return (fact,)
        if fact.type != "action.closed":
            raise fault("decision_refused", f"No rule of an action knows {fact.type}.", "/type")
        if not state.opened:
            raise fault("action_not_opened", f"{name} was never opened.", "/data/action")
        if state.closed:
            raise fault("action_already_closed", f"{name} is closed.", "/data/action")
        return (fact,)

    def evolve(self, state: ActionState, fact: Fact) -> ActionState:
        """The action after the fact."""
        if fact.type == "action.opened":
            return replace(state, opened=True)
        return replace(state, closed=True)
