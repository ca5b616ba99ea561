"""The judge reports every kind of damage, and none where there is none."""

from __future__ import annotations

import hashlib

import pytest

from ops.torture.judge import (
    Ack,
    Findings,
    Row,
    decode_acks,
    encode_acks,
    judge_log,
    judge_tally,
    judge_views,
    judge_whole,
)


def row(place: int, name: str = "") -> Row:
    body = f"body {name or place}".encode()
    return Row(place, ("s", name or str(place)), hashlib.sha256(body).digest(), body)


def ack(of: Row) -> Ack:
    return Ack(of.identity, of.log_index, of.digest)


LOG = [row(place) for place in range(1, 6)]
ACKS = [ack(each) for each in LOG]


def counts(found: Findings) -> tuple[int, int, int]:
    return found.lost, found.torn, found.doubled


def test_a_sound_log_has_no_findings() -> None:
    found = judge_log(ACKS, LOG)
    assert counts(found) == (0, 0, 0)
    assert found.clean
    assert found.acknowledged == 5


def test_events_that_were_stored_and_never_acknowledged_are_counted_and_no_fault() -> None:
    found = judge_log(ACKS[:3], LOG)
    assert counts(found) == (0, 0, 0)
    assert found.stored_unacknowledged == 2


def test_the_same_acknowledgement_twice_counts_once() -> None:
    assert judge_log(ACKS + ACKS, LOG).acknowledged == 5


def test_control_a_row_removed_at_the_end_is_lost() -> None:
    assert counts(judge_log(ACKS, LOG[:-1])) == (1, 0, 0)


def test_control_a_row_removed_in_the_middle_is_lost_and_leaves_a_hole() -> None:
    found = judge_log(ACKS, LOG[:2] + LOG[3:])
    assert found.lost == 1
    assert found.torn > 0


def test_control_a_row_twice_is_doubled() -> None:
    again = Row(6, LOG[0].identity, LOG[0].digest, LOG[0].body)
    assert counts(judge_log(ACKS, [*LOG, again])) == (0, 0, 1)


def test_control_bytes_that_do_not_give_their_digest_are_torn() -> None:
    damaged = Row(3, LOG[2].identity, LOG[2].digest, LOG[2].body[:-1])
    assert counts(judge_log(ACKS, [*LOG[:2], damaged, *LOG[3:]])) == (0, 1, 0)


def test_control_another_content_under_the_acknowledged_identity_is_torn() -> None:
    other = row(3, "other")
    replaced = Row(3, LOG[2].identity, other.digest, other.body)
    assert counts(judge_log(ACKS, [*LOG[:2], replaced, *LOG[3:]])) == (0, 1, 0)


def test_control_a_receipt_with_another_place_is_torn() -> None:
    assert counts(judge_log([Ack(LOG[2].identity, 4, LOG[2].digest)], LOG)) == (0, 1, 0)


def test_control_two_receipts_that_differ_are_torn() -> None:
    assert judge_log([*ACKS, Ack(LOG[2].identity, 4, LOG[2].digest)], LOG).torn == 1


def test_control_what_verify_says_counts() -> None:
    assert counts(judge_log(ACKS, LOG, ["the root differs", "a gap"])) == (0, 2, 0)


@pytest.mark.parametrize(("names", "torn"), [({"1", "2"}, 0), ({"8", "9"}, 0), ({"2", "9"}, 1)])
def test_a_transaction_is_there_whole_or_not_at_all(names: set[str], torn: int) -> None:
    assert torn == judge_whole([frozenset(("s", name) for name in names)], LOG).torn


@pytest.mark.parametrize(("counted", "expected"), [(5, (0, 0, 0)), (7, (0, 0, 2)), (4, (1, 0, 0))])
def test_the_additive_view_counts_each_event_once(counted: int, expected: tuple[int, int, int]) -> None:
    assert expected == counts(judge_tally(LOG, counted))


def test_views_that_differ_from_a_rebuild_are_reported() -> None:
    assert judge_views({"t": [(1, "a"), (2, "b")]}, {"t": [(2, "b"), (1, "a")]}).clean
    assert judge_views({"t": [(1, "a")]}, {"t": [(1, "b")]}).doubled == 2
    assert judge_views({"t": [(1, "a")]}, {}).doubled == 1


def test_acknowledgements_survive_their_encoding() -> None:
    assert decode_acks(encode_acks(3, ACKS)) == (3, ACKS)
