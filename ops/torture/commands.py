"""The campaigns past one machine as commands: ``python -m ops.torture flood``, ``postgres``, ``broker``, ``equality``.

Here because an operator is to run them as they are: each starts the servers that it needs, or takes one by address,
prints one line that may be quoted and ends with 1 where that line says what it must not, with 2 where it could not be
run.
"""

from __future__ import annotations

import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console

from ops.torture.campaign import fast_directory

EXIT_BROKEN = 1
EXIT_NOT_RUN = 2

OWN = "own"
Seconds = Annotated[float, typer.Option(min=1, help="How long the load lasts.")]
Seed = Annotated[int | None, typer.Option(help="Seed to replay; a fresh one is drawn and printed.")]
Database = Annotated[
    str,
    typer.Option(help="The address of an empty database, or 'own': a server is started for the campaign."),
]


class Way(StrEnum):
    """How a flood comes in."""

    HTTP = "http"
    KAFKA = "kafka"


class NotRun(Exception):
    """The campaign could not be run; says why."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("flood")(flood)
    app.command("postgres")(postgres)
    app.command("broker")(broker)
    app.command("equality")(equality)


def flood(
    seconds: Seconds = 60.0,
    times: Annotated[float, typer.Option(min=1, help="How many times the sustainable rate is offered.")] = 10.0,
    database: Annotated[
        str, typer.Option(help="'sqlite', the address of an empty database, or 'own': a server is started.")
    ] = "sqlite",
    by: Annotated[Way, typer.Option(help="Over HTTP, or over a Kafka topic, always with a database.")] = Way.HTTP,
    control: Annotated[
        bool, typer.Option(help="Also flood a server without turns, which must starve (only over HTTP).")
    ] = True,
) -> None:
    """Offer a server many times what it can take, from one agency, while others behave."""
    if by is Way.KAFKA:
        _flood_by_kafka(seconds, times, OWN if database == "sqlite" else database)
        return
    from ops.torture import flood as campaign
    from ops.torture.errands import SenderFailed
    from ops.torture.served import FAIR, UNFAIR, NotServing

    shape = campaign.Shape(seconds=seconds, times=times)
    jobs = [(FAIR, shape)]
    if control:
        jobs.append((UNFAIR, campaign.SMALL))
    broken: list[str] = []
    with _ending((NotServing, SenderFailed, campaign.NotRun)), _databases(database) as fresh:
        for module, chosen in jobs:
            settings = {} if database == "sqlite" else {"database": fresh()}
            outcome = campaign.run(
                chosen, settings=settings, module=module, where="PostgreSQL" if settings else "SQLite"
            )
            found = campaign.failures(outcome)
            if module == FAIR:
                _out(outcome.line())
                broken += found
            else:
                _out(f"control without turns: {outcome.line()}")
                if not any("starved" in reason for reason in found):
                    broken.append("the control without turns starved nobody: this flood cannot see unfairness")
    _end(broken)


def _flood_by_kafka(seconds: float, times: float, database: str) -> None:
    from ops.torture import kafka_flood as campaign
    from ops.torture.served import NotServing

    with _ending((NotServing, campaign.NotRun)), _databases(database) as fresh:
        outcome = campaign.run(campaign.Shape(seconds=seconds, times=times), fresh(), say=_err().print)
    _out(outcome.line())
    _end(campaign.failures(outcome))


def postgres(
    seconds: Seconds = 60.0,
    writers: Annotated[int, typer.Option(min=1, help="Writers, each with a connection pool of its own.")] = 8,
    kill_server: Annotated[bool, typer.Option(help="Also kill the whole server, with all of its processes.")] = True,
    control: Annotated[bool, typer.Option(help="Also run the library's own functions, which must miss events.")] = True,
    seed: Seed = None,
) -> None:
    """Kill the sessions of writers, and the server, while readers tail the log."""
    from ops.torture.postgres import campaign
    from ops.torture.postgres_control import missed_by_the_library

    seed = _seeded(seed)
    with _ending():
        counts = campaign(seconds, writers, kill_server=kill_server, seed=seed, folder=_memory())
    _out(postgres_line(counts, writers, seconds))
    broken = postgres_failures(counts, kill_server)
    if control:
        with _ending(), _databases(OWN) as fresh:
            missed = missed_by_the_library(max(30.0, seconds), writers, fresh(), seed=seed)
        _out(f"control, the library's database functions: events {missed['events']:,}, missed {missed['missed']:,}")
        if not missed["missed"]:
            broken.append("the control missed nothing: this campaign cannot see a reader that passes over events")
    _end(broken)


def broker(
    seconds: Seconds = 60.0,
    database: Database = OWN,
    seed: Seed = None,
) -> None:
    """Stop, start and kill Apache Kafka under load, with PostgreSQL, a relay and workers."""
    from ops.torture import broker as campaign
    from ops.torture.errands import SenderFailed
    from ops.torture.served import NotServing

    seed = _seeded(seed)
    # Its own client says with every attempt that the broker is away, which is what is done to it here.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with _ending((NotServing, SenderFailed, campaign.NotRun)), _databases(database) as fresh:
        outcome = campaign.run(campaign.Shape(seconds=seconds), fresh(), seed=seed, say=_err().print)
    _out(outcome.line())
    _end(campaign.failures(outcome))


def equality(
    events: Annotated[int, typer.Option(min=1, help="Events that are sent by every way.")] = 200_000,
    database: Annotated[str, typer.Option(help="'own': a server is started for the campaign.")] = OWN,
    with_broker: Annotated[bool, typer.Option(help="Also by Apache Kafka and workers that are killed.")] = True,
    seed: Seed = None,
) -> None:
    """Send the same events by a file, a database and a broker, and compare what comes out to the byte."""
    from ops.torture.equality import campaign

    seed = _seeded(seed)
    with _ending((TimeoutError,)), _databases(database) as fresh, _kafka(with_broker) as address:
        told = campaign(events, seed, address, fresh, say=_err().print)
    _out(equality_line(told))
    _end([f"differs from the first way: {difference}" for difference in told["differences"]])


def postgres_line(counts: Mapping[str, int], writers: int, seconds: float) -> str:
    """The one line that may be quoted of the campaign on PostgreSQL."""
    return (
        f"PostgreSQL, {writers} writers for {seconds:.0f} s: killed {counts['killed_sessions']:,} sessions and "
        f"{counts['killed_servers']:,} servers, acknowledged {counts['acknowledged']:,}, lost {counts['lost']:,}, "
        f"twice {counts['twice']:,}, holes {counts['holes']:,}, passed over by readers {counts['passed_over']:,}, "
        f"not seen by readers {counts['unseen']:,}, false conflicts {counts['false_conflicts']:,}, "
        f"false duplicates {counts['false_duplicates']:,}, other receipts {counts['other_receipts']:,}, "
        f"problems {counts['problems']:,}"
    )


def postgres_failures(counts: Mapping[str, int], kill_server: bool) -> list[str]:
    """Why the counts are not those that are due; empty when they are."""
    from ops.torture.postgres import MUST_BE_ZERO

    broken = [f"{name}: {counts[name]}, must be 0" for name in MUST_BE_ZERO if counts[name]]
    due = ["acknowledged", "killed_sessions", *(["killed_servers"] if kill_server else [])]
    return broken + [f"{name}: 0, so nothing was tried" for name in due if not counts[name]]


def equality_line(told: Mapping[str, Any]) -> str:
    """The one line that may be quoted of the campaign of equality."""
    ways = ", ".join(f"{way} {seconds:,.0f} s" for way, seconds in told["seconds"].items())
    verdict = "equal to the byte" if told["equal"] else f"{len(told['differences'])} differences"
    return (
        f"the same {told['events']:,} events ({told['recorded']:,} recorded) by {len(told['seconds'])} ways: "
        f"root, read models, cells and scorecard {verdict}; root {told['root'][:16]}; {ways}"
    )


def _out(line: str) -> None:
    Console(highlight=False, soft_wrap=True).print(line, markup=False)


def _err() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def _end(broken: Sequence[str]) -> None:
    for reason in broken:
        _err().print(f"broken: {reason}", markup=False)
    if broken:
        raise typer.Exit(EXIT_BROKEN)


def _seeded(seed: int | None) -> int:
    chosen = secrets.randbelow(2**32) if seed is None else seed
    _out(f"seed {chosen}")
    return chosen


def _memory() -> Path | None:
    fast = fast_directory()
    return None if fast is None else Path(fast)


@contextmanager
def _ending(cannot: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """What cannot be run ends with its own status."""
    try:
        yield
    except (NotRun, *cannot) as reason:  # type: ignore[misc]
        _err().print(f"not run: {reason}", markup=False)
        raise typer.Exit(EXIT_NOT_RUN) from reason


@contextmanager
def _databases(asked: str) -> Iterator[Callable[[], str]]:
    """A function that gives a fresh, empty database at each call. Raises NotRun."""
    if asked == "sqlite":
        yield lambda: ""
    elif asked == OWN:
        from ops.torture.local_postgres import LocalPostgres

        try:
            server = LocalPostgres(_memory())
        except RuntimeError as reason:
            raise NotRun(str(reason)) from reason
        with server:
            yield server.fresh
    else:
        numbers = iter(range(1, 1_000))
        yield lambda: _made_at(asked, next(numbers))


def _made_at(address: str, number: int) -> str:
    """The database that was given, the first time; another beside it after that."""
    if number == 1:
        return address
    name = f"tallystick_torture_{os.getpid()}_{number}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    base, _, _ = address.rpartition("/")
    return f"{base}/{name}"


@contextmanager
def _kafka(wanted: bool) -> Iterator[str | None]:
    """The address of an Apache Kafka of the campaign's own, or None. Raises NotRun."""
    from ops.deploy.kafka.local import BrokerFailed, LocalKafka, why_not

    if not wanted:
        yield None
        return
    reason = why_not()
    if reason is not None:
        raise NotRun(reason)
    with tempfile.TemporaryDirectory(prefix="tallystick-kafka-") as folder:
        server = LocalKafka(Path(folder))
        try:
            yield server.start()
        except BrokerFailed as failed:
            raise NotRun(str(failed)) from failed
        finally:
            server.kill()
