"""A copied ledger is the same ledger: places, moments, digests, rejections, totals and root, in either direction."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import Fault
from domain import copying
from domain.ledger import Ledger
from domain.sqlite.asking import SqliteWriting
from ops.copying import Copied, copy
from tests.domain.given import Stopped, adopted, call, event, goal, ledger, refused, statuses
from tests.domain.homes import Database, Home, tampered
from tests.domain.test_claims import promised, signed

TABLES = ("names", "log", "log_columns", "decision_identity", "claims", "head", "totals", "rejections")


def rows(home: Home) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that a ledger keeps, in an order of its own."""
    book = ledger(home, writable=False)
    with book.store().read() as connection:
        columns = (
            "log_index, time_us, recorded_at_us, topic_id, subject_id, source_id, agency_id, originator_version, "
            "originator_id, event_id, digest, state"
        )
        found = {
            table: sorted(
                (
                    tuple(row)
                    for row in connection.exec_driver_sql(f"SELECT {columns if table == 'log' else '*'} FROM {table}")
                ),
                key=repr,
            )
            for table in TABLES
        }
    book.close()
    return found


def filled(home: Home) -> Home:
    clock = Stopped()
    book = ledger(home, clock)
    for start in range(0, 60, 20):
        book.record([call(n) for n in range(start, start + 20)])
        clock.now_us += 1_000_000
    undated = event(
        "call.received", {"call": "c9", "channel": "911"}, id="u", subject="call/c9", time=None, timeunknown=True
    )
    book.record([adopted(), goal(1), undated, refused(), refused(), refused(b"\0["), call(1, priority="2")])
    book.record([goal(2, plan="nobody", id="x"), call(3), signed("m1"), promised("m1", "one")])
    book.close()
    return home


def place(home: Home) -> str:
    return str(home) if isinstance(home, Path) else home.address


@pytest.fixture
def homes(home: Home, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Home, Home]:
    """A ledger, and an empty place of the other kind."""
    if isinstance(home, Path):
        return filled(home / "from"), Database(lambda: request.getfixturevalue("postgres_address"))
    return filled(home), tmp_path / "to"


def test_a_copy_in_either_direction_is_the_same_ledger(homes: tuple[Home, Home]) -> None:
    source, target = homes
    told: list[tuple[int, int]] = []
    copied = copy(place(source), place(target), clock=Stopped(), progress=lambda *at: told.append(at))
    assert rows(source) == rows(target)
    book = ledger(source, writable=False)
    assert Copied(book.head().log_index, book.head().root, book.totals()) == copied
    assert (copied.events, copied.events) == told[-1]
    book.close()


def test_a_copy_goes_on_as_the_original_would(homes: tuple[Home, Home]) -> None:
    source, target = homes
    copy(place(source), place(target), clock=Stopped())
    batch = [call(1), call(2, priority="2"), call(99), adopted(), goal(1), goal(3), refused(), refused(b"new")]
    outcomes = []
    for home in (source, target):
        book = ledger(home, Stopped(Stopped().now_us * 2))
        outcomes.append(book.record(batch))
        assert book.verify().ok
        book.close()
    assert outcomes[0] == outcomes[1]
    assert [
        "duplicate",
        "conflict",
        "recorded",
        "duplicate",
        "duplicate",
        "recorded",
        "rejected",
        "rejected",
    ] == statuses(outcomes[0])
    assert rows(source) == rows(target)


def test_there_and_back_is_the_same(homes: tuple[Home, Home], tmp_path: Path) -> None:
    source, target = homes
    copy(place(source), place(target), clock=Stopped())
    if isinstance(target, Path):
        return
    copy(place(target), str(tmp_path / "back"), clock=Stopped())
    assert rows(source) == rows(tmp_path / "back")


@pytest.mark.parametrize("batch", [[call(1)], [refused()]])
def test_what_is_not_empty_is_not_copied_into(homes: tuple[Home, Home], batch: list[Any]) -> None:
    source, target = homes
    book = ledger(target)
    book.record(batch)
    book.close()
    before = rows(target)
    with pytest.raises(Fault) as told:
        copy(place(source), place(target), clock=Stopped())
    assert "target_not_empty" == told.value.problem.code
    assert before == rows(target)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE log SET state = x'ff' WHERE log_index = 3",
        "DELETE FROM log WHERE log_index = 3",
        "UPDATE head SET root = zeroblob(32)",
    ],
)
def test_a_damaged_ledger_is_not_copied_and_leaves_an_empty_one(homes: tuple[Home, Home], damage: str) -> None:
    source, target = homes
    tampered(source, damage)
    with pytest.raises(Fault) as told:
        copy(place(source), place(target), clock=Stopped())
    assert "ledger_damaged" == told.value.problem.code
    book = ledger(target)
    assert (0, []) == (book.head().log_index, book.rejections())
    assert book.verify().ok
    book.close()


def test_a_copy_broken_off_leaves_an_empty_ledger_that_can_be_copied_into(
    homes: tuple[Home, Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = homes
    monkeypatch.setattr(copying, "_RUN", 7)

    class Stop(Exception):
        pass

    def stop(done: int, _: int) -> None:
        if done > 20:
            raise Stop

    with pytest.raises(Stop):
        copy(place(source), place(target), clock=Stopped(), progress=stop)
    book = ledger(target)
    assert (0, []) == (book.head().log_index, book.rejections())
    book.close()
    copy(place(source), place(target), clock=Stopped())
    assert rows(source) == rows(target)


def test_a_copy_holds_a_run_of_rows_at_a_time(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_RUN", 7)
    loaded: list[int] = []
    load = SqliteWriting.load
    monkeypatch.setattr(
        SqliteWriting,
        "load",
        lambda self, table, columns, rows: (loaded.append(len(rows)), load(self, table, columns, rows)),
    )
    copy(place(filled(home / "from")), str(tmp_path / "to"), clock=Stopped())
    assert 7 == max(loaded)


def test_control_a_copy_that_lost_a_rejection_does_not_verify(
    homes: tuple[Home, Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = homes
    monkeypatch.setattr(copying, "_REST", copying._REST[:-1])
    with pytest.raises(Fault, match="does not verify"):
        copy(place(source), place(target), clock=Stopped())


def test_a_ledger_may_be_copied_while_it_records(homes: tuple[Home, Home]) -> None:
    source, target = homes
    book = ledger(source)
    before = book.head()

    def record(done: int, _: int) -> None:
        book.record([call(1_000 + done)])

    copied = copy(place(source), place(target), clock=Stopped(), progress=record)
    assert (before.log_index, before.root) == (copied.events, copied.root)
    assert book.head().log_index > before.log_index
    book.close()


def test_the_root_is_over_the_digests_of_the_bodies(homes: tuple[Home, Home]) -> None:
    source, target = homes
    copy(place(source), place(target), clock=Stopped())
    book: Ledger = ledger(target, writable=False)
    assert all(hashlib.sha256(read.body).digest() == read.digest for read in book.reader().after(0, 99))
    book.close()


def test_a_rejection_kept_with_a_nul_goes_to_a_database_that_cannot_hold_one(
    tmp_path: Path, postgres_address: str
) -> None:
    filled(tmp_path)
    tampered(tmp_path, "UPDATE rejections SET detail = 'a' || char(0) || 'b' WHERE number = 1")
    copy(str(tmp_path), postgres_address, clock=Stopped())
    book = Ledger.connect(postgres_address, clock=Stopped(), writable=False)
    assert "a\\x00b" == book.rejections(1)[0].problem.detail
    book.close()
