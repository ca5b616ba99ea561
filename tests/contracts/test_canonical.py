"""Canonical bytes are RFC 8785, by the quick way as by the reference implementation."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.canonical import canonical_bytes, canonical_bytes_slow, digest, sorts_like_utf16
from contracts.limits import NUMBER_MAX
from tests.shared_data import published

NUMBERS = st.integers(-NUMBER_MAX, NUMBER_MAX) | st.floats(allow_nan=False, allow_infinity=False) | st.floats(-10, 10)
TEXTS = st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=15,
)
EXACT = st.recursive(
    st.none() | st.booleans() | st.integers(-NUMBER_MAX, NUMBER_MAX) | st.floats(-1e15, 1e15) | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=15,
)


@pytest.fixture(params=["arrays", "french", "structures", "unicode", "values", "weird"])
def vector(request: pytest.FixtureRequest) -> tuple[bytes, bytes]:
    vectors = published("vectors", "jcs-rfc8785")
    hexed = (vectors / "outhex" / f"{request.param}.txt").read_text()
    return (vectors / "input" / f"{request.param}.json").read_bytes(), bytes.fromhex("".join(hexed.split()))


def test_the_published_vectors_come_out_to_the_byte(vector: tuple[bytes, bytes]) -> None:
    raw, expected = vector
    assert expected == canonical_bytes(json.loads(raw)) == canonical_bytes_slow(json.loads(raw))


@given(VALUES)
@example({"\U00010000": 1, "\ue000": 2})
@example([1e-7, 0.001, 0.0009, 1.0, -0.0, 1e21, 123456789.125, 5e-324, 0.1 + 0.2])
@example({"a": "\x7f\x1f\u2028\b\t"})
def test_quick_and_exact_give_the_same_bytes(value: object) -> None:
    assert canonical_bytes_slow(value) == canonical_bytes(value)


def test_code_point_order_is_not_utf16_order_beyond_the_basic_plane() -> None:
    """Negative control: without the check, the quick way would sort these two keys the other way round."""
    keys = {"\ue000": 1, "\U00010000": 2}
    assert canonical_bytes(keys) == '{"\U00010000":2,"\ue000":1}'.encode()
    assert not sorts_like_utf16('{"\ue000":1,"\U00010000":2}'.encode())


@given(EXACT)
def test_canonical_bytes_are_a_fixed_point(value: object) -> None:
    body = canonical_bytes(value)
    assert body == canonical_bytes(json.loads(body))


@given(st.dictionaries(TEXTS, EXACT, max_size=6), st.randoms())
def test_key_order_and_spelling_do_not_matter(value: dict[str, object], random: object) -> None:
    items = list(value.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert canonical_bytes(value) == canonical_bytes(json.loads(json.dumps(dict(items), indent=2)))


@pytest.mark.parametrize(
    "value", [2**53, -(2**53), [2**60], float("nan"), {"a": float("inf")}, "\ud800", {1: 2}, {"a": object()}, [b""]]
)
def test_what_json_cannot_hold_exactly_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_bytes(value)


def test_the_digest_is_sha_256_of_the_bytes() -> None:
    assert digest(b"{}") == sha256(b"{}").digest()
    assert rfc8785.dumps({}) == b"{}"
