"""Opens what holds the ledger and the views, as the settings say: the one place that knows which back end is in use.

Here so that everything else is handed a ledger and generations of views, and works alike on each.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contracts.faults import Problem, fault
from contracts.ports import Clock, Generations, Store
from domain.ledger import Ledger
from ops.settings import Settings

if TYPE_CHECKING:
    from domain.postgres.limits import Limits
    from streams.kafka.connecting import Brokers
    from streams.kafka.topics import Topic

DefinitionChecker = Callable[[dict[str, Any]], Problem | None]


@dataclass(frozen=True, slots=True)
class Parts:
    """An open ledger and the generations of its views; ``close`` them together."""

    ledger: Ledger
    generations: Generations

    def close(self) -> None:
        """Closes both, the views first: they follow the ledger."""
        self.generations.close()
        self.ledger.close()


def open_parts(
    settings: Settings, clock: Clock, writable: bool, definition_checker: DefinitionChecker | None = None
) -> Parts:
    """Opens ledger and views. Raises the faults ``home_in_use``, ``home_missing`` and ``home_unusable`` of a home;
    ``database_unavailable``, ``database_unsuitable``, ``not_migrated`` and ``settings_differ`` of a database."""
    if settings.database is not None:
        return _of_database(settings, clock, writable, definition_checker)
    if not writable and not is_there(settings):
        raise fault("home_missing", f"there is no ledger in {settings.home}")
    from projections.generations.sqlite import SqliteGenerations

    ledger = Ledger.open(settings.home, clock=clock, writable=writable, definition_checker=definition_checker)
    return Parts(ledger, SqliteGenerations(settings.home, clock=clock))


def is_there(settings: Settings) -> bool:
    """Whether there is a ledger to read; of a database that is found out by reading it."""
    return settings.database is not None or (settings.home / "tallystick.db").exists()


def _of_database(
    settings: Settings, clock: Clock, writable: bool, definition_checker: DefinitionChecker | None
) -> Parts:
    from ops.agreeing import agree
    from projections.generations.postgres import PostgresGenerations

    for_log, for_views = pools(settings.database_pool_max)
    address = settings.database_address()
    ledger = Ledger.connect(
        address, clock=clock, writable=writable, definition_checker=definition_checker, limits=limits(settings, for_log)
    )
    try:
        agree(ledger.store(), settings)
        generations = PostgresGenerations(
            address,
            clock=clock,
            pool_max=for_views,
            connect_timeout_s=math.ceil(settings.database_connect_timeout_s),
            statement_timeout_s=settings.statement_timeout_s,
            lock_timeout_s=settings.lock_timeout_s,
        )
        return Parts(ledger, generations)
    except BaseException:
        ledger.close()
        raise


def pools(pool_max: int) -> tuple[int, int]:
    """How many of a process's connections are the log's and how many the views'."""
    for_log = pool_max // 2
    return for_log, pool_max - for_log


def limits(settings: Settings, pool_max: int) -> Limits:
    """What the ledger of one process may take of the server."""
    from domain.postgres.limits import Limits

    return Limits(
        pool_max=pool_max,
        connect_timeout_s=settings.database_connect_timeout_s,
        statement_timeout_s=settings.statement_timeout_s,
        lock_timeout_s=settings.lock_timeout_s,
    )


@contextmanager
def open_log(settings: Settings, clock: Clock) -> Iterator[Ledger]:
    """The log and the durable tables of the database, for a process that has nothing to do with views. Raises as
    ``open_parts`` does."""
    from ops.agreeing import agree

    with bare_log(settings, clock) as ledger:
        agree(ledger.store(), settings)
        yield ledger


@contextmanager
def durable_store(settings: Settings, clock: Clock) -> Iterator[Store]:
    """The durable tables of the database, whatever settings the other processes have and however durable it is."""
    with bare_log(settings, clock, must_be_durable=False) as ledger:
        yield ledger.store()


@contextmanager
def bare_log(settings: Settings, clock: Clock, *, must_be_durable: bool = True) -> Iterator[Ledger]:
    """As ``open_log``, whatever settings the other processes have; keeps nothing."""
    for_log, _ = pools(settings.database_pool_max)
    ledger = Ledger.connect(
        settings.database_address(),
        clock=clock,
        writable=False,
        limits=limits(settings, for_log),
        must_be_durable=must_be_durable,
    )
    with closing(ledger):
        yield ledger


def brokers(settings: Settings) -> Brokers:
    """The brokers as the settings say to reach them. Raises the fault ``settings_invalid``."""
    from streams.kafka.connecting import Brokers

    password = settings.broker_password()
    if password is not None and settings.broker_user is not None:
        return Brokers.with_password(settings.broker_servers, settings.broker_user, password, tls=settings.broker_tls)
    if settings.broker_tls:
        options = {"security_protocol": "SSL", "ssl_context": ssl.create_default_context()}
        return Brokers(settings.broker_servers, options)
    return Brokers(settings.broker_servers)


def agency_topics(settings: Settings) -> list[str]:
    """The topics of their own that agencies' credentials name, in the order of the file."""
    from ops.http.auth import load_credentials

    path = settings.credentials_path
    if path is None:
        return []
    return [found.kafka_topic for found in load_credentials(path) if found.kafka_topic is not None]


def ensure_topics(settings: Settings) -> dict[str, int]:
    """Makes the topics that are missing; name to partitions. Raises the faults ``broker_unreachable`` and
    ``topic_unsuitable``."""
    import asyncio

    from streams.kafka.topics import ensure

    return asyncio.run(ensure(brokers(settings), wanted_topics(settings, agency_topics(settings))))


def wanted_topics(settings: Settings, of_agencies: Sequence[str]) -> list[Topic]:
    """Every topic that this ledger uses, as it is to be."""
    from streams.kafka.topics import topics_of

    return topics_of(settings.topic_prefix, settings.events_partitions, of_agencies)
