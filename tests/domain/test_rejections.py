"""What was refused stays: its bytes as far as they are bounded, its reason, and how often it came."""

from __future__ import annotations

import hashlib

from contracts.faults import problem
from contracts.recorded import Rejected
from domain.rejections import RAW_BYTES_KEPT
from tests.domain.given import NOON_US, Stopped, ledger, refused
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
