"""Whatever form a file of events has, each event comes out as its own bytes and nothing vanishes."""

from __future__ import annotations

import io
import json
import random

import pytest

from contracts.limits import EVENT_BYTES_MAX
from ops.cli.event_file import read_events


def _read(body: bytes, name: str = "") -> list[bytes]:
    return list(read_events(io.BytesIO(body), name))


def test_one_event_over_several_lines_is_one_event() -> None:
    body = json.dumps({"id": "1", "data": {"a": [1, 2]}}, indent=2).encode()
    assert _read(body) == [body]
    assert _read(b"\xef\xbb\xbf\n " + body + b"\n") == [body]


def test_lines_are_events_and_blank_lines_are_not() -> None:
    assert _read(b'{"id":1}\n\n  \n{"id":2}\r\n{"id":3}') == [b'{"id":1}', b'{"id":2}', b'{"id":3}']


@pytest.mark.parametrize("bad", [b'{"id":', b"nonsense", b'{"id":1}}', b"\xff\xfe"])
@pytest.mark.parametrize("place", [0, 1, 500, 999])
def test_a_bad_line_anywhere_leaves_the_others_whole(bad: bytes, place: int) -> None:
    lines = [b'{"id":"%d","t":"a\\nb"}' % n for n in range(1_000)]
    lines[place] = bad
    assert _read(b"\n".join(lines)) == lines


def test_a_name_settles_that_it_is_lines() -> None:
    assert _read(b"[broken\n{}\n", "events.ndjson") == [b"[broken", b"{}"]


def test_an_array_is_split_at_its_own_commas_only() -> None:
    elements = [b'{"a":"x,]}\\"[{"}', b"[1, [2]]", b"3", b'"\\\\"', b"null", b'{"\\\\\\"":[{}]}']
    body = b" [\n" + b" , ".join(elements) + b"\n]\n"
    assert _read(body) == elements
    assert _read(b"[]") == []


def test_an_array_is_split_alike_wherever_its_chunks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(7)
    elements = [
        json.dumps({"k": '"\\' * dice.randrange(4), "v": [",", "]", {"x": "}"}] * dice.randrange(3)}).encode()
        for _ in range(50)
    ]
    body = b"[" + b",".join(elements) + b"]"
    for size in (1, 2, 3, 7, 64):
        monkeypatch.setattr("ops.cli.event_file._CHUNK_BYTES", size)
        assert _read(body) == elements


def test_what_follows_an_array_or_is_missing_from_it_does_not_vanish() -> None:
    assert _read(b'[{"a":1}] {"b":2}') == [b'{"a":1}', b'{"b":2}']
    assert _read(b'[{"a":1}, {"b":') == [b'{"a":1}', b'{"b":']
    assert _read(b'[{"a":"x') == [b'{"a":"x']
    assert _read(b'[{"a":1},,{"b":2}]') == [b'{"a":1}', b"", b'{"b":2}']


def test_an_oversized_event_is_cut_to_where_the_intake_sees_that_it_is_too_large() -> None:
    big = b'{"a":"' + b"x" * (3 * EVENT_BYTES_MAX) + b'"}'
    assert [len(e) for e in _read(big + b'\n{"b":2}\n')] == [EVENT_BYTES_MAX + 1, 7]
    assert [len(e) for e in _read(b"[" + big + b',{"b":2}]')] == [EVENT_BYTES_MAX + 1, 7]


@pytest.mark.parametrize("body", [b'[{"a":1},', b'[{"a":1}', b'[{"a":1}, \n'])
def test_an_array_that_never_closes_does_not_pass_for_a_whole_one(body: bytes) -> None:
    assert _read(body) == [b'{"a":1}', b"["]
    assert _read(body.rstrip(b", \n") + b"]") == [b'{"a":1}']
