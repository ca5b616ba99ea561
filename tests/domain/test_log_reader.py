"""What a reader is handed: committed events in order without a hole, columns and bodies that agree with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.ports import NO_TIME
from contracts.recorded import Recorded
from domain.appending import Appending
from domain.ledger import Ledger
from tests.domain.given import NOON_US, Stopped, adopted, call, event, goal, ledger
from tests.domain.homes import Home, tampered


def undated(number: int) -> object:
    data = {"call": f"c{number}", "channel": "911"}
    return event("call.received", data, id=f"u{number}", subject=f"call/c{number}", time=None, timeunknown=True)


@pytest.fixture
def book(home: Home) -> Iterator[Ledger]:
    clock = Stopped()
    book = ledger(home, clock)
    for start in range(0, 30, 10):
        book.record([call(n) for n in range(start, start + 10)])
        clock.now_us += 60_000_000
    book.record([adopted(), goal(1), undated(1), call(5, id="again", supersedes="e000005")])
    yield book
    book.close()


def test_after_gives_each_event_once_and_in_order(book: Ledger) -> None:
    found: list[int] = []
    while events := book.reader().after(found[-1] if found else 0, 7):
        assert len(events) <= 7
        found.extend(event.log_index for event in events)
    assert list(range(1, 35)) == found
    assert book.reader().after(34, 7) == []


def test_at_leaves_out_what_is_absent(book: Ledger) -> None:
    assert [event.log_index for event in book.reader().at([31, 99, 2, 2])] == [2, 31]
    assert book.reader().at([]) == []


def test_by_subject_is_in_order_and_ends_where_asked(book: Ledger) -> None:
    reader = book.reader()
    assert [event.log_index for event in reader.by_subject(["call/c5"], 99)] == [6, 34]
    assert [event.log_index for event in reader.by_subject(["call/c5", "call/c5", "no/such"], 33)] == [6]
    assert [event.log_index for event in reader.by_subject(["plan/p1", "call/c1"], 99)] == [2, 31, 32, 33]
    assert reader.by_subject([], 99) == []


def test_by_identity_finds_statements_and_decisions(book: Ledger) -> None:
    reader = book.reader()
    source = "//county/cad"
    wanted = [(source, "goal-1"), (source, "e000003"), ("//nobody", "e000003"), (source, "none")]
    assert [event.log_index for event in reader.by_identity(wanted, 99)] == [4, 32]
    assert [event.log_index for event in reader.by_identity(wanted, 31)] == [4]


def test_by_subject_and_identity_take_thousands(book: Ledger) -> None:
    reader = book.reader()
    assert len(reader.by_subject([f"call/c{n}" for n in range(5_000)], 99)) - 1 == 31
    assert len(reader.by_identity([("//county/cad", f"e{n:06}") for n in range(5_000)], 99)) == 30


def test_upto_moment_is_the_last_event_known_then(book: Ledger) -> None:
    reader = book.reader()
    minute = 60_000_000
    moments = [NOON_US - 1, NOON_US, NOON_US + minute - 1, NOON_US + minute, NOON_US + 2 * minute, NOON_US * 2]
    assert [reader.upto_moment(moment) for moment in moments] == [0, 10, 10, 20, 30, 34]


def test_hot_columns_agree_with_the_events(book: Ledger) -> None:
    reader = book.reader()
    columns, names = reader.hot_columns(0, 34), reader.names()
    for place, read in enumerate(reader.after(0, 99)):
        assert read.log_index == columns.log_index[place]
        assert f"{read.type}.v{read.version}" == names[columns.type_id[place]]
        assert read.subject == names[columns.subject_id[place]]
        assert read.source == names[columns.source_id[place]]
        assert read.agency == names[columns.agency_id[place]]
        assert (NO_TIME if read.time_us is None else read.time_us) == columns.time_us[place]
        assert read.recorded_at_us == columns.recorded_at_us[place]
        assert (read.supersedes is not None) == columns.supersedes[place]
        assert [read.id] == columns.ids.at(np.array([place]))
    assert ["e000011", "e000010"] == reader.hot_columns(10, 12).ids.at(np.array([1, 0]))
    assert reader.hot_columns(10, 12).log_index.tolist() == [11, 12]
    empty = reader.hot_columns(34, 99)
    assert (0, np.int64) == (len(empty.log_index), empty.time_us.dtype)


@settings(max_examples=30)
@given(wanted=st.lists(st.integers(1, 60), max_size=20))
def test_bodies_are_those_of_the_events_however_sparse(wanted: list[int], shared_book: Ledger) -> None:
    reader = shared_book.reader()
    expected = [(read.log_index, read.body) for read in reader.at(wanted)]
    assert expected == list(reader.bodies(np.array(wanted, dtype=np.int64)))


@pytest.fixture(scope="module")
def shared_book(shared_home: Home) -> Iterator[Ledger]:
    book = ledger(shared_home)
    book.record([call(n) for n in range(50)])
    with pytest.MonkeyPatch.context() as small:
        small.setattr(book._back_end, "bodies_at_once", 3)
        yield book
    book.close()


def test_a_correction_names_what_it_supersedes(book: Ledger) -> None:
    data = {"supersedes": "e000001", "reason": "entered twice"}
    book.record([event("record.voided", data, id="void", subject="call/c1")])
    by_id = {read.id: read.supersedes for read in book.reader().after(0, 99)}
    assert (by_id["void"], by_id["again"], by_id["e000001"]) == ("e000001", "e000005", None)


def gapless(found: list[int]) -> bool:
    return found == list(range(1, len(found) + 1))


def tail(reader: object, upto: int, found: list[int]) -> None:
    while len(found) < upto:
        events: list[Recorded] = reader.after(found[-1] if found else 0, 50)  # type: ignore[attr-defined]
        found.extend(read.log_index for read in events)


def test_law_3_a_tailing_thread_passes_over_nothing(home: Home) -> None:
    book = ledger(home)
    found: list[int] = []
    reading = Thread(target=tail, args=(book.reader(), 600, found))
    reading.start()

    def write(source: str) -> None:
        for start in range(0, 300, 20):
            book.record([call(n, source=source) for n in range(start, start + 20)])

    writers = [Thread(target=write, args=(source,)) for source in ("//a", "//b")]
    for writer in writers:
        writer.start()
    for thread in (*writers, reading):
        thread.join()
    assert len(found) == 600
    assert gapless(found)
    book.close()


TAIL = """
import sys, pathlib
from domain.ledger import Ledger
place = sys.argv[1]
opened = Ledger.connect(place, clock=int, writable=False) if "://" in place else None
book = opened or Ledger.open(pathlib.Path(place), clock=int, writable=False)
reader, found = book.reader(), []
print("ready", flush=True)
while len(found) < 400:
    found.extend(event.log_index for event in reader.after(found[-1] if found else 0, 50))
