"""The tree is RFC 6962's: held against its definition, its published vectors, and itself after a change."""

from __future__ import annotations

import base64
import hashlib
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)
from tests.shared_data import published

entries = st.lists(st.binary(min_size=32, max_size=32), max_size=70)


def vectors(kind: str) -> list[tuple[str, dict[str, Any]]]:
    folder = published("vectors", "rfc6962-merkle") / kind
    found = [(str(path), json.loads(path.read_text())) for path in sorted(folder.rglob("*.json"))]
    assert found
    return found


def unpacked(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert hashlib.sha256(b"").digest() == Frontier().root() == EMPTY_ROOT


@given(entries, st.lists(st.integers(min_value=0, max_value=70), max_size=4))
def test_a_frontier_grown_in_any_steps_has_the_root_of_the_definition(entries: list[bytes], cuts: list[int]) -> None:
    frontier = Frontier()
    bounds = [0, *sorted(min(cut, len(entries)) for cut in cuts), len(entries)]
    for start, stop in pairwise(bounds):
        frontier.extend(entries[start:stop])
        frontier = Frontier.from_bytes(frontier.size, frontier.to_bytes())
    assert subtree_root([leaf_hash(entry) for entry in entries]) == frontier.root()
    assert len(entries) == frontier.size


@given(entries.filter(len), st.data())
def test_a_changed_entry_changes_the_root(entries: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(entries) - 1))
    changed = [*entries]
    changed[place] = hashlib.sha256(entries[place]).digest()
    one, other = Frontier(), Frontier()
    one.extend(entries)
    other.extend(changed)
    assert one.root() != other.root()


def test_a_frontier_that_does_not_belong_to_its_size_is_refused() -> None:
    with pytest.raises(ValueError, match="3 leaves"):
        Frontier(3, [b"\x00" * 32])
    with pytest.raises(ValueError, match="multiple"):
        Frontier.from_bytes(1, b"\x00" * 31)


def test_a_copy_grows_apart() -> None:
    frontier = Frontier()
    frontier.extend([b"a" * 32])
    copy = frontier.copy()
    copy.extend([b"b" * 32])
    assert (frontier.size, copy.size) == (1, 2)
    assert frontier.root() != copy.root()


@given(entries.filter(len), st.data())
def test_every_leaf_proves_its_place_and_no_other(entries: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    place = data.draw(st.integers(0, len(leaves) - 1))
    root = subtree_root(leaves)
    proof = inclusion_proof(place, leaves)
    assert verify_inclusion(place, len(leaves), leaves[place], proof, root)
    assert not verify_inclusion(place, len(leaves), leaf_hash(b"another"), proof, root)
    assert not verify_inclusion(place, len(leaves), leaves[place], [*proof, root], root)


@given(entries.filter(len), st.data())
def test_every_prefix_is_proved_consistent_and_a_rewritten_one_is_not(
    entries: list[bytes], data: st.DataObject
) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    first = data.draw(st.integers(1, len(leaves)))
    old, new = subtree_root(leaves[:first]), subtree_root(leaves)
    proof = consistency_proof(first, leaves)
    assert verify_consistency(first, len(leaves), old, new, proof)
    rewritten = subtree_root([leaf_hash(b"another"), *leaves[1:first]])
    assert not verify_consistency(first, len(leaves), rewritten, new, proof)


def test_no_proof_is_made_for_a_leaf_or_size_outside_the_tree() -> None:
    with pytest.raises(ValueError, match="no leaf 1"):
        inclusion_proof(1, [leaf_hash(b"")])
    with pytest.raises(ValueError, match="from 0"):
        consistency_proof(0, [leaf_hash(b"")])


def test_the_published_inclusion_vectors_get_their_verdict() -> None:
    for path, vector in vectors("inclusion"):
        found = verify_inclusion(
            vector["leafIdx"],
            vector["treeSize"],
            unpacked(vector["leafHash"]),
            [unpacked(sibling) for sibling in vector["proof"] or []],
            unpacked(vector["root"]),
        )
        assert (not vector["wantErr"]) == found, path


def test_the_published_consistency_vectors_get_their_verdict() -> None:
    for path, vector in vectors("consistency"):
        found = verify_consistency(
            vector["size1"],
            vector["size2"],
            unpacked(vector["root1"]),
            unpacked(vector["root2"]),
            [unpacked(sibling) for sibling in vector["proof"] or []],
        )
        assert (not vector["wantErr"]) == found, path
