"""Which partition of a topic a subject belongs to: murmur2 of the key, as Kafka's own default partitioner does it.

It is here, in the corridor, because the relay that sends an event, the worker that reads a gap back from the log and an
agency that keys its own messages must all come to the same partition, whatever client they use.
"""

from __future__ import annotations

from functools import lru_cache
from struct import unpack_from
from typing import Final

_SEED: Final = 0x9747B28C
_MIX: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF


def murmur2(key: bytes) -> int:
    """The 32-bit MurmurHash2 of a key, unsigned, with the seed of ``org.apache.kafka.common.utils.Utils``."""
    length = len(key)
    words = length >> 2
    h = _SEED ^ length
    for k in unpack_from(f"<{words}I", key):
        k = k * _MIX & _WORD
        k = (k ^ k >> 24) * _MIX & _WORD
        h = h * _MIX & _WORD ^ k
    if length & 3:
        h = (h ^ int.from_bytes(key[words << 2 :], "little")) * _MIX & _WORD
    h = (h ^ h >> 13) * _MIX & _WORD
    return h ^ h >> 15


@lru_cache(maxsize=65_536)
def partition_of(subject: str, partitions: int) -> int:
    """The partition, from 0, of a topic with so many partitions on which the events about ``subject`` stand.

    ValueError where there is no partition.
    """
    if partitions < 1:
        raise ValueError(f"a topic has at least one partition, not {partitions}")
    return (murmur2(subject.encode()) & _POSITIVE) % partitions
