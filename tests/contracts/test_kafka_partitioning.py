"""Every client comes to the same partition: ours is checked against aiokafka's and Kafka's published hashes."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from contracts.partitioning import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hashes_are_those_of_the_java_client(key: bytes, signed: int) -> None:
    assert signed % 2**32 == murmur2(key)


@given(st.binary(max_size=60))
def test_any_key_hashes_as_in_aiokafka(key: bytes) -> None:
    assert murmur2_of_aiokafka(key) == murmur2(key)


@given(st.text(max_size=40), st.integers(1, 64))
def test_a_subject_is_where_the_default_partitioner_puts_it(subject: str, partitions: int) -> None:
    known = list(range(partitions))
    assert DefaultPartitioner()(subject.encode(), known, known) == partition_of(subject, partitions)


def test_a_topic_without_partitions_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        partition_of("call/c-1", 0)
