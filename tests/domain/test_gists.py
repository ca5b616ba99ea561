"""What opening a large number reads of the log: the same events, found by an index and read with less work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contracts.recorded import Gist, Recorded
from domain.ledger import Ledger
from tests.domain.given import Stopped, adopted, call, ledger
from tests.domain.homes import Home


@pytest.fixture
def book(home: Home) -> Iterator[Ledger]:
    book = ledger(home, Stopped())
    book.record([call(number) for number in range(40)])
    # Extensions may have the names of what is not read from the envelope.
    book.record([adopted(), call(3, id="again", kind=5, supersedes="e000003")])
    yield book
    book.close()


def as_gist(event: Recorded) -> Gist:
    return Gist(event.source, event.id, event.subject, event.data, event.type, event.kind, event.agency, event.time_us)


@pytest.mark.parametrize("step", [1, 2, 9])
def test_gists_tell_what_the_events_tell_whether_looked_up_or_scanned(book: Ledger, step: int) -> None:
    reader = book.reader()
    wanted = list(range(1, 43, step))
    assert [as_gist(event) for event in reader.at(wanted)] == list(reader.gists(wanted))
    assert [] == list(reader.gists([]))


def test_the_index_finds_exactly_the_events_about_the_subjects(book: Ledger) -> None:
    reader = book.reader()
    subjects = ["call/c3", "call/c7", "plan/p1", "call/nobody"]
    for upto in (42, 41, 5):
        expected = [event.log_index for event in reader.by_subject(subjects, upto)]
        assert expected == list(reader.about(subjects, upto))
    assert 4 == len(reader.about(subjects, 42))
