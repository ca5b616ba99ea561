"""The same submissions, in the same batches, give the same ledger on both databases: every row of it."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.faults import problem
from contracts.recorded import Accepted, Rejected
from tests.domain.given import Stopped, adopted, call, event, goal, ledger, refused
from tests.domain.homes import Database
from tests.domain.test_copying import rows
from tests.servers.postgres import PostgresServer

SUBMISSIONS: list[Accepted | Rejected] = [
    *[call(n, priority=p, source=s) for n in (1, 2, 3, 4) for p in "12" for s in ("//a", "//b")],
    event("call.received", {"call": "c9", "channel": "911"}, id="ü\U0001f9ed", subject="call/c9", agency="other"),
    event("call.received", {"call": "c9", "channel": "911"}, id="u", subject="call/c9", time=None, timeunknown=True),
    call(5, id="e000001", supersedes="e000002", source="//c"),
    adopted(id="d1", source="//a"),
    call(1, id="d1", source="//a"),
    adopted(id="d2", source="//b"),
    adopted(version=2, id="d3", source="//b"),
    goal(1, id="d4", source="//a"),
    goal(1, plan="p2", id="d5", source="//a"),
    refused(b"{"),
    refused(b"\0\xff"),
    Rejected(b"{}", problem("not_json", "a\0b \ud800 c", "/x\0"), source="//s\0", id="\0", agency="a"),
    Rejected(b"{}", problem("not_json", "long", "/" + "p" * 9_000), agency="a" * 5_000),
]

LISTS = st.lists(st.lists(st.sampled_from(SUBMISSIONS), max_size=25), max_size=6)


@pytest.fixture(scope="module")
def pair(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PostgresServer]:
    return tmp_path_factory.mktemp("pair"), postgres_server


_NUMBERS = count(1)


@settings(max_examples=15, deadline=None)
@given(batches=LISTS)
def test_both_end_alike_in_every_row(
    pair: tuple[Path, PostgresServer], batches: list[list[Accepted | Rejected]]
) -> None:
    from ops.migrations import migrate

    folder, server = pair
    homes = folder / f"example-{next(_NUMBERS)}", Database(lambda: server.migrated(migrate))
    clock = Stopped()
    books = [ledger(home, clock) for home in homes]
    for batch in batches:
        first, second = (book.record(batch) for book in books)
        assert first == second
        clock.now_us += 1
    kept = [book.rejections() for book in books]
    assert kept[0] == kept[1]
    assert books[0].totals() == books[1].totals()
    assert books[0].head() == books[1].head()
    one, other = (book.reader() for book in books)
    assert list(one.after(0, 999)) == list(other.after(0, 999))
    assert one.names() == other.names()
    head = books[0].head().log_index
    left, right = one.hot_columns(0, head), other.hot_columns(0, head)
    for column in ("log_index", "type_id", "subject_id", "source_id", "agency_id", "time_us", "recorded_at_us"):
        assert np.array_equal(getattr(left, column), getattr(right, column))
    found = [book.verify() for book in books]
    assert (True, found[0]) == (found[0].ok, found[1])
    for book in books:
        book.close()
    assert rows(homes[0]) == rows(homes[1])
    server.drop(homes[1].address)


def test_numbers_read_from_the_store_are_of_the_same_types(tmp_path: Path, postgres_address: str) -> None:
    homes = tmp_path, Database(lambda: postgres_address)
    types = []
    for home in homes:
        book = ledger(home)
        book.record([call(1), refused(), refused()])
        types.append(
            (
                [type(n) for n in book.totals().values()],
                type(book.rejections()[0].times),
                type(book.rejections()[0].raw),
                type(book.head().root),
            )
        )
        book.close()
    assert types[0] == types[1]
