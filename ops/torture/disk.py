"""A disk that may lose, reorder and tear whatever was not synced: the model behind a simulated power cut.

Here because a power cut cannot be had from an operating system without unplugging it. The model is fed the
trace of every I/O call and asked, at any point, for one of the states in which the disk could have been found
afterwards.

What the model promises after a cut, and nothing more:

- a write or truncation is durable once a later fsync or fdatasync of the same file returned;
- a name (created, removed, renamed) is durable once a later fsync of its directory returned. ext4 makes a new
  file's name durable with the file itself; POSIX does not promise it, and neither does the model;
- everything else may be there or not, in any combination. A write that is there may be torn at 512-byte
  sectors of the file. Bytes of a file that were never written read as zero;
- a sector holds bytes that some write put there (no bit rot, no damage to neighbours: SQLite's "powersafe
  overwrite").
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

SECTOR = 512
_HEAD = struct.Struct("<BIQI")


class Op(IntEnum):
    """What a trace record says happened; the numbers are those of ``shim.c``."""

    OPEN = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC = 4
    UNLINK = 5
    RENAME = 6
    MKDIR = 7
    NOTE = 8
    RMDIR = 9


CREATED, TRUNCATED, DIRECTORY = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Call:
    """One record of the trace. ``offset`` is the offset of a write, the size of a truncation, the facts of an
    open.
    """

    op: Op
    serial: int
    offset: int
    data: bytes


def read_trace(path: Path) -> list[Call]:
    """Every record of a trace file, in order. Raises ValueError for a file that ends inside a record."""
    raw = path.read_bytes()
    calls = []
    at = 0
    while at < len(raw):
        if at + _HEAD.size > len(raw):
            raise ValueError("the trace ends inside a record")
        op, serial, offset, length = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        data = raw[at : at + length]
        if len(data) != length:
            raise ValueError("the trace ends inside a record")
        at += length
        calls.append(Call(Op(op), serial, offset, data))
    return calls


@dataclass(slots=True, eq=False)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, bytes) of a write, or (size, None) of a truncation, since the last sync."""
    directory: bool = False

    def sync(self) -> None:
        for offset, data in self.pending:
            _apply(self.durable, offset, data)
        self.pending.clear()


_Entry = tuple[str, _File | None]
"""A name and what it stands for from now on; None where it was removed."""


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        if offset <= len(content):
            del content[offset:]
        else:
            content.extend(bytes(offset - len(content)))
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """A write cut at the sector boundaries of the file."""
    at = 0
    while at < len(data):
        room = SECTOR - (offset + at) % SECTOR
        yield offset + at, data[at : at + room]
        at += room


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


State = dict[str, bytes | None]
"""Path relative to the directory -> content, or None for a directory."""


