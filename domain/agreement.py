"""The rules of an agreement: signed once, amended and committed under while it lives, ended once.

They are here because a commitment is only as good as the agreement behind it: what nobody signed, or what
binds someone who is no party, cannot fall due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from contracts.faults import fault
from domain.decider import Fact


@dataclass(frozen=True, slots=True)
class AgreementState:
    """What the rules need to know of an agreement."""

    signed: bool = False
    ended: bool = False
    parties: frozenset[str] = frozenset()
    commitments: frozenset[str] = frozenset()


class AgreementRules:
    """A Decider."""

    def initial_state(self) -> AgreementState:
        """Nothing is signed."""
        return AgreementState()

    def decide(self, state: AgreementState, fact: Fact) -> Sequence[Fact]:
        """The fact itself, where no rule refuses it. Raises a Fault with the rule's code where one does."""
        data = fact.data
        if fact.type == "agreement.signed":
            if state.signed:
                raise fault("agreement_already_signed", f"{_name(data)} is already signed.", "/data/agreement")
            return (fact,)
        if not state.signed:
            raise fault("agreement_not_signed", f"{_name(data)} has not been signed.", "/data/agreement")
        if state.ended:
            raise fault("agreement_already_ended", f"{_name(data)} has ended.", "/data/agreement")
        if fact.type == "commitment.made":
            _committable(state, data)
        elif fact.type not in ("agreement.amended", "agreement.ended"):
            raise fault("decision_refused", f"No rule of an agreement knows {fact.type}.", "/type")
        return (fact,)

    def evolve(self, state: AgreementState, fact: Fact) -> AgreementState:
        """The agreement after the fact."""
        data = fact.data
        if fact.type == "agreement.signed":
            return replace(state, signed=True, parties=frozenset(data["parties"]))
        if fact.type == "agreement.amended" and data.get("parties"):
            return replace(state, parties=frozenset(data["parties"]))
        if fact.type == "agreement.ended":
            return replace(state, ended=True)
        if fact.type == "commitment.made":
            return replace(state, commitments=state.commitments | {data["commitment"]})
        return state


def _committable(state: AgreementState, data: dict[str, Any]) -> None:
    if data["commitment"] in state.commitments:
        raise fault("commitment_exists", f"{_name(data)} already holds {data['commitment']!r}.", "/data/commitment")
    for role in ("obligor", "obligee"):
        if data[role] not in state.parties:
            raise fault(
                "party_unknown",
                f"{data[role]!r} is no party to {_name(data)}: {', '.join(sorted(state.parties))}.",
                f"/data/{role}",
                parties=sorted(state.parties),
            )


def _name(data: dict[str, Any]) -> str:
    return f"The agreement {data['agreement']!r}"
