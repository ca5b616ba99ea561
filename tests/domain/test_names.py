"""A text has one id for ever, and an id is remembered only once it is on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import names
from domain.names import Names, find
from domain.sqlite.asking import SqliteWriting, chunks


@pytest.fixture
def writing() -> Iterator[SqliteWriting]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT")
    yield SqliteWriting(connection.cursor())
    connection.close()


def test_ids_follow_the_order_of_first_mention(writing: SqliteWriting) -> None:
    table = Names()
    assert table.intern(writing, ["b", "a", "b"]) == {"b": 1, "a": 2}
    assert table.intern(writing, ["a", "c"]) == {"a": 2, "c": 3}


def test_what_was_rolled_back_is_given_out_again(writing: SqliteWriting) -> None:
    table = Names()
    writing.execute("BEGIN")
    assert table.intern(writing, ["lost"]) == {"lost": 1}
    writing.execute("ROLLBACK")
    table.forget()
    writing.execute("BEGIN")
    assert table.intern(writing, ["kept", "lost"]) == {"kept": 1, "lost": 2}
    writing.execute("COMMIT")
    table.keep()
    assert dict(find(writing, ["kept", "lost", "never"])) == {"kept": 1, "lost": 2}
    assert table.intern(writing, ["lost"]) == {"lost": 2}


def test_memory_is_bounded_and_forgetting_costs_only_a_look_up(
    writing: SqliteWriting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "CACHED_NAMES", 3)
    table = Names()
    for number in range(10):
        assert {f"call/{number}": number + 1} == table.intern(writing, [f"call/{number}"])
        table.keep()
        assert len(table._known) <= 3
    assert table.intern(writing, ["call/0", "call/9"]) == {"call/0": 1, "call/9": 10}


@given(st.lists(st.text(max_size=3), max_size=1_100))
def test_chunks_hold_every_value_once_and_few_shapes(values: list[str]) -> None:
    parts = list(chunks(values))
    assert values == [value for _, chunk in parts for value in chunk if value is not None]
    assert {marks.count("?") for marks, _ in parts} <= {1, 4, 16, 64, 250}
    assert all(marks.count("?") == len(chunk) for marks, chunk in parts)