class Disk:
    """The disk under one directory, advanced call by call."""

    def __init__(self, start: State | None = None) -> None:
        """``start``: what was there, durably, before the first call."""
        self._root = _File(directory=True)
        self._now: dict[str, _File] = {"": self._root}
        for name, content in (start or {}).items():
            self._now[name] = _File(bytearray(content or b""), directory=content is None)
        self._durable: dict[str, _File] = dict(self._now)
        self._pending: dict[str, list[list[_Entry]]] = {}
        """By directory: changes of its names since it was last synced; each change is atomic."""
        self._open: dict[int, tuple[str, _File]] = {}

    def advance(self, call: Call) -> None:
        """Take one call into account. Raises KeyError for a call on a file whose opening was not traced."""
        if call.op is Op.OPEN:
            name = call.data.decode()
            if call.offset & CREATED:
                self._rename([(name, _File())])
            file = self._now[name]
            if call.offset & TRUNCATED:
                file.pending.append((0, None))
            self._open[call.serial] = (name, file)
        elif call.op is Op.WRITE:
            self._open[call.serial][1].pending.append((call.offset, call.data))
        elif call.op is Op.TRUNCATE:
            self._open[call.serial][1].pending.append((call.offset, None))
        elif call.op is Op.SYNC:
            name, file = self._open[call.serial]
            if file.directory:
                for change in self._pending.pop(name, []):
                    _take(self._durable, change)
            else:
                file.sync()
        elif call.op in (Op.UNLINK, Op.RMDIR):
            self._rename([(call.data.decode(), None)])
        elif call.op is Op.RENAME:
            old, _, new = call.data.partition(b"\0")
            self._rename([(old.decode(), None), (new.decode(), self._now[old.decode()])])
        elif call.op is Op.MKDIR:
            self._rename([(call.data.decode(), _File(directory=True))])

    def _rename(self, change: list[_Entry]) -> None:
        parents = {_parent(name) for name, _ in change}
        if len(parents) != 1:
            raise ValueError("a rename between directories is not modelled")
        self._pending.setdefault(parents.pop(), []).append(change)
        _take(self._now, change)

    def now(self) -> State:
        """What a reader sees without a cut: every call took effect."""
        return _listing(self._now, {file: _content(file, file.pending) for file in self._now.values()})

    def after_cut(self, rng: random.Random) -> State:
        """One of the states in which the disk may be found when the power fails now."""
        keep = rng.choice((0.0, 0.1, 0.5, 0.5, 0.9, 1.0))
        tear = rng.choice((0.0, 0.2, 1.0)) if 0.0 < keep < 1.0 else 0.0
        names = dict(self._durable)
        for changes in self._pending.values():
            in_order = rng.random() < 0.5
            upto = rng.randint(0, len(changes))
            for position, change in enumerate(changes):
                if position < upto if in_order else rng.random() < keep:
                    _take(names, change)
        contents = {file: _content(file, _survivors(file.pending, keep, tear, rng)) for file in names.values()}
        return _listing(names, contents)


def _take(names: dict[str, _File], change: list[_Entry]) -> None:
    for name, file in change:
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file


def _survivors(
    pending: list[tuple[int, bytes | None]], keep: float, tear: float, rng: random.Random
) -> list[tuple[int, bytes | None]]:
    """Which unsynced changes of one file reached the disk, and in which order."""
    kept: list[tuple[int, bytes | None]] = []
    shrinks = False
    for offset, data in pending:
        if rng.random() >= keep:
            continue
        if data is None:
            shrinks = True
            kept.append((offset, None))
        elif rng.random() < tear:
            kept.extend(piece for piece in _sectors(offset, data) if rng.random() < 0.5)
        else:
            kept.append((offset, data))
    if not shrinks and 0.0 < keep < 1.0:
        # Sizes are metadata, which file systems keep in order; plain data is not.
        rng.shuffle(kept)
    return kept


def _content(file: _File, changes: list[tuple[int, bytes | None]]) -> bytes | None:
    if file.directory:
        return None
    if not changes:
        return bytes(file.durable)
    content = bytearray(file.durable)
    for offset, data in changes:
        _apply(content, offset, data)
    return bytes(content)


def _listing(names: dict[str, _File], contents: dict[_File, bytes | None]) -> State:
    """The names that can be reached: a file whose directory did not survive is gone with it."""
    state: State = {}
    for name in sorted(names):
        if not name:
            continue
        parent = _parent(name)
        if parent and parent not in state:
            continue
        state[name] = contents[names[name]]
    return state


def write_state(state: State, into: Path) -> None:
    """Lay a state out as real files below a directory that exists and is empty."""
    for name, content in state.items():
        if content is None:
            (into / name).mkdir()
        else:
            (into / name).write_bytes(content)


def read_state(box: Path) -> State:
    """The real files below a directory as a state; the -shm file, which is not durable, is left out."""
    state: State = {}
    for path in sorted(box.rglob("*")):
        if not path.name.endswith("-shm"):
            state[path.relative_to(box).as_posix()] = None if path.is_dir() else path.read_bytes()
    return state
