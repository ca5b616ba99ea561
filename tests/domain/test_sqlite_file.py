"""The file is durable by what it asks of SQLite, has one writer, and is refused where it is not a ledger."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy.exc import OperationalError

from contracts.faults import UnavailableFault
from domain.sqlite import file as sqlite_file
from domain.sqlite import schema
from domain.sqlite.file import FILE_NAME, SqliteFile


def pragma(file: SqliteFile, name: str) -> object:
    with file.write() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def test_the_writing_connection_is_durable_and_replaces_nothing_silently(tmp_path: Path) -> None:
    file = SqliteFile.open(tmp_path)
    assert pragma(file, "journal_mode") == "wal"
    assert pragma(file, "synchronous") == 2
    assert pragma(file, "recursive_triggers") == 1
    file.close()


def test_control_less_than_full_is_seen_in_the_pragma(tmp_path: Path) -> None:
    file = SqliteFile.open(tmp_path, synchronous="NORMAL")
    assert pragma(file, "synchronous") == 1
    file.close()


def test_a_durability_that_sqlite_does_not_confirm_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sqlite_file._SYNCHRONOUS_LEVEL, "FULL", 3)
    with pytest.raises(UnavailableFault) as told:
        SqliteFile.open(tmp_path)
    assert told.value.problem.code == "home_unusable"
    monkeypatch.undo()
    SqliteFile.open(tmp_path).close()  # The lock was given up.


def test_a_home_has_one_writer(tmp_path: Path) -> None:
    file = SqliteFile.open(tmp_path)
    with pytest.raises(UnavailableFault) as told:
        SqliteFile.open(tmp_path)
    assert told.value.problem.code == "home_in_use"
    elsewhere = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, pathlib\nfrom domain.sqlite.file import SqliteFile\n"
            "SqliteFile.open(pathlib.Path(sys.argv[1]))",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert "home_in_use" in elsewhere.stderr
    file.close()
    SqliteFile.open(tmp_path).close()


def test_readers_may_be_many_and_may_be_alone(tmp_path: Path) -> None:
    file = SqliteFile.open(tmp_path)
    beside = SqliteFile.open(tmp_path, writable=False)
    file.close()
    with beside.reading() as connection:
        assert connection.execute("SELECT log_index FROM head").fetchone() == (0,)
    beside.close()
    alone = SqliteFile.open(tmp_path, writable=False)
    with alone.read() as reading:
        assert reading.exec_driver_sql("SELECT log_index FROM head").scalar_one() == 0
    alone.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    file = SqliteFile.open(tmp_path)
    with file.reading() as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("UPDATE head SET log_index = 9")
    file.close()
    file = SqliteFile.open(tmp_path, writable=False)
    with pytest.raises(RuntimeError, match="read only"), file.write():
        pass
    file.close()


def test_a_home_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    (tmp_path / "taken" / FILE_NAME).mkdir(parents=True)
    for home in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "taken"):
        with pytest.raises(UnavailableFault) as told:
            SqliteFile.open(home)
        assert told.value.problem.code == "home_unusable"


def test_a_home_we_make_is_private(tmp_path: Path) -> None:
    SqliteFile.open(tmp_path / "new" / "home").close()
    assert (tmp_path / "new" / "home").stat().st_mode & 0o777 == 0o700


def test_a_home_without_a_ledger_is_missing(tmp_path: Path) -> None:
    for prepare in (lambda: None, lambda: (tmp_path / FILE_NAME).touch()):
        prepare()
        with pytest.raises(UnavailableFault) as told:
            SqliteFile.open(tmp_path, writable=False)
        assert told.value.problem.code == "home_missing"


def foreign_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()


def later_version(path: Path) -> None:
    SqliteFile.open(path.parent).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    connection.close()


def no_database(path: Path) -> None:
    path.write_bytes(b"date,call\n2025-03-01,17\n" * 100)


@pytest.mark.parametrize("make", [foreign_database, later_version, no_database])
@pytest.mark.parametrize("writable", [True, False])
def test_what_is_not_our_ledger_is_left_alone(tmp_path: Path, make: object, writable: bool) -> None:
    path = tmp_path / FILE_NAME
    make(path)  # type: ignore[operator]
    before = path.read_bytes()
    with pytest.raises(UnavailableFault) as told:
        SqliteFile.open(tmp_path, writable=writable)
    assert told.value.problem.code == "home_unusable"
    assert before == path.read_bytes()


def test_a_snapshot_stays_as_it_was_while_others_write(tmp_path: Path) -> None:
    file = SqliteFile.open(tmp_path)
    with file.write() as connection:
        connection.exec_driver_sql("CREATE TABLE views (n INTEGER)")
    with file.read() as early, file.reading() as raw:
        with file.write() as connection:
            connection.exec_driver_sql("INSERT INTO views VALUES (1)")
        assert early.exec_driver_sql("SELECT count(*) FROM views").scalar_one() == 0
        assert raw.execute("SELECT count(*) FROM views").fetchone() == (0,)
    with file.read() as late:
        assert late.exec_driver_sql("SELECT count(*) FROM views").scalar_one() == 1
    file.close()


def test_a_write_that_raises_leaves_nothing(tmp_path: Path) -> None:
    file = SqliteFile.open(tmp_path)
    with pytest.raises(OperationalError, match="no such table"), file.write() as connection:  # noqa: PT012
        connection.exec_driver_sql("CREATE TABLE views (n INTEGER)")
        connection.exec_driver_sql("INSERT INTO elsewhere VALUES (1)")
    with file.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema WHERE name = 'views'").scalar_one() == 0
    file.close()


def test_one_thread_holds_one_write_transaction(tmp_path: Path) -> None:
    file = SqliteFile.open(tmp_path)
    with file.write(), pytest.raises(RuntimeError, match="already"), file.writing():
        pass
    file.close()


def test_a_transaction_ended_from_inside_is_noticed(tmp_path: Path) -> None:
    file = SqliteFile.open(tmp_path)
    with pytest.raises(RuntimeError, match="not whole"), file.writing() as cursor:
        cursor.execute("COMMIT")
    with pytest.raises(RuntimeError, match="not whole"), file.write() as connection:  # noqa: PT012
        connection.exec_driver_sql("SELECT 1")
        connection.commit()
    file.close()


def test_writers_take_turns(tmp_path: Path) -> None:
    file = SqliteFile.open(tmp_path)
    inside, may_end = Event(), Event()
    order: list[str] = []

    def first() -> None:
        with file.write():
            inside.set()
            may_end.wait()
            order.append("first")

    def second() -> None:
        with file.writing():
            order.append("second")

    threads = [Thread(target=first), Thread(target=second)]
    threads[0].start()
    inside.wait()
    threads[1].start()
    may_end.set()
    for thread in threads:
        thread.join()
    assert order == ["first", "second"]
    file.close()


def test_a_closed_file_says_so(tmp_path: Path) -> None:
    file = SqliteFile.open(tmp_path)
    file.close()
    file.close()
    with pytest.raises(RuntimeError, match="closed"), file.writing():
        pass
    with pytest.raises(RuntimeError, match="closed"), file.reading():
        pass
