"""Leases: one holder at a time for a piece of work that must have one, and proof of it inside each transaction.

It is here because relays and workers run on many machines. A lease says who may work until when, by the database's
clock and no machine's own; its token says whether that is still so at the moment of the commit, however long the
holder slept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import BigInteger, Column, MetaData, Row, Table, Text, select, text, update
from sqlalchemy.engine import Connection

from contracts.faults import fault
from contracts.ports import Clock, Store
from streams.dialect import now_us

DURABLE: Final = MetaData()
"""The tables of the streams that stand beside the log and are never rebuilt."""

LEASES: Final = Table(
    "leases",
    DURABLE,
    Column("name", Text(), primary_key=True),
    Column("holder", Text(), nullable=False),
    Column("token", BigInteger(), nullable=False),
    Column("until_us", BigInteger(), nullable=False),
)
"""Who holds what until when; ``token`` rises at every taking and never falls. ``holder`` is empty where given up."""

_ENSURED: Final = text(
    "INSERT INTO leases (name, holder, token, until_us) VALUES (:name, '', 0, 0) ON CONFLICT (name) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it was taken or last renewed; ``until_us`` is UTC microseconds by the database's clock."""

    name: str
    holder: str
    token: int
    until_us: int

    def guard(self, connection: Connection) -> None:
        """Holds the lease fast until the caller's transaction ends: nobody takes it over before.

        Raises UnavailableFault ``lease_lost`` where somebody already has. To be called in every transaction whose
        work is the holder's alone, before anything is written.
        """
        token = connection.scalar(select(LEASES.c.token).where(LEASES.c.name == self.name).with_for_update())
        if token != self.token:
            raise fault("lease_lost", f"{self.holder} no longer holds the lease {self.name}")


class Leases:
    """Leases in the durable store. Every method may be called from any thread; each is one short transaction."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """``clock`` is asked only where the database has no clock of its own, which is where there is one machine."""
        self._store = store
        self._clock = clock

    def take(self, name: str, holder: str, for_s: float) -> Lease | None:
        """The lease for so many seconds from now, or None while another holder's has not run out.

        Taking again what one holds gives a new token: whatever still works by the old one is fenced off.
        """
        with self._store.share() as connection:
            row = _locked(connection, name)
            if row is None:
                connection.execute(_ENSURED, {"name": name})
                row = _locked(connection, name)
                assert row is not None
            at_us = now_us(connection, self._clock)
            if row.holder not in ("", holder) and row.until_us > at_us:
                return None
            taken = Lease(name, holder, row.token + 1, at_us + _us(for_s))
            connection.execute(
                update(LEASES)
                .where(LEASES.c.name == name)
                .values(holder=holder, token=taken.token, until_us=taken.until_us)
            )
            return taken

    def renew(self, lease: Lease, for_s: float) -> Lease:
        """The same lease for so many seconds from now. One that has run out is renewed where nobody took it.

        Raises UnavailableFault ``lease_lost`` where somebody did.
        """
        with self._store.share() as connection:
            return self.renew_within(connection, lease, for_s)

    def renew_within(self, connection: Connection, lease: Lease, for_s: float) -> Lease:
        """As ``renew``, and as ``guard``, inside the caller's transaction: of use only once that has committed."""
        lease.guard(connection)
        renewed = replace(lease, until_us=now_us(connection, self._clock) + _us(for_s))
        connection.execute(update(LEASES).where(LEASES.c.name == lease.name).values(until_us=renewed.until_us))
        return renewed

    def give_up(self, lease: Lease) -> None:
        """Lets anybody take it at once. Does nothing where somebody already has."""
        with self._store.share() as connection:
            ours = (LEASES.c.name == lease.name) & (LEASES.c.token == lease.token)
            connection.execute(update(LEASES).where(ours).values(holder="", until_us=0))

    def holder(self, name: str) -> Lease | None:
        """Who holds a lease that has not run out, for those who look; None where nobody does."""
        with self._store.read() as connection:
            row = connection.execute(select(LEASES).where(LEASES.c.name == name)).first()
            if row is None or not row.holder or row.until_us <= now_us(connection, self._clock):
                return None
            return Lease(row.name, row.holder, row.token, row.until_us)


def _locked(connection: Connection, name: str) -> Row[str, str, int, int] | None:
    return connection.execute(select(LEASES).where(LEASES.c.name == name).with_for_update()).first()


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)
