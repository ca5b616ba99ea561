"""Verification names what was tampered with, and where. Its controls are real damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from domain import verify as checking
from domain.sqlite.asking import SqliteAsking
from domain.sqlite.file import FILE_NAME
from tests.domain.given import Stopped, adopted, call, goal, ledger, refused
from tests.domain.homes import Home, tampered


def written(home: Home) -> None:
    clock = Stopped()
    book = ledger(home, clock)
    book.record([call(n) for n in range(1, 6)])
    clock.now_us += 1_000_000
    book.record([adopted(), goal(1), refused(), call(1, priority="2"), call(6)])
    book.close()


def problems(home: Home) -> list[tuple[int | None, str]]:
    book = ledger(home, writable=False)
    result = book.verify()
    book.close()
    assert result.ok == (not result.problems)
    return [(found.log_index, found.sentence) for found in result.problems]


def test_an_untouched_ledger_verifies_and_gives_its_root(home: Home) -> None:
    written(home)
    book = ledger(home, writable=False)
    told: list[tuple[int, int]] = []
    result = book.verify(lambda done, total: told.append((done, total)))
    assert (True, 8, book.head().root) == (result.ok, result.events, result.root)
    assert told[-1] == (8, 8)
    book.close()


def test_an_empty_ledger_verifies(home: Home) -> None:
    ledger(home).close()
    assert problems(home) == []


@pytest.mark.parametrize(
    ("statement", "place", "words"),
    [
        ("UPDATE log SET state = CAST(replace(state, '911', '988') AS BLOB) WHERE log_index = 3", 3, "digest"),
        ("UPDATE log SET state = x'ff' WHERE log_index = 3", 3, "not an event"),
        ("UPDATE log SET digest = zeroblob(32) WHERE log_index = 3", 3, "digest"),
        ("DELETE FROM log WHERE log_index = 3", 4, "not dense"),
        ("DELETE FROM log WHERE log_index = 8", None, "the log ends at 7"),
        ("DELETE FROM log WHERE log_index > 5", None, "the log ends at 5"),
        ("UPDATE log SET time_us = time_us + 1 WHERE log_index = 3", 3, "column time"),
        ("UPDATE log SET subject_id = source_id WHERE log_index = 3", 3, "column subject"),
        ("UPDATE log SET topic_id = subject_id WHERE log_index = 3", 3, "column topic"),
        ("UPDATE log SET agency_id = subject_id WHERE log_index = 3", 3, "column agency"),
        ("UPDATE log SET source_id = subject_id WHERE log_index = 3", 3, "column source"),
        ("UPDATE log SET originator_id = originator_id || 'x' WHERE log_index = 3", 3, "column id"),
        ("UPDATE log SET originator_version = 2 WHERE log_index = 3", 3, "source and id"),
        ("UPDATE log SET event_id = 'other' WHERE log_index = 6", 6, "column id"),
        ("DELETE FROM decision_identity", None, "2 decisions"),
        ("UPDATE log_columns SET recorded_at_us = 5 WHERE first_index = 1", 3, "packed columns"),
        ("UPDATE log_columns SET ids = replace(ids, 'e000003', 'e000009')", 3, "packed columns"),
        ("UPDATE log_columns SET ids = ids || char(10) || 'e9' WHERE first_index = 6", 9, "not in the log"),
        ("UPDATE log_columns SET packed = substr(packed, 1, 50) WHERE first_index = 1", 3, "packed columns"),
        ("UPDATE log_columns SET packed = substr(packed, 26) WHERE first_index = 1", 1, "packed columns"),
        ("DELETE FROM log_columns WHERE first_index = 1", 3, "packed columns"),
        ("UPDATE log_columns SET first_index = 7 WHERE first_index = 6", 6, "packed columns"),
        ("UPDATE log_columns SET packed = CAST(substr(packed, 1, 24) || x'01' AS BLOB)", 1, "packed columns"),
        ("UPDATE names SET text = 'call/c9' WHERE text = 'call/c3'", 3, "column subject"),
        ("UPDATE log SET recorded_at_us = 5 WHERE log_index = 3", 3, "recorded_at"),
        ("UPDATE head SET log_index = 9", None, "the head says 9"),
        ("UPDATE head SET root = zeroblob(32)", None, "the head's root"),
        ("UPDATE head SET frontier = zeroblob(32)", None, "tree state"),
        ("UPDATE head SET recorded_at_us = recorded_at_us + 1", None, "recorded_at is not that"),
        ("UPDATE totals SET n = n + 1 WHERE outcome = 'recorded'", None, "answered as recorded"),
        ("UPDATE totals SET n = n + 1 WHERE outcome = 'conflict'", None, "answered as conflict"),
        ("DELETE FROM rejections WHERE status = 'rejected'", None, "answered as rejected"),
    ],
)
def test_tampering_is_noticed_and_named(home: Home, statement: str, place: int | None, words: str) -> None:
    written(home)
    tampered(home, statement)
    found = problems(home)
    assert any(index == place and words in sentence for index, sentence in found), found


def test_rows_that_changed_places_are_noticed(home: Home) -> None:
    written(home)
    tampered(
        home,
        "UPDATE log SET log_index = 100 WHERE log_index = 2",
        "UPDATE log SET log_index = 2 WHERE log_index = 3",
        "UPDATE log SET log_index = 3 WHERE log_index = 100",
    )
    assert any("root" in sentence for _, sentence in problems(home))


def test_a_rewritten_event_with_its_digest_is_noticed_by_the_root(home: Home) -> None:
    written(home)
    changed = call(3, priority="2")
    tampered(
        home,
        f"UPDATE log SET state = x'{changed.body.hex()}', digest = x'{changed.digest.hex()}' WHERE log_index = 3",
    )
    found = problems(home)
    assert {None} == {index for index, _ in found}
    assert any("root" in sentence for _, sentence in found)


def test_a_byte_flipped_anywhere_in_a_body_on_disk_is_noticed(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / FILE_NAME
    raw = bytearray(path.read_bytes())
    place = raw.index(call(4).body) + 40
    raw[place] ^= 0x01
    path.write_bytes(bytes(raw))
    assert any(index == 4 for index, _ in problems(tmp_path))


def test_a_page_torn_out_of_the_file_is_said_and_not_raised(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / FILE_NAME
    raw = bytearray(path.read_bytes())
    connection = sqlite3.connect(path)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'log'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    raw[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(bytes(raw))
    assert any("cannot be read" in sentence for _, sentence in problems(tmp_path))


def flipped(home: Path, index: str, key: bytes) -> None:
    """The last bit of the first key found in an index, and nowhere else, is turned."""
    path = home / FILE_NAME
    connection = sqlite3.connect(path)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (index,)).fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    raw = bytearray(path.read_bytes())
    raw[raw.index(key, (page - 1) * size, page * size) + len(key) - 1] ^= 0x01
    path.write_bytes(bytes(raw))


@pytest.mark.parametrize(
    ("index", "key"),
    [("sqlite_autoindex_log_1", b"/e000003"), ("sqlite_autoindex_names_1", b"call/c3")],
)
def test_a_bit_flipped_in_an_index_is_noticed(tmp_path: Path, index: str, key: bytes) -> None:
    written(tmp_path)
    flipped(tmp_path, index, key)
    assert any("integrity check" in sentence and index in sentence for _, sentence in problems(tmp_path))


def test_an_event_let_in_twice_by_a_damaged_index_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path)
    flipped(tmp_path, "sqlite_autoindex_log_1", b"/e000003")
    book = ledger(tmp_path)
    assert ["recorded"] == [outcome.status for outcome in book.record([call(3)])]
    book.close()
    ignore: Callable[..., object] = lambda *_: ()  # noqa: E731
    monkeypatch.setattr(SqliteAsking, "damages", ignore)
    assert [(9, "an event of this source and id is event 3 as well (2 in all)")] == problems(tmp_path)
    monkeypatch.setattr(checking._Check, "identities", ignore)
    assert problems(tmp_path) == [], "nothing else notices it"


def test_a_decision_under_the_identity_of_a_statement_is_named(home: Home) -> None:
    written(home)
    tampered(home, "UPDATE log SET event_id = 'e000003' WHERE log_index = 6")
    assert any(index == 6 and "event 3 as well" in sentence for index, sentence in problems(home))


def test_problems_are_named_up_to_a_limit(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "PROBLEMS_NAMED", 3)
    written(home)
    tampered(home, "UPDATE log SET digest = zeroblob(32)")
    assert len(problems(home)) == 3


@pytest.mark.parametrize("blind", ["_columns", "head", "counts"])
def test_control_a_verifier_blind_in_one_place_misses_what_is_there(
    home: Home, monkeypatch: pytest.MonkeyPatch, blind: str
) -> None:
    written(home)
    damage: dict[str, str] = {
        "_columns": "UPDATE log SET time_us = 0 WHERE log_index = 3",
        "head": "UPDATE head SET root = zeroblob(32)",
        "counts": "UPDATE totals SET n = n + 1 WHERE outcome = 'duplicate' OR outcome = 'recorded'",
    }
    tampered(home, damage[blind])
    assert problems(home)
    ignore: Callable[..., None] = lambda *_: None  # noqa: E731
    monkeypatch.setattr(checking._Check, blind, ignore)
    monkeypatch.setattr(checking._Check, "no_more_packed", ignore)
    assert problems(home) == []
