"""The I/O shim sees every call that changes a file, dies where it is told, and refuses what it cannot
model.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.torture.disk import CREATED, Disk, Op, read_state, read_trace
from ops.torture.shim import Shim, build, compiler

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler (cc) on the path; the I/O shim needs one")

REPOSITORY = Path(__file__).resolve().parents[2]

PREAMBLE = """
import os, sys
from pathlib import Path
from ops.torture.shim import Shim
shim, box, outside = Shim(), Path(sys.argv[1]), Path(sys.argv[2])
"""

MANY_CALLS = """
shim.arm_trace(box, outside / "trace")
os.mkdir(box / "d")
fd = os.open(box / "d" / "f", os.O_RDWR | os.O_CREAT)
os.write(fd, b"abcdef")
os.pwrite(fd, b"XY", 2)
os.pwritev(fd, [b"1", b"23"], 10)
os.fsync(fd)
shim.note(b"hello")
os.ftruncate(fd, 12)
os.fdatasync(fd)
os.close(fd)
with open(box / "d" / "g", "ab") as g:
    g.write(b"appended")
with open(box / "d" / "g", "ab") as g:
    g.write(b" twice")
os.rename(box / "d" / "g", box / "d" / "h")
(box / "d" / "gone").write_bytes(b"x")
os.unlink(box / "d" / "gone")
os.mkdir(box / "e")
os.rmdir(box / "e")
(box / "d" / "f-shm").write_bytes(b"volatile")
(outside / "elsewhere").write_bytes(b"not traced")
os.chdir(box)
with open("d/relative", "wb") as r:
    r.write(b"r")
directory = os.open(box / "d", os.O_RDONLY)
os.fsync(directory)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    box, outside = tmp_path / "box", tmp_path / "outside"
    box.mkdir()
    outside.mkdir()
    return box, outside


def run(library: Path, places: tuple[Path, Path], script: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", PREAMBLE + script, *map(str, places)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_trace_accounts_for_everything_that_is_there(library: Path, places: tuple[Path, Path]) -> None:
    box, outside = places
    done = run(library, places, MANY_CALLS)
    assert done.returncode == 0, done.stderr
    calls = read_trace(outside / "trace")
    disk = Disk()
    for call in calls:
        if call.op is not Op.NOTE:
            disk.advance(call)
    assert disk.now() == read_state(box)
    assert disk.now()["d/f"] == b"abXYef\0\0\0\x0012"
    assert [call.data for call in calls if call.op is Op.NOTE] == [b"hello"]
    created = [call.data for call in calls if call.op is Op.OPEN and call.offset & CREATED]
    assert created == [b"d/f", b"d/g", b"d/gone", b"d/relative"]


def test_a_note_lies_between_the_calls_before_and_after_it(library: Path, places: tuple[Path, Path]) -> None:
    run(library, places, MANY_CALLS)
    ops = [call.op for call in read_trace(places[1] / "trace")]
    note = ops.index(Op.NOTE)
    assert ops[note - 1] is Op.SYNC
    assert ops[note + 1] is Op.TRUNCATE


KILLED = """
shim.arm_kill(box, {nth}, "{how}", 0.5)
fd = os.open(box / "f", os.O_RDWR | os.O_CREAT)
os.write(fd, b"abcd")
os.write(fd, b"efgh")
"""


@pytest.mark.parametrize(
    ("nth", "how", "content"),
    [
        (1, "before", None),
        (1, "after", b""),
        (2, "before", b""),
        (2, "torn", b"ab"),
        (2, "after", b"abcd"),
        (3, "torn", b"abcdef"),
    ],
)
def test_the_process_dies_at_the_call_it_was_told(
    library: Path, places: tuple[Path, Path], nth: int, how: str, content: bytes | None
) -> None:
    done = run(library, places, KILLED.format(nth=nth, how=how))
    assert done.returncode == -signal.SIGKILL
    file = places[0] / "f"
    assert (file.read_bytes() if file.exists() else None) == content


def test_a_session_that_makes_fewer_calls_lives(library: Path, places: tuple[Path, Path]) -> None:
    assert run(library, places, KILLED.format(nth=4, how="before")).returncode == 0


@pytest.mark.parametrize(
    "call",
    [
        "os.truncate(box / 'f', 1)",
        "os.link(box / 'f', box / 'g')",
        "os.symlink(box / 'f', box / 'g')",
        "os.posix_fallocate(fd, 0, 10)",
        "__import__('mmap').mmap(fd, 4)",
    ],
)
def test_a_change_that_the_model_would_miss_ends_the_run(library: Path, places: tuple[Path, Path], call: str) -> None:
    script = f"""
shim.arm_trace(box, outside / "trace")
fd = os.open(box / "f", os.O_RDWR | os.O_CREAT)
os.write(fd, b"abcd")
{call}
"""
    done = run(library, places, script)
    assert done.returncode == -signal.SIGABRT
    assert "is not modelled" in done.stderr


def test_without_the_preloaded_library_nothing_pretends_to_work() -> None:
    with pytest.raises(OSError, match="not preloaded"):
        Shim()
