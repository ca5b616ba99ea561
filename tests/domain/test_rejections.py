"""What was refused stays: its bytes as far as they are bounded, its reason, and how often it came."""

from __future__ import annotations

import hashlib

from contracts.faults import problem
from contracts.recorded import Rejected
from domain.rejections import RAW_BYTES_KEPT
from tests.domain.given import NOON_US, Stopped, call, ledger, refused
from tests.domain.homes import Home


def test_identical_repeats_are_counted_with_their_first_and_last_moment(home: Home) -> None:
    clock = Stopped()
    book = ledger(home, clock)
    book.record([refused(), refused()])
    clock.now_us += 7
    book.record([refused(), refused(b"[")])
    first, second = book.rejections()
    assert (first.times, first.first_received_at_us, first.last_received_at_us) == (3, NOON_US, NOON_US + 7)
    assert (second.times, second.raw) == (1, b"[")
    book.close()


def test_the_same_bytes_refused_for_another_reason_or_agency_are_apart(home: Home) -> None:
    book = ledger(home)
    raw = b"{}"
    book.record(
        [
            Rejected(raw, problem("attribute_missing", pointer="/id")),
            Rejected(raw, problem("attribute_missing", pointer="/type")),
            Rejected(raw, problem("type_unknown", pointer="/type")),
            Rejected(raw, problem("type_unknown", pointer="/type"), agency="county"),
        ]
    )
    assert [kept.times for kept in book.rejections()] == [1, 1, 1, 1]
    book.close()


def test_what_is_kept_says_what_was_told(home: Home) -> None:
    book = ledger(home)
    told = problem("field_unknown", "no field colour", "/data/colour", allowed=["call"], digest=b"\x01")
    book.record([Rejected(b"{}", told, "//county", "e1", "county")])
    (kept,) = book.rejections()
    assert (kept.status, kept.source, kept.id, kept.agency) == ("rejected", "//county", "e1", "county")
    found = kept.problem
    assert (told.code, told.title, told.detail) == (found.code, found.title, found.detail)
    assert (told.pointer, told.hint) == (found.pointer, found.hint)
    assert found.extra == {"allowed": ["call"], "digest": "01"}
    book.close()


def test_a_long_submission_is_cut_and_its_digest_is_of_the_whole(home: Home) -> None:
    book = ledger(home)
    raw = b"x" * (RAW_BYTES_KEPT + 1)
    book.record([refused(raw)])
    (kept,) = book.rejections()
    assert (len(kept.raw), kept.raw_bytes) == (RAW_BYTES_KEPT, RAW_BYTES_KEPT + 1)
    assert hashlib.sha256(raw).digest() == kept.raw_sha256
    book.close()


def test_half_a_surrogate_pair_can_be_kept(home: Home) -> None:
    book = ledger(home)
    told = problem("lone_surrogate", "found \ud800", "/data/\udfff", value="\ud800")
    book.record([Rejected(b"{}", told, "//\ud800", "e\ud800", "a\ud800")])
    (kept,) = book.rejections()
    assert (kept.problem.detail, kept.id) == ("found \\ud800", "e\\ud800")
    book.close()


def test_rejections_are_listed_page_by_page(home: Home) -> None:
    book = ledger(home)
    book.record([refused(b"%d" % number) for number in range(5)])
    pages = [book.rejections(2), book.rejections(2, 2), book.rejections(2, 4)]
    assert [[kept.number for kept in page] for page in pages] == [[1, 2], [3, 4], [5]]
    book.close()


def test_the_newest_are_listed_first_of_all_or_of_one_agency(home: Home) -> None:
    book = ledger(home)
    agencies = ["county", None, "city", "county"]
    book.record([refused(f"[{number}".encode(), agency) for number, agency in enumerate(agencies)])
    assert [4, 3] == [kept.number for kept in book.latest_rejections(2)]
    assert [2, 1] == [kept.number for kept in book.latest_rejections(2, 3)]
    assert [] == book.latest_rejections(2, 1)
    assert [4, 1] == [kept.number for kept in book.latest_rejections(9, agency="county")]
    assert [1] == [kept.number for kept in book.latest_rejections(9, 4, "county")]
    assert book.rejections(1, 3) == book.latest_rejections(1)
    book.close()


def test_they_are_counted_once_and_as_often_as_they_came(home: Home) -> None:
    book = ledger(home)
    assert (0, 0) == book.rejections_counted()
    book.record([refused(b"[", "county"), refused(b"[", "county"), refused(b"{", "city"), refused(b"{")])
    assert [(3, 4), (1, 2), (0, 0)] == [book.rejections_counted(agency) for agency in (None, "county", "nobody")]
    assert {int} == {type(n) for n in book.rejections_counted()}
    book.close()


def test_what_broke_its_contract_by_a_moment_is_counted_by_agency_and_conflicts_are_not(home: Home) -> None:
    clock = Stopped()
    book = ledger(home, clock)
    book.record([call(1), call(1, priority="2"), refused(b"[", "county"), refused(b"["), refused(b"{", "city")])
    clock.now_us += 5
    book.record([refused(b"[", "county"), refused(b"[[", "county")])
    assert {"rejected", "conflict"} == {kept.status for kept in book.rejections()}
    assert {} == book.rejections_by_agency(NOON_US - 1)
    assert {"county": 1, "city": 1} == book.rejections_by_agency(NOON_US)
    assert {"county": 2, "city": 1} == book.rejections_by_agency(NOON_US + 5)
    book.close()
