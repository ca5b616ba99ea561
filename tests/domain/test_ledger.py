"""Laws 2, 3 and 9 where they are kept: one transaction, one receipt, a dense log, and counts that add up."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from contracts.faults import RejectedFault, UnavailableFault
from contracts.recorded import Accepted
from domain.appending import Appending, DamagedSubmission
from domain.ledger import Ledger
from domain.tree import Frontier
from tests.domain.given import NOON_US, Stopped, adopted, call, goal, ledger, refused, statuses
from tests.domain.homes import Database, Home, refusal_of, tampered


def indexes(book: Ledger) -> list[int]:
    return [event.log_index for event in book.reader().after(0, 10_000)]


def test_a_recorded_event_gets_a_receipt_and_can_be_read_back(home: Home) -> None:
    book = ledger(home)
    sent = call(1)
    (outcome,) = book.record([sent])
    assert outcome.status == "recorded"
    assert outcome.receipt is not None
    assert (1, NOON_US, sent.digest) == structs.astuple(outcome.receipt)
    (read,) = book.reader().after(0, 10)
    assert (sent.body, sent.digest, sent.data) == (read.body, read.digest, read.data)
    assert (sent.source, sent.id, sent.type, sent.version) == (read.source, read.id, read.type, read.version)
    assert (sent.subject, sent.agency, sent.time_us) == (read.subject, read.agency, read.time_us)
    book.close()


def test_law_2_the_same_content_again_gets_the_first_receipt(home: Home) -> None:
    clock = Stopped()
    book = ledger(home, clock)
    (first,) = book.record([call(1)])
    clock.now_us += 1
    again = book.record([call(1), call(2), call(1)])
    assert statuses(again) == ["duplicate", "recorded", "duplicate"]
    assert first.receipt == again[0].receipt == again[2].receipt
    assert book.head().log_index == 2
    book.close()


def test_law_2_repeats_inside_one_batch_are_found(home: Home) -> None:
    book = ledger(home)
    outcomes = book.record([call(1), call(1), call(2), call(1, priority="2")])
    assert statuses(outcomes) == ["recorded", "duplicate", "recorded", "conflict"]
    assert outcomes[0].receipt == outcomes[1].receipt == outcomes[3].receipt
    book.close()


def test_law_2_other_content_under_the_same_identity_reports_both_digests(home: Home) -> None:
    book = ledger(home)
    first, other = call(1), call(1, priority="2")
    book.record([first])
    (outcome,) = book.record([other])
    assert outcome.status == "conflict"
    assert outcome.receipt is not None
    assert first.digest == outcome.receipt.digest
    assert outcome.problem is not None
    assert outcome.problem.code == "identity_conflict"
    assert first.digest.hex() == outcome.problem.extra["recorded_digest"]
    assert other.digest.hex() == outcome.problem.extra["submitted_digest"]
    (kept,) = book.rejections()
    assert ("conflict", other.body, other.id) == (kept.status, kept.raw, kept.id)
    book.close()


def test_law_2_an_identity_is_shared_by_statements_and_decisions(home: Home) -> None:
    book = ledger(home)
    book.record([call(1, id="same"), adopted(id="first")])
    outcomes = book.record([adopted(plan="p2", id="same"), call(2, id="first"), adopted(id="first")])
    assert statuses(outcomes) == ["conflict", "conflict", "duplicate"]
    assert book.head().log_index == 2
    book.close()


def test_the_same_id_of_another_source_is_another_event(home: Home) -> None:
    book = ledger(home)
    outcomes = book.record([call(1), call(1, source="//city/cad"), call(1, source="//county/cad/1", id="e")])
    assert statuses(outcomes) == ["recorded"] * 3
    book.close()


def test_an_id_with_slashes_is_not_taken_for_another_source(home: Home) -> None:
    book = ledger(home)
    outcomes = book.record([call(1, id="1/2"), call(1, id="2", source="//county/cad/1"), call(1, id="2")])
    assert statuses(outcomes) == ["recorded"] * 3
    (found,) = book.reader().by_identity([("//county/cad", "1/2")], 9)
    assert found.id == "1/2"
    book.close()


def test_law_3_the_log_is_dense_after_a_batch_that_was_rolled_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    book = ledger(home)
    book.record([call(1)])
    root, totals = book.head().root, book.totals()

    def fail(self: Appending) -> None:
        raise refusal_of(home, "no power")

    with monkeypatch.context() as broken:
        broken.setattr(Appending, "close", fail)
        with pytest.raises(UnavailableFault, match="no power"):
            book.record([call(2), refused(), adopted(), call(1, priority="2")])
    assert (root, totals) == (book.head().root, book.totals())
    assert book.rejections() == []
    assert book.plan_version("p1") == 0
    # Same names again: what the lost batch interned was forgotten with it.
    outcomes = book.record([call(3), call(2), adopted(), goal(1)])
    assert statuses(outcomes) == ["recorded"] * 4
    assert indexes(book) == [1, 2, 3, 4, 5]
    assert book.verify().ok
    book.close()


def test_control_a_name_remembered_from_a_lost_batch_is_noticed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    book = ledger(home)
    names = book.recorder._names
    monkeypatch.setattr(names, "forget", names.keep)
    with monkeypatch.context() as broken:
        broken.setattr(Frontier, "extend", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            book.record([call(1)])
    book.record([call(1)])
    assert not book.verify().ok
    book.close()


def test_a_full_disk_is_said_and_nothing_of_the_batch_is_kept(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.record([call(1)])
    with book.store().write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    batch = [call(number, priority="x" * 100) for number in range(2, 400)]
    with pytest.raises(UnavailableFault) as told:
        book.record(batch)
    assert told.value.problem.code == "storage_full"
    with pytest.raises(UnavailableFault):
        book.record([*batch, adopted()])
    assert book.head().log_index == 1
    with book.store().write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert ["recorded"] * len(batch) == statuses(book.record(batch))
    assert book.verify().ok
    book.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log WHERE log_index = 1",
        "UPDATE log SET time_us = 0 WHERE log_index = 1",
        "UPDATE OR REPLACE log SET log_index = 2 WHERE log_index = 1",
        "INSERT OR REPLACE INTO log SELECT * FROM log WHERE log_index = 1",
        "DELETE FROM log_columns",
        "UPDATE log_columns SET ids = ''",
        "INSERT OR REPLACE INTO log_columns SELECT * FROM log_columns",
    ],
)
def test_the_log_is_append_only(tmp_path: Path, statement: str) -> None:
    book = ledger(tmp_path)
    book.record([call(1), call(2)])
    with pytest.raises(Exception, match="append-only"), book.store().write() as connection:
        connection.exec_driver_sql(statement)
    assert book.verify().ok
    book.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log WHERE log_index = 1",
        "UPDATE log SET time_us = 0 WHERE log_index = 1",
        "INSERT INTO log SELECT * FROM log WHERE log_index = 1 "
        "ON CONFLICT (log_index) DO UPDATE SET digest = excluded.digest",
        "TRUNCATE log",
        "DELETE FROM log_columns",
        "UPDATE log_columns SET ids = ''",
        "TRUNCATE claims",
        "SET session_replication_role = replica; DELETE FROM log",
    ],
)
def test_the_log_is_append_only_on_postgres_too(postgres_address: str, statement: str) -> None:
    book = ledger(Database(lambda: postgres_address))
    book.record([call(1), call(2)])
    with pytest.raises(Exception, match="append-only"), book.store().write() as connection:
        connection.exec_driver_sql(statement)
    assert book.verify().ok
    book.close()


def test_control_without_the_trigger_rows_go_on_postgres_too(postgres_address: str) -> None:
    home = Database(lambda: postgres_address)
    book = ledger(home)
    book.record([call(1), call(2)])
    tampered(home, "DELETE FROM log WHERE log_index = 1")
    assert not book.verify().ok
    book.close()


def test_control_without_the_trigger_the_log_can_be_changed_and_verify_notices(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.record([call(1), call(2)])
    with book.store().write() as connection:
        connection.exec_driver_sql("DROP TRIGGER log_keeps_rows")
        connection.exec_driver_sql("DELETE FROM log WHERE log_index = 1")
    assert not book.verify().ok
    book.close()


def test_law_9_every_submission_is_counted_in_exactly_one_outcome(home: Home) -> None:
    book = ledger(home)
    batches = [
        [call(1), call(2), refused(), call(1)],
        [call(1, priority="2"), adopted(), goal(1, plan="nobody"), adopted(version=1, id="twice")],
        [refused(), refused(b"["), refused(agency="county")],
    ]
    seen: dict[str, int] = {}
    for batch in batches:
        for status in statuses(book.record(batch)):
            seen[status] = seen.get(status, 0) + 1
    assert {"recorded": 3, "duplicate": 1, "conflict": 1, "rejected": 6} == seen == book.totals()
    kept = book.rejections()
    assert sum(rejection.times for rejection in kept) == 7
    assert [rejection.times for rejection in kept] == [2, 1, 1, 1, 1, 1]
    assert book.verify().ok
    book.close()


def test_recorded_at_never_decreases(home: Home) -> None:
    clock = Stopped()
    book = ledger(home, clock)
    book.record([call(1)])
    clock.now_us = NOON_US - 1_000_000
    (outcome,) = book.record([call(2)])
    assert outcome.receipt is not None
    assert NOON_US == outcome.receipt.recorded_at_us == book.head().recorded_at_us
    book.close()


def test_a_body_that_was_changed_on_the_way_is_not_written(home: Home) -> None:
    book = ledger(home)
    sent = call(1)
    broken = structs.replace(sent, body=sent.body.replace(b'"911"', b'"988"'))
    with pytest.raises(DamagedSubmission):
        book.record([call(2), broken])
    assert book.head().log_index == 0
    book.close()


def test_the_same_events_give_the_same_root_whenever_and_however_they_come(home: Home) -> None:
    batch: list[Accepted] = [call(1), call(2), adopted(), goal(1), call(3)]
    whole = ledger(home / "whole")
    whole.record(batch)
    single = ledger(home / "single", Stopped(NOON_US * 2))
    for event in batch:
        single.record([event])
    assert whole.head().root == single.head().root
    whole.close()
    single.close()


def test_what_was_recorded_is_there_after_reopening(home: Home) -> None:
    book = ledger(home)
    book.record([call(1), adopted()])
    head = book.head()
    book.close()
    book = ledger(home)
    assert head == book.head()
    assert statuses(book.record([call(1), adopted(), goal(1)])) == ["duplicate", "duplicate", "recorded"]
    book.close()
    book = ledger(home, writable=False)
    assert book.head().log_index == 3
    assert book.verify().ok
    book.close()


def test_nothing_is_nothing(home: Home) -> None:
    book = ledger(home)
    assert book.record([]) == []
    assert book.head().log_index == 0
    assert book.verify().ok
    book.close()


def test_the_environment_cannot_make_readers_miss_events(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSISTENCE_MODULE", "no.such.module")
    ledger(home).close()
    monkeypatch.setenv("LEDGER_POSTGRES_ENABLE_DB_FUNCTIONS", "y")
    with pytest.raises(RejectedFault) as told:
        ledger(home)
    assert told.value.problem.code == "settings_invalid"
    monkeypatch.undo()
    ledger(home).close()  # The refused opening gave up the lock.
