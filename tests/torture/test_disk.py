"""The disk model promises what was synced and nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ops.torture.disk import CREATED, DIRECTORY, SECTOR, Call, Disk, Op, State, read_state, write_state


def opened(serial: int, name: str, facts: int = 0) -> Call:
    return Call(Op.OPEN, serial, facts, name.encode())


def written(serial: int, offset: int, data: bytes) -> Call:
    return Call(Op.WRITE, serial, offset, data)


def synced(serial: int) -> Call:
    return Call(Op.SYNC, serial, 0, b"")


def states(calls: list[Call], start: State | None = None, tries: int = 300) -> list[State]:
    disk = Disk(start)
    for call in calls:
        disk.advance(call)
    rng = random.Random(1)
    return [disk.after_cut(rng) for _ in range(tries)]


def test_a_synced_write_is_in_every_state() -> None:
    calls = [opened(1, "f"), written(1, 0, b"x" * 2000), synced(1), written(1, 2000, b"y")]
    assert all((state["f"] or b"")[:2000] == b"x" * 2000 for state in states(calls, {"f": b""}))


def test_an_unsynced_write_is_there_in_some_states_absent_in_others_and_torn_in_others() -> None:
    seen = {state["f"] for state in states([opened(1, "f"), written(1, 0, b"x" * 4 * SECTOR)], {"f": b""})}
    assert b"" in seen
    assert b"x" * 4 * SECTOR in seen
    assert any(content and b"\0" in content for content in seen)


def test_a_torn_write_is_torn_at_sectors_only() -> None:
    for state in states([opened(1, "f"), written(1, 100, b"x" * 3000)], {"f": bytes(4096)}):
        content = state["f"] or b""
        for at in range(0, 4096, SECTOR):
            inside = content[max(at, 100) : min(at + SECTOR, 3100)]
            assert set(inside) in ({0}, {ord("x")}, set())


def test_a_later_write_may_survive_an_earlier_one() -> None:
    calls = [opened(1, "f"), written(1, 0, b"a"), written(1, SECTOR, b"b")]
    assert bytes(SECTOR) + b"b" in {state["f"] for state in states(calls, {"f": b""})}


def test_a_new_name_is_durable_only_once_its_directory_is_synced() -> None:
    made = [opened(1, "f", CREATED), written(1, 0, b"x"), synced(1)]
    assert {"f" in state for state in states(made)} == {True, False}
    held = [*made, opened(2, "", DIRECTORY), synced(2)]
    assert {state.get("f") for state in states(held)} == {b"x"}


def test_files_go_with_a_directory_that_was_lost() -> None:
    calls = [
        Call(Op.MKDIR, 0, 0, b"home"),
        opened(1, "home/f", CREATED),
        opened(2, "home", DIRECTORY),
        synced(2),
    ]
    assert {frozenset(state) for state in states(calls)} == {frozenset(), frozenset({"home", "home/f"})}


def test_a_removed_name_may_come_back_and_a_rename_is_whole() -> None:
    removed = states([Call(Op.UNLINK, 0, 0, b"f")], {"f": b"x"})
    assert {"f" in state for state in removed} == {True, False}
    renamed = states([Call(Op.RENAME, 0, 0, b"f\0g")], {"f": b"x"})
    assert {frozenset(state) for state in renamed} == {frozenset({"f"}), frozenset({"g"})}


def test_without_a_cut_everything_is_there() -> None:
    disk = Disk({"f": b"abc"})
    for call in [
        opened(1, "f"),
        written(1, 5, b"z"),
        Call(Op.TRUNCATE, 1, 2, b""),
        Call(Op.RENAME, 0, 0, b"f\0g"),
    ]:
        disk.advance(call)
    assert disk.now() == {"g": b"ab"}


def test_a_state_written_out_reads_back_the_same(tmp_path: Path) -> None:
    state: State = {"home": None, "home/f": b"x"}
    write_state(state, tmp_path)
    (tmp_path / "home" / "f-shm").write_bytes(b"not durable")
    assert read_state(tmp_path) == state


@pytest.mark.parametrize("call", [written(9, 0, b"x"), synced(9), Call(Op.TRUNCATE, 9, 0, b"")])
def test_a_call_on_a_file_that_was_never_opened_is_an_error(call: Call) -> None:
    with pytest.raises(KeyError):
        Disk().advance(call)
