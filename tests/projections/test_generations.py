"""Generations: readers see one set of views or the other, never a mixture, whoever switches and wherever it dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from contracts.faults import Fault
from contracts.ports import Generations, Store
from projections import dialect
from projections.generations.postgres import PostgresGenerations
from projections.generations.sqlite import SqliteGenerations

Opened = Callable[[], Generations]
"""Opens the same generations once more, as another process would."""


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    made: list[Generations] = []
    address = request.getfixturevalue("postgres_address") if request.param == "postgresql" else ""

    def another() -> Generations:
        found: Generations = (
            PostgresGenerations(address, clock=lambda: 7) if address else SqliteGenerations(tmp_path, clock=lambda: 7)
        )
        made.append(found)
        return found

    yield another
    for one in made:
        one.close()


def write(store: Store, text: str) -> None:
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS said (what TEXT)")
        connection.exec_driver_sql("DELETE FROM said")
        connection.exec_driver_sql(f"INSERT INTO said VALUES ('{text}')")


def said(connection: Connection) -> Any:
    return connection.exec_driver_sql("SELECT what FROM said").scalar()


def read(generations: Generations) -> Any:
    with generations.live_store().read() as connection:
        return said(connection)


def code(doing: Callable[[], object]) -> str:
    with pytest.raises(Fault) as found:
        doing()
    return found.value.problem.code


def two(opened: Opened) -> tuple[Generations, int, int]:
    """An old generation, which is live, and a new one that is being built."""
    generations = opened()
    old = generations.begin("1")
    write(generations.live_store(), "old")
    new = generations.begin("2")
    write(generations.store(new), "new")
    return generations, old, new


def test_before_the_first_there_is_nothing_to_read_and_nothing_to_write(opened: Opened) -> None:
    generations = opened()
    assert 0 == generations.live()
    with generations.live_store().read() as connection:
        assert 1 == connection.exec_driver_sql("SELECT 1").scalar()
    assert "views_behind" == code(lambda: write(generations.live_store(), "x"))


def test_the_first_is_live_at_once_and_the_next_is_being_built(opened: Opened) -> None:
    generations, old, new = two(opened)
    assert [(old, "1", "live", 7), (new, "2", "building", 7)] == [
        (one.number, one.version, one.state, one.began_at_us) for one in generations.list()
    ]
    assert "old" == read(generations)


def test_another_process_reads_the_new_one_from_its_next_transaction_on(opened: Opened) -> None:
    generations, old, new = two(opened)
    reader = opened()
    with reader.live_store().read() as connection:
        assert "old" == said(connection)
        generations.switch(new)
        # A reading under way goes on with what it has.
        assert "old" == said(connection)
    assert "new" == read(reader)
    assert [(old, "kept"), (new, "live")] == [(one.number, one.state) for one in reader.list()]


def test_what_was_live_can_be_switched_back_to(opened: Opened) -> None:
    generations, old, new = two(opened)
    generations.switch(new)
    generations.switch(old)
    assert ("old", old) == (read(generations), generations.live())
    write(generations.live_store(), "older still")
    assert "older still" == read(opened())


def test_a_live_one_is_not_removed_and_an_unknown_one_not_switched_to(opened: Opened) -> None:
    generations, old, new = two(opened)
    assert "generation_live" == code(lambda: generations.drop(old))
    assert "generation_unknown" == code(lambda: generations.switch(new + 1))
    assert "generation_unknown" == code(lambda: generations.store(new + 1))
    assert "old" == read(generations)


def test_one_that_another_process_builds_is_not_removed(opened: Opened) -> None:
    _, _, new = two(opened)
    assert "views_in_use" == code(lambda: opened().drop(new))


def test_one_whose_builder_is_gone_can_be_removed_and_its_number_is_not_given_again(opened: Opened) -> None:
    generations, old, new = two(opened)
    generations.close()
    after = opened()
    after.drop(new)
    assert [old] == [one.number for one in after.list()]
    assert new + 1 == after.begin("3")


def test_what_fails_inside_a_transaction_leaves_nothing(opened: Opened) -> None:
    generations, _, _ = two(opened)

    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM said")
        raise RuntimeError("on the way")

    for transaction in (generations.live_store().write, generations.live_store().share):
        with pytest.raises(RuntimeError, match="on the way"), transaction() as connection:
            fail(connection)
    assert "old" == read(generations)


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    one, other = (SqliteGenerations(tmp_path, clock=lambda: 7) for _ in range(2))
    number = one.begin("1")
    write(one.live_store(), "one")
    assert "views_in_use" == code(lambda: write(other.store(number), "other"))
    one.release(number)
    write(other.store(number), "other")
    assert "other" == read(one)
    for opened in (one, other):
        opened.close()


def test_sharers_write_beside_each_other_and_a_writer_waits_for_them(postgres_address: str) -> None:
    generations = PostgresGenerations(postgres_address, clock=lambda: 7, lock_timeout_s=0.2)
    generations.begin("1")
    store = generations.live_store()
    write(store, "old")
    with store.share() as first, store.share() as second:
        first.exec_driver_sql("INSERT INTO said VALUES ('first')")
        second.exec_driver_sql("INSERT INTO said VALUES ('second')")
        with pytest.raises(Exception, match="lock timeout"), store.write():
            pass
    with store.write(), pytest.raises(Exception, match="lock timeout"), store.share():
        pass
    with store.read() as connection:
        assert {"old", "first", "second"} == {what for (what,) in connection.exec_driver_sql("SELECT what FROM said")}
    generations.close()


@pytest.mark.parametrize("inside", ["share", "write", "read"])
def test_one_that_somebody_is_inside_of_is_not_removed(postgres_address: str, inside: str) -> None:
    generations = PostgresGenerations(postgres_address, clock=lambda: 7, lock_timeout_s=0.1)
    old = generations.begin("1")
    write(generations.live_store(), "old")
    generations.switch(generations.begin("2"))
    with getattr(generations.store(old), inside)() as connection:
        assert "old" == said(connection)
        assert "views_in_use" == code(lambda: generations.drop(old))
        assert "old" == said(connection)
    generations.drop(old)
    assert [2] == [one.number for one in generations.list()]
    generations.close()


def test_sums_come_back_as_from_sqlite(postgres_address: str, tmp_path: Path) -> None:
    found = []
    for generations in (
        SqliteGenerations(tmp_path, clock=lambda: 7),
        PostgresGenerations(postgres_address, clock=lambda: 7),
    ):
        generations.begin("1")
        with generations.live_store().write() as connection:
            connection.exec_driver_sql("CREATE TABLE n (whole BIGINT, part DOUBLE PRECISION)")
            connection.exec_driver_sql("INSERT INTO n VALUES (-3, 0.25), (1, 0.5)")
            (row,) = connection.exec_driver_sql("SELECT sum(whole), sum(part), min(whole), count(*) FROM n").all()
        found.append([(type(value), value) for value in row])
        generations.close()
    assert found[0] == found[1] == [(int, -2), (float, 0.75), (int, -3), (int, 2)]


def test_a_database_without_its_tables_says_so(bare_postgres_address: str) -> None:
    generations = PostgresGenerations(bare_postgres_address, clock=lambda: 7)
    assert "not_migrated" == code(generations.live)
    assert "not_migrated" == code(lambda: read(generations))
    generations.close()


# A writer that stands still


def hold(address: str, writing_idle_s: float, inside: Any) -> None:
    """Enters a transaction beside others and says so; then it waits for what never comes."""
    generations = PostgresGenerations(address, clock=lambda: 7, writing_idle_s=writing_idle_s)
    with generations.live_store().share() as connection:
        connection.exec_driver_sql("INSERT INTO said VALUES ('frozen')")
        inside.set()
        signal.pause()


@contextmanager
def frozen(address: str, writing_idle_s: float) -> Iterator[None]:
    """Another process that was stopped inside ``share``, as one is whose machine is suspended."""
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


def test_a_worker_frozen_inside_a_transaction_does_not_keep_the_others_out(postgres_address: str) -> None:
    generations = PostgresGenerations(postgres_address, clock=lambda: 7, lock_timeout_s=30)
    generations.begin("1")
    write(generations.live_store(), "old")
    with frozen(postgres_address, writing_idle_s=0.2):
        write(generations.store(1), "new")
    assert "new" == read(generations)
    generations.close()


def test_control_one_that_may_be_silent_for_long_keeps_them_out(postgres_address: str) -> None:
    generations = PostgresGenerations(postgres_address, clock=lambda: 7, lock_timeout_s=0.3)
    generations.begin("1")
    write(generations.live_store(), "old")
    with frozen(postgres_address, writing_idle_s=600), pytest.raises(OperationalError, match="lock timeout"):
        write(generations.store(1), "new")
    generations.close()


def too_late(store: Store, address: str) -> None:
    """Says nothing inside a transaction until the server has ended it; then goes on."""
    with store.share() as connection, psycopg.connect(address, autocommit=True) as other:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        deadline = time.monotonic() + 30
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone():
            assert time.monotonic() < deadline
        connection.exec_driver_sql("INSERT INTO said VALUES ('late')")


def test_whoever_was_ended_for_it_takes_it_for_a_connection_lost(postgres_address: str) -> None:
    generations = PostgresGenerations(postgres_address, clock=lambda: 7, writing_idle_s=0.05)
    number = generations.begin("1")
    write(generations.live_store(), "old")
    for store in (generations.live_store(), generations.store(number)):
        # What a line tries again; of the driver's own errors for it, it knows none.
        with pytest.raises(OperationalError):
            too_late(store, postgres_address)
        write(store, "new")
    generations.close()


def test_whoever_builds_may_be_silent_and_everyone_notices_a_peer_without_power(postgres_address: str) -> None:
    generations = PostgresGenerations(postgres_address, clock=lambda: 7)
    first, second = generations.begin("1"), generations.begin("2")
    with generations.store(first).share() as shared, generations.store(second).write() as built:
        idle = "SHOW idle_in_transaction_session_timeout"
        assert ["30s", "0"] == [one.exec_driver_sql(idle).scalar() for one in (shared, built)]
        dialect.of(shared).be_patient(shared)
        assert "0" == shared.exec_driver_sql(idle).scalar()
        if shared.exec_driver_sql("SELECT inet_client_addr()").scalar() is not None:
            names = ("keepalives_idle", "keepalives_interval", "keepalives_count", "user_timeout")
            told = [shared.exec_driver_sql(f"SHOW tcp_{name}").scalar() for name in names]
            assert ["10", "5", "4", "30000"] == told or ["10s", "5s", "4", "30s"] == told
    with generations.live_store().read() as reading:
        assert "1h" == reading.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar()
    generations.close()


# A kill behind every step

MOMENTS = ("numbered", "made", "begun", "whole", "pointer written", "switched")


def change_over(home: Path, dies_at: str) -> None:
    """Builds and switches, and is killed at a moment."""

    def moment(name: str) -> None:
        if name == dies_at:
            os._exit(9)

    generations = SqliteGenerations(home, clock=lambda: 7, moment=moment)
    new = generations.begin("2")
    write(generations.store(new), "new")
    generations.switch(new)


def killed_at(home: Path, moment: str) -> str:
    """What is read after a kill; then everything must still be possible."""
    first = SqliteGenerations(home, clock=lambda: 7)
    first.begin("1")
    write(first.live_store(), "old")
    first.close()
    process = multiprocessing.get_context("fork").Process(target=change_over, args=(home, moment))
    process.start()
    process.join()
    assert 9 == process.exitcode
    after = SqliteGenerations(home, clock=lambda: 7)
    found = read(after)
    for left in [one.number for one in after.list() if one.state == "building"]:
        after.drop(left)
    new = after.begin("3")
    write(after.store(new), "newer")
    after.switch(new)
    assert "newer" == read(after)
    after.close()
    return str(found)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_leaves_the_old_one_or_the_new_one_whole(tmp_path: Path, moment: str) -> None:
    assert ("new" if moment == "switched" else "old") == killed_at(tmp_path, moment)


def test_the_kill_test_notices_a_pointer_that_moves_too_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: pointing before anything is in the new file.
    begin = SqliteGenerations.begin

    def early(self: SqliteGenerations, version: str) -> int:
        number = begin(self, version)
        self._point_at(number)
        return number

    monkeypatch.setattr(SqliteGenerations, "begin", early)
    with pytest.raises(AssertionError):
        test_a_kill_leaves_the_old_one_or_the_new_one_whole(tmp_path, "whole")