print(*found)
book.close()
"""


def test_law_3_a_tailing_process_passes_over_nothing(home: Home) -> None:
    book = ledger(home)
    tailing = subprocess.Popen(
        [sys.executable, "-c", TAIL, str(home) if isinstance(home, Path) else home.address],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert tailing.stdout is not None
    assert tailing.stdout.readline() == "ready\n"
    for start in range(0, 400, 10):
        book.record([call(n) for n in range(start, start + 10)])
    found = [int(index) for index in tailing.communicate()[0].split()]
    assert len(found) == 400
    assert gapless(found)
    book.close()


def test_control_a_reader_that_sees_a_later_commit_first_is_noticed() -> None:
    # What a log numbered outside its transaction would show: 2 is visible before 1, and the tail goes on from
    # 2.
    visible: list[list[int]] = [[2], [1, 2, 3]]
    found: list[int] = []
    for log in visible:
        found.extend(index for index in log if index > (found[-1] if found else 0))
    assert not gapless(found)


def test_a_reader_sees_nothing_of_an_open_transaction(home: Home) -> None:
    book = ledger(home)
    inside, may_end = Event(), Event()

    def write() -> None:
        def slowly(page: Appending) -> None:
            page.statements([call(1)])
            inside.set()
            may_end.wait()

        book.recorder.append(slowly)

    writer = Thread(target=write)
    writer.start()
    inside.wait()
    seen = (book.head().log_index, len(book.reader().after(0, 9)))
    may_end.set()
    writer.join()
    assert seen == (0, 0)
    assert len(book.reader().after(0, 9)) == 1
    book.close()


def test_packed_columns_that_do_not_fit_their_ids_are_refused(home: Home) -> None:
    book = ledger(home)
    book.record([call(1), call(2)])
    tampered(home, "UPDATE log_columns SET ids = 'e000001'")
    with pytest.raises(ValueError, match="damaged"):
        book.reader().hot_columns(0, 2)
    book.close()


def test_search_finds_by_subject_type_and_agency_from_where_it_left_off(book: Ledger) -> None:
    def found(**wanted: object) -> list[int]:
        options = {"after": 0, "limit": 99, "upto": 99, **wanted}
        return [event.log_index for event in book.reader().search(**options)]  # type: ignore[arg-type]

    assert found(subject="call/c5") == [6, 34]
    assert found(subject="call/c5", upto=33) == [6]
    assert found(subject="call/c5", after=6) == [34]
    assert found(topics=["plan.adopted.v1", "goal.set.v1", "no.such.v1"]) == [31, 32]
    assert found(topics=["call.received.v1"], limit=3, after=29) == [30, 33, 34]
    assert found(topics=[]) == found(subject="no/such") == found(agency="nobody") == []
    assert found(agency="county", subject="plan/p1", topics=["goal.set.v1"]) == [32]
    assert found() == list(range(1, 35))
