"""Thin shells of ``eventsourcing`` around the deciders, and the mapper of their events to canonical bytes.

They are here so that a decision is stored as exactly the CloudEvent that was received, as the next version of
its aggregate, while the rules stay free of the library. A stored topic is looked up in the catalogue and never
imported.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self

import orjson
from eventsourcing.domain import BaseAggregate, CanMutateAggregate, DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from contracts.catalogue import CATALOGUE
from contracts.moments import parse_us
from contracts.recorded import Accepted
from domain.decider import Decider, Fact
from domain.order import Order, Place, place
from domain.recorder import DecisionStored

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Governed(BaseAggregate[str]):
    """An aggregate whose state is whatever its decider says; ``version`` counts its decisions from 1."""

    noun: ClassVar[str]
    decider: Decider[Any]
    state: Any
    order: Order

    @classmethod
    def begin(cls, aggregate_id: str, decider: Decider[Any]) -> Self:
        """The aggregate before its first decision, at version 0."""
        shell = cls.__new__(cls)
        shell.__base_init__(aggregate_id, 0, _EPOCH)
        shell.decider = decider
        shell.state = decider.initial_state()
        shell.order = Order()
        return shell

    def take(self, accepted: Accepted) -> None:
        """Decide on a submission. Raises the Fault of the rule that refuses it, having changed nothing."""
        facts = self.decider.decide(self.state, Fact(accepted.type, accepted.data))
        here = place(accepted.type, accepted.data, accepted.time_us, accepted.source, accepted.id)
        self.order.check(here)
        for fact in facts:
            decided = Decided(self.id, self.version + 1, accepted.time_us, fact, accepted, here)
            decided.mutate(self)
            self.pending_events.append(decided)


class Decided(CanMutateAggregate[str]):
    """One decision as the library sees it: a version of an aggregate."""

    fact: Fact
    accepted: Accepted | None
    place: Place | None

    def __init__(
        self,
        originator_id: str,
        originator_version: int,
        time_us: int | None,
        fact: Fact,
        accepted: Accepted | None = None,
        place: Place | None = None,
    ) -> None:
        """``accepted`` is the submission where the decision is new, None where it was read back.

        ``place`` is where it stands among the decisions about its aggregate.
        """
        self.originator_id = originator_id
        self.originator_version = originator_version
        self.timestamp = _EPOCH + timedelta(microseconds=time_us or 0)
        self.fact = fact
        self.accepted = accepted
        self.place = place

    def apply(self, aggregate: Governed) -> None:
        """Evolve the state; the library has checked the aggregate's id and version."""
        aggregate.state = aggregate.decider.evolve(aggregate.state, self.fact)
        if self.place is not None:
            aggregate.order.follow(self.place)


class DecisionMapper(Mapper[str]):
    """Decided <-> the canonical bytes as received."""

    def __init__(self) -> None:
        """No transcoder is used: the bytes are the event."""
        super().__init__(transcoder=JSONTranscoder())

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """The stored form of a new decision. TypeError for anything that did not come through the intake."""
        if not isinstance(domain_event, Decided) or domain_event.accepted is None:
            raise TypeError(f"only a decision that was submitted can be stored, not {domain_event!r}")
        accepted = domain_event.accepted
        return DecisionStored(
            domain_event.originator_id,
            domain_event.originator_version,
            f"{accepted.type}.v{accepted.version}",
            accepted,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        """The decision of a stored event, its payload upcast. Raises as ``Catalogue.entry`` does."""
        entry = CATALOGUE.entry(stored_event.topic)
        envelope: dict[str, Any] = orjson.loads(stored_event.state)
        fact = Fact(entry.name, CATALOGUE.upcast(stored_event.topic, envelope["data"]))
        time = envelope.get("time")
        time_us = None if time is None else parse_us(time)
        here = place(fact.type, fact.data, time_us, envelope["source"], envelope["id"])
        return Decided(str(stored_event.originator_id), stored_event.originator_version, time_us, fact, None, here)
