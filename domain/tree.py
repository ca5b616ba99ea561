"""The RFC 6962 Merkle tree over the digests of the recorded events, kept as its frontier.

It is here so that one 32-byte root speaks for the whole ledger: the same events in the same order give the
same root anywhere, and a changed, lost or added event gives another. A leaf is ``SHA-256(0x00 || digest)``
and an inner node ``SHA-256(0x01 || left || right)`` (RFC 6962, section 2.1). The frontier holds the roots of
the perfect subtrees that make up the tree, largest first: one for every bit set in the number of leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of the tree without leaves (RFC 6962, section 2.1)."""


def leaf_hash(entry: bytes) -> bytes:
    """The leaf hash of an entry; in the ledger the entry is an event's 32-byte digest."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node above ``left`` and ``right``."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The part of the tree that later leaves can change: one hash a set bit of ``size`` (leaves)."""

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Raises ValueError where the number of hashes does not belong to ``size``."""
        if len(hashes) != size.bit_count() or any(len(h) != HASH_BYTES for h in hashes):
            raise ValueError(f"a frontier of {size} leaves has {size.bit_count()} hashes of {HASH_BYTES} bytes")
        self.size = size
        self.hashes = list(hashes)

    def extend(self, entries: Iterable[bytes]) -> None:
        """Append one leaf for each entry (not yet leaf-hashed), in order."""
        sha256 = hashlib.sha256
        hashes = self.hashes
        size = self.size
        for entry in entries:
            carried = sha256(b"\x00" + entry).digest()
            bits = size
            while bits & 1:
                carried = sha256(b"\x01" + hashes.pop() + carried).digest()
                bits >>= 1
            hashes.append(carried)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def to_bytes(self) -> bytes:
        """The hashes one after the other, largest subtree first; the size is kept beside them."""
        return b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, size: int, packed: bytes) -> Frontier:
        """The inverse of ``to_bytes``. Raises ValueError where ``packed`` does not belong to ``size``."""
        if len(packed) % HASH_BYTES:
            raise ValueError(f"a packed frontier is a multiple of {HASH_BYTES} bytes, not {len(packed)}")
        bounds = pairwise(range(0, len(packed) + 1, HASH_BYTES))
        return cls(size, [packed[start:stop] for start, stop in bounds])

    def copy(self) -> Frontier:
        """A frontier that can be extended without changing this one."""
        return Frontier(self.size, self.hashes)


def subtree_root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, by the recursive definition of RFC 6962 (section 2.1); O(n)."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(subtree_root(leaves[:split]), subtree_root(leaves[split:]))


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The audit path of leaf ``index`` (from 0) in the tree over ``leaves`` (RFC 6962, section 2.1.1).

    Raises ValueError where the tree has no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise ValueError(f"no leaf {index} in a tree of {len(leaves)}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(index, leaves[:split]), subtree_root(leaves[split:])]
    return [*inclusion_proof(index - split, leaves[split:]), subtree_root(leaves[:split])]


def consistency_proof(first: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The proof that the tree over ``leaves`` extends the tree over its first ``first`` leaves (section
    2.1.2).

    Raises ValueError unless ``0 < first <= len(leaves)``.
    """
    if not 0 < first <= len(leaves):
        raise ValueError(f"no consistency proof from {first} to {len(leaves)} leaves")
    return _subproof(first, leaves, whole=True)


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows that the leaf hash ``leaf`` is leaf ``index`` of the tree of ``size`` leaves
    and ``root``.

    The iterative form of RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size or len(leaf) != HASH_BYTES:
        return False
    node, last = index, size - 1
    carried = leaf
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_BYTES:
            return False
        if node & 1 or node == last:
            carried = node_hash(sibling, carried)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            carried = node_hash(carried, sibling)
        node >>= 1
        last >>= 1
    return last == 0 and carried == root


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the tree of ``second`` leaves extends the tree of ``first`` leaves.

    The iterative form of RFC 9162, section 2.1.4.2. As there, a proof from the empty tree does not exist: it
    would show nothing.
    """
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    path = list(proof)
    if any(len(sibling) != HASH_BYTES for sibling in path):
        return False
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return False
    node, last = first - 1, second - 1
    while node & 1:
        node >>= 1
        last >>= 1
    older = newer = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            older = node_hash(sibling, older)
            newer = node_hash(sibling, newer)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            newer = node_hash(newer, sibling)
        node >>= 1
        last >>= 1
    return last == 0 and older == first_root and newer == second_root


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _subproof(first: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if whole else [subtree_root(leaves)]
    split = _split(len(leaves))
    if first <= split:
        return [*_subproof(first, leaves[:split], whole=whole), subtree_root(leaves[split:])]
    return [*_subproof(first - split, leaves[split:], whole=False), subtree_root(leaves[:split])]
