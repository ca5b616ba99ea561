"""Strict JSON: each way in which two readers could differ is refused with its own code and place."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import RejectedFault
from contracts.limits import DEPTH_MAX, NUMBER_MAX
from contracts.strictjson import loads, proves_no_repeated_key, read

REFUSALS = [
    (b'{"a":"\xff"}', "not_utf8", ""),
    (b'"\xed\xa0\x80"', "not_utf8", ""),
    (b'\xef\xbb\xbf{"a":1}', "not_json", ""),
    (b"", "not_json", ""),
    (b"{", "not_json", ""),
    (b'{"a":1,}', "not_json", ""),
    (b"{'a':1}", "not_json", ""),
    (b'{"a":[1,]}', "not_json", "/a/1"),
    (b'{"a" 1}', "not_json", "/a"),
    (b'{"a":1} {}', "not_json", ""),
    (b'{"a":01}', "not_json", ""),
    (b'{"a":"\x01"}', "not_json", "/a"),
    (b'{"a":"\\x"}', "not_json", "/a"),
    (b'{"a":tru}', "not_json", "/a"),
    (b"[1}", "not_json", ""),
    (b'{"a":1,"a":1}', "duplicate_key", "/a"),
    (b'{"a":{"b":[{"c":1,"\\u0063":2}]}}', "duplicate_key", "/a/b/0/c"),
    (b'{"~/":{"x":1,"x":2}}', "duplicate_key", "/~0~1/x"),
    (b'{"a":NaN}', "not_a_number", "/a"),
    (b'{"a":[0,-Infinity]}', "not_a_number", "/a/1"),
    (b'{"a":"\\ud800"}', "lone_surrogate", "/a"),
    (b'{"a":"\\udc00\\ud800"}', "lone_surrogate", "/a"),
    (b'{"\\udfff":1}', "lone_surrogate", ""),
    (b'{"a":9007199254740992}', "number_out_of_range", "/a"),
    (b'{"a":-9007199254740992}', "number_out_of_range", "/a"),
    (b'{"a":1e400}', "number_out_of_range", "/a"),
    (b'{"a":9007199254740993.0}', "number_out_of_range", "/a"),
    (b'{"a":' + b"9" * 5_000 + b"}", "number_out_of_range", "/a"),
]


@pytest.mark.parametrize(("raw", "code", "pointer"), REFUSALS, ids=lambda value: repr(value)[:40])
def test_each_refusal_has_its_code_and_place(raw: bytes, code: str, pointer: str) -> None:
    for reader in (loads, read):
        with pytest.raises(RejectedFault) as caught:
            reader(raw)
        assert (code, pointer) == (caught.value.problem.code, caught.value.problem.pointer)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_limited(opening: bytes, closing: bytes) -> None:
    deepest = opening * DEPTH_MAX + b"1" + closing * DEPTH_MAX
    assert loads(deepest) == json.loads(deepest)
    for depth in (DEPTH_MAX + 1, 300, 2_000, 20_000):
        with pytest.raises(RejectedFault) as caught:
            loads(opening * depth + b"1" + closing * depth)
        assert caught.value.problem.code == "too_deep"


def test_many_brackets_side_by_side_are_not_deep() -> None:
    raw = b"[" + b",".join([b"[]"] * 500) + b"]"
    assert loads(raw) == [[]] * 500


def test_numbers_up_to_the_limit_are_kept_exactly() -> None:
    assert loads(b"[%d,-%d,1.5,1.0,-0,1e3]" % (NUMBER_MAX, NUMBER_MAX)) == [
        NUMBER_MAX,
        -NUMBER_MAX,
        1.5,
        1.0,
        0,
        1000.0,
    ]


def test_an_error_names_line_and_column() -> None:
    with pytest.raises(RejectedFault) as caught:
        loads(b'{\n  "a": 1,\n  b: 2\n}')
    assert caught.value.problem.detail.startswith("line 3, column 3:")


TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from('"\\/\u0022\n{}[]:,')).filter(lambda t: len(t) < 50)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-NUMBER_MAX, NUMBER_MAX) | TEXTS | st.floats(-1e15, 1e15),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_strict_json_is_read_as_any_parser_reads_it(value: object, ascii_only: bool, indent: int | None) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert json.loads(raw) == loads(raw) == read(raw)


def encode_with_repeats(pairs: list[tuple[str, object]]) -> bytes:
    return b"{" + b",".join(orjson.dumps(key) + b":" + json.dumps(value).encode() for key, value in pairs) + b"}"


@given(st.lists(st.tuples(TEXTS, VALUES), min_size=1, max_size=5), st.data())
def test_a_repeated_key_is_always_noticed(pairs: list[tuple[str, object]], data: st.DataObject) -> None:
    """The quick proof never passes an object that repeats a key, whatever the texts hold."""
    again = data.draw(st.sampled_from(pairs))
    raw = encode_with_repeats([*pairs, (again[0], data.draw(VALUES))])
    assert not proves_no_repeated_key(raw, orjson.dumps(orjson.loads(raw)))
    with pytest.raises(RejectedFault) as caught:
        loads(raw)
    assert caught.value.problem.code == "duplicate_key"


def test_a_quotation_mark_spelled_as_an_escape_cannot_pay_for_a_lost_key() -> None:
    """Negative control of the proof: counting alone would be fooled here."""
    raw = rb'{"a":1,"a":2,"b":"\u0022\u0022"}'
    assert raw.count(b'"') == orjson.dumps(orjson.loads(raw)).count(b'"')
    with pytest.raises(RejectedFault) as caught:
        loads(raw)
    assert caught.value.problem.code == "duplicate_key"


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\u ', max_size=40).map(str.encode))
def test_the_two_readers_agree_on_any_bytes(raw: bytes) -> None:
    def verdict(reader: object) -> object:
        try:
            return repr(reader(raw))  # type: ignore[operator]
        except RejectedFault as refused:
            return refused.problem

    assert verdict(read) == verdict(loads)
