"""A text has one id for ever, and an id is remembered only once it is on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import names
from domain.names import Names, chunks, find


@pytest.fixture
def cursor() -> Iterator[sqlite3.Cursor]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT")
    yield connection.cursor()
    connection.close()


def test_ids_follow_the_order_of_first_mention(cursor: sqlite3.Cursor) -> None:
    table = Names()
    assert table.intern(cursor, ["b", "a", "b"]) == {"b": 1, "a": 2}
    assert table.intern(cursor, ["a", "c"]) == {"a": 2, "c": 3}


def test_what_was_rolled_back_is_given_out_again(cursor: sqlite3.Cursor) -> None:
    table = Names()
    cursor.execute("BEGIN")
    assert table.intern(cursor, ["lost"]) == {"lost": 1}
    cursor.execute("ROLLBACK")
    table.forget()
    cursor.execute("BEGIN")
    assert table.intern(cursor, ["kept", "lost"]) == {"kept": 1, "lost": 2}
    cursor.execute("COMMIT")
    table.keep()
    assert dict(find(cursor, ["kept", "lost", "never"])) == {"kept": 1, "lost": 2}
    assert table.intern(cursor, ["lost"]) == {"lost": 2}


def test_memory_is_bounded_and_forgetting_costs_only_a_look_up(
    cursor: sqlite3.Cursor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "CACHED_NAMES", 3)
    table = Names()
    for number in range(10):
        assert {f"call/{number}": number + 1} == table.intern(cursor, [f"call/{number}"])
        table.keep()
        assert len(table._known) <= 3
    assert table.intern(cursor, ["call/0", "call/9"]) == {"call/0": 1, "call/9": 10}


@given(st.lists(st.text(max_size=3), max_size=1_100))
def test_chunks_hold_every_value_once_and_few_shapes(values: list[str]) -> None:
    parts = list(chunks(values))
    assert values == [value for _, chunk in parts for value in chunk if value is not None]
    assert {marks.count("?") for marks, _ in parts} <= {1, 4, 16, 64, 250}
    assert all(marks.count("?") == len(chunk) for marks, chunk in parts)
