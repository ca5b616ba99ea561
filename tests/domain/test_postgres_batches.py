"""Law 2 where a connection is lost: what was committed stands, what was not is done again, and neither is mistaken."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Thread
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from contracts.faults import Fault, UnavailableFault
from contracts.ports import Store
from domain.appending import Appending
from domain.ledger import Ledger
from domain.postgres import batches
from domain.postgres.batches import Batches
from domain.postgres.limits import Limits
from domain.postgres.sessions import Sessions
from tests.domain.given import Stopped, adopted, call, goal, refused, statuses
from tests.domain.proxy import Loss, Proxy

BATCH = [call(1), call(2), adopted(), goal(1), call(1, priority="2"), refused()]
ENDED = ["recorded", "recorded", "recorded", "recorded", "conflict", "rejected"]


@pytest.fixture
def proxy(postgres_address: str) -> Iterator[Proxy]:
    with Proxy(postgres_address) as between:
        yield between


@pytest.fixture
def book(proxy: Proxy) -> Iterator[Ledger]:
    book = Ledger.connect(proxy.address, clock=Stopped(), limits=Limits(patience_s=10))
    yield book
    book.close()


@pytest.mark.parametrize("loss", ["after the commit", "before the commit", "never told"])
def test_law_2_a_batch_whose_commit_was_lost_ends_as_if_it_had_not_been(proxy: Proxy, book: Ledger, loss: Loss) -> None:
    book.record([call(9)])
    proxy.lose(loss)
    outcomes = book.record(BATCH)
    assert 1 == proxy.lost
    assert ENDED == statuses(outcomes)
    assert [2, 3, 4, 5] == [outcome.receipt.log_index for outcome in outcomes[:4] if outcome.receipt]
    assert {"recorded": 5, "duplicate": 0, "conflict": 1, "rejected": 1} == book.totals()
    assert [1, 1] == [kept.times for kept in book.rejections()]
    assert ["recorded"] == statuses(book.record([call(3)])), "names of the lost attempt are neither kept nor missing"
    assert book.verify().ok


def test_law_2_losses_one_after_the_other_are_each_settled(proxy: Proxy, book: Ledger) -> None:
    proxy.lose("before the commit", "never told", "after the commit")
    assert ENDED == statuses(book.record(BATCH))
    assert (3, 4) == (proxy.lost, book.head().log_index)
    assert book.verify().ok


@pytest.mark.parametrize(("loss", "lie"), [("before the commit", "committed"), ("after the commit", "aborted")])
def test_law_1_the_id_of_a_transaction_is_not_believed_for_a_killed_server_gives_it_to_another(
    proxy: Proxy, book: Ledger, monkeypatch: pytest.MonkeyPatch, loss: Loss, lie: str
) -> None:
    book.record([call(9)])
    asked: list[str] = []
    execute = psycopg.Connection.execute

    def lying(session: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        if "pg_xact_status" in str(query):
            asked.append(lie)
            return execute(session, f"SELECT '{lie}'")
        return execute(session, query, *arguments, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", lying)
    proxy.lose(loss)
    assert ENDED == statuses(book.record(BATCH))
    assert [lie] == asked
    assert (5, {"recorded": 5, "duplicate": 0, "conflict": 1, "rejected": 1}) == (book.head().log_index, book.totals())
    assert book.verify().ok


def test_control_one_that_does_not_ask_what_became_of_it_answers_falsely(
    proxy: Proxy, book: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Batches, "_fate", lambda *_: "aborted")
    proxy.lose("after the commit")
    assert ["duplicate", "duplicate"] == statuses(book.record([call(1), call(2)]))


def test_what_cannot_be_learnt_is_said_and_sending_again_gets_the_first_receipts(proxy: Proxy, book: Ledger) -> None:
    book = Ledger.connect(proxy.address, clock=Stopped(), limits=Limits(patience_s=0.3))
    book.record([call(9)])
    proxy.lose("after the commit")
    proxy.reachable = False
    with pytest.raises(UnavailableFault) as told:
        book.record([call(1)])
    assert "database_unavailable" == told.value.problem.code
    assert "not known" in told.value.problem.hint
    proxy.reachable = True
    (again,) = book.record([call(1)])
    assert again.receipt is not None
    assert ("duplicate", 2) == (again.status, again.receipt.log_index)
    book.close()


def test_a_database_that_is_gone_is_said_after_a_while_and_nothing_is_kept(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Ledger.connect(proxy.address, clock=Stopped(), limits=Limits(patience_s=0.3, connect_timeout_s=0.2))
    proxy.reachable = False
    for question in (lambda: book.record([call(1)]), book.head):
        with pytest.raises(UnavailableFault) as told:
            question()
        assert "database_unavailable" == told.value.problem.code
        assert told.value.problem.extra["retry_after_s"] >= 1
    proxy.reachable = True
    assert ["recorded"] == statuses(book.record([call(1)]))
    book.close()


@pytest.mark.parametrize("purpose", ["write", "ask"])
def test_a_session_ended_by_the_server_is_replaced(postgres_address: str, purpose: str) -> None:
    book = Ledger.connect(postgres_address, clock=Stopped())
    book.record([call(1)])
    assert 1 == book.head().log_index
    with psycopg.connect(postgres_address, autocommit=True) as other:
        ended = other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            (f"tallystick {purpose}",),
        ).fetchall()
    assert [(True,)] == ended
    assert ["recorded", "duplicate"] == statuses(book.record([call(2), call(1)]))
    assert 2 == book.head().log_index
    book.close()


def test_a_session_ended_in_the_middle_of_a_batch_is_a_batch_done_again(
    postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Ledger.connect(postgres_address, clock=Stopped())
    close, ended = Appending.close, []

    def end_first(page: Appending) -> None:
        if not ended:
            with psycopg.connect(postgres_address, autocommit=True) as other:
                ended.append(
                    other.execute(
                        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                        "WHERE application_name = 'tallystick write' AND datname = current_database()"
                    ).fetchall()
                )
        close(page)

    monkeypatch.setattr(Appending, "close", end_first)
    assert ENDED == statuses(book.record(BATCH))
    assert [[(True,)]] == ended
    assert book.verify().ok
    book.close()


def test_a_writer_waits_for_its_turn_no_longer_than_it_is_told(postgres_address: str) -> None:
    book = Ledger.connect(postgres_address, clock=Stopped(), limits=Limits(lock_timeout_s=0.05, patience_s=0.2))
    with psycopg.connect(postgres_address) as other:
        other.execute("SELECT 1 FROM head FOR UPDATE")
        with pytest.raises(UnavailableFault, match="lock timeout"):
            book.record([call(1)])
    assert ["recorded"] == statuses(book.record([call(1)]))
    book.close()


def hold(address: str, writing_idle_s: float, inside: Any) -> None:
    """Begins a batch and says so; then it waits for what never comes."""
    book = Ledger.connect(address, clock=Stopped(), limits=Limits(writing_idle_s=writing_idle_s))

    def work(_: Appending) -> None:
        inside.set()
        signal.pause()

    book.recorder.append(work)


@contextmanager
def frozen(address: str, writing_idle_s: float) -> Iterator[None]:
    """Another process that was stopped inside a batch, as one is whose machine is suspended."""
    context = multiprocessing.get_context("spawn")
    inside = context.Event()
    process = context.Process(target=hold, args=(address, writing_idle_s, inside))
    process.start()
    try:
        assert inside.wait(60)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        yield
    finally:
        process.kill()
        process.join()


def test_a_writer_frozen_inside_a_batch_does_not_stop_the_others(postgres_address: str) -> None:
    with (
        closing(Ledger.connect(postgres_address, clock=Stopped())) as book,
        frozen(postgres_address, writing_idle_s=0.2),
    ):
        assert ["recorded"] == statuses(book.record([call(1)]))


def test_control_one_that_may_be_silent_for_long_stops_them(postgres_address: str) -> None:
    limits = Limits(lock_timeout_s=0.1, patience_s=0.3)
    with (
        closing(Ledger.connect(postgres_address, clock=Stopped(), limits=limits)) as book,
        frozen(postgres_address, writing_idle_s=600),
        pytest.raises(UnavailableFault, match="lock timeout"),
    ):
        book.record([call(1)])


def too_late(store: Store, address: str) -> None:
    """Says nothing inside a transaction until the server has ended it; then goes on."""
    with store.share() as connection, psycopg.connect(address, autocommit=True) as other:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        deadline = time.monotonic() + 30
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone():
            assert time.monotonic() < deadline
        connection.exec_driver_sql("SELECT 1")


def test_whoever_keeps_rows_and_was_ended_for_standing_still_takes_it_for_a_connection_lost(
    postgres_address: str,
) -> None:
    limits = Limits(writing_idle_s=0.05)
    with closing(Ledger.connect(postgres_address, clock=Stopped(), limits=limits)) as book:
        with pytest.raises(OperationalError):
            too_late(book.store(), postgres_address)
        with book.store().share() as connection:
            assert 1 == connection.exec_driver_sql("SELECT 1").scalar()


def test_every_session_has_an_end_and_notices_a_peer_without_power(postgres_address: str) -> None:
    names = ("idle_in_transaction_session_timeout", *(f"tcp_{n}" for n in ("keepalives_idle", "user_timeout")))
    query = f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}, inet_client_addr() IS NULL"
    sessions = Sessions(postgres_address, Limits(), writable=True, must_be_durable=True)
    with sessions.connect("write") as writing, sessions.askers.connection() as asking:
        for session, idle in ((writing, "30s"), (asking, "5min")):
            found = session.execute(query).fetchone()
            assert found is not None
            # A socket of the same machine has no such settings.
            assert (idle, *(("0", "0") if found[3] else ("10", "30000"))) == found[:3]
    with sessions.keepers.connection() as keeping:
        assert ("30s",) == (keeping.execute(f"SHOW {names[0]}").fetchone())
    sessions.close()


def test_a_batch_that_is_refused_for_good_is_not_tried_again(
    postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Ledger.connect(postgres_address, clock=Stopped())
    tried = []

    def refuse(page: Appending) -> None:
        tried.append(page)
        raise psycopg.errors.DiskFull("no space")

    with monkeypatch.context() as broken:
        broken.setattr(Appending, "close", refuse)
        with pytest.raises(UnavailableFault) as told:
            book.record([call(1)])
    assert ("storage_full", 1) == (told.value.problem.code, len(tried))
    assert ["recorded"] == statuses(book.record([call(1)]))
    book.close()


def test_two_ledgers_of_one_database_know_each_others_names_and_events(postgres_address: str) -> None:
    first, second = (Ledger.connect(postgres_address, clock=Stopped()) for _ in range(2))
    assert ["recorded"] * 2 == statuses(first.record([call(1), call(2)]))
    assert ["duplicate", "recorded"] == statuses(second.record([call(2), call(3)]))
    assert ["duplicate", "recorded", "conflict"] == statuses(first.record([call(3), call(4), call(2, priority="2")]))
    assert ["recorded", "recorded"] == statuses(second.record([adopted(), goal(1)]))
    assert ["duplicate", "recorded"] == statuses(first.record([adopted(), goal(2)]))
    assert first.verify().ok
    assert first.head() == second.head()
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("setting", "code"),
    [("fsync", "database_unsuitable"), ("full_page_writes", "database_unsuitable")],
)
def test_a_server_that_may_lose_what_it_committed_is_refused(
    postgres_address: str, monkeypatch: pytest.MonkeyPatch, setting: str, code: str
) -> None:
    from domain.postgres import sessions

    monkeypatch.setitem(sessions._MUST_BE, setting, "better")
    with pytest.raises(Fault, match=setting) as told:
        Ledger.connect(postgres_address, clock=Stopped())
    assert code == told.value.problem.code
    Ledger.connect(postgres_address, clock=Stopped(), must_be_durable=False).close()


def test_every_session_that_writes_syncs_whatever_the_role_says(postgres_address: str) -> None:
    with psycopg.connect(postgres_address, autocommit=True) as other:
        other.execute("SELECT 1")
        name = other.info.dbname
        other.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')  # type: ignore[arg-type]
    book = Ledger.connect(postgres_address, clock=Stopped())
    seen = book.recorder.append(lambda page: page.writing.ask("SHOW synchronous_commit").fetchone())
    assert ("on",) == seen
    with book.store().write() as connection:
        assert "on" == connection.exec_driver_sql("SHOW synchronous_commit").scalar()
    book.close()


def test_a_database_without_tables_or_of_another_revision_is_refused(
    bare_postgres_address: str, postgres_address: str
) -> None:
    with psycopg.connect(postgres_address) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    for address in (bare_postgres_address, postgres_address):
        with pytest.raises(Fault) as told:
            Ledger.connect(address, clock=Stopped())
        assert "not_migrated" == told.value.problem.code
        assert "tallystick migrate" in told.value.problem.hint


def test_a_database_that_cannot_be_reached_is_said_without_its_password() -> None:
    with pytest.raises(Fault) as told:
        Ledger.connect("postgresql://someone:secret@127.0.0.1:1/none", clock=Stopped(), limits=Limits(patience_s=0.1))
    assert "database_unavailable" == told.value.problem.code
    assert "secret" not in str(told.value)


def test_a_ledger_opened_to_read_does_not_write(postgres_address: str) -> None:
    book = Ledger.connect(postgres_address, clock=Stopped(), writable=False)
    with pytest.raises(RuntimeError, match="read only"):
        book.record([call(1)])
    book.close()


def test_a_moment_of_waiting_grows_to_a_bound() -> None:
    assert batches.PAUSE_FIRST_S < batches.PAUSE_LARGEST_S < Limits().patience_s


def test_threads_of_one_ledger_take_turns(postgres_address: str) -> None:
    book = Ledger.connect(postgres_address, clock=Stopped())
    threads = [
        Thread(target=lambda n=n: book.record([call(i, source=f"//s{n}") for i in range(40)]))  # type: ignore[misc]
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 160 == book.head().log_index
    assert book.verify().ok
    book.close()
