"""Builds the I/O shim and speaks to it from inside the process it was preloaded into.

Here so that C is needed only where the torture runs: the shim is compiled on demand into a directory of the
caller's, and never installed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import Literal

SOURCE = Path(__file__).with_name("shim.c")

How = Literal["before", "after", "torn"]
_HOW: dict[How, int] = {"before": 0, "after": 1, "torn": 2}


class NoCompiler(Exception):
    """There is no C compiler here, so the I/O shim cannot be built."""


def compiler() -> str | None:
    """The path of the C compiler (``$CC``, else ``cc``), or None where there is none."""
    return shutil.which(os.environ.get("CC", "cc"))


def build(into: Path) -> Path:
    """Compile the shim into a directory and return the library's path.

    Raises NoCompiler where there is no compiler, and CalledProcessError where it refuses the source.
    """
    cc = compiler()
    if cc is None:
        raise NoCompiler("no C compiler (cc) on the path; the I/O shim needs one")
    library = into / "torture-shim.so"
    # No _FILE_OFFSET_BITS: the shim defines both the plain and the 64-bit names itself.
    command = [cc, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl", "-lpthread"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return library


class Shim:
    """The preloaded library as seen from Python. Raises OSError when the process was started without it."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        try:
            self._kill = library.torture_arm_kill
            self._trace = library.torture_arm_trace
            self._disarm = library.torture_disarm
            self._note = library.torture_note
            self._counted = library.torture_counted
        except AttributeError as absent:
            raise OSError("the I/O shim is not preloaded into this process") from absent
        self._kill.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_double]
        self._kill.restype = None
        self._trace.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
        self._trace.restype = ctypes.c_int
        self._note.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self._note.restype = None
        self._counted.restype = ctypes.c_long

    def arm_kill(self, box: Path, nth: int, how: How, torn_share: float) -> None:
        """From now on die at the nth counted call below ``box`` (1 is the next one; 0 is never)."""
        self._kill(os.fsencode(box), nth, _HOW[how], torn_share)

    def arm_trace(self, box: Path, trace: Path) -> None:
        """From now on append every counted call below ``box`` to the file ``trace``, which must lie
        elsewhere.
        """
        error = self._trace(os.fsencode(box), os.fsencode(trace))
        if error:
            raise OSError(-error, os.strerror(-error), str(trace))

    def note(self, text: bytes) -> None:
        """Put a marker into the trace, ordered among the I/O calls."""
        self._note(text, len(text))

    def counted(self) -> int:
        """Calls counted since arming."""
        return int(self._counted())

    def disarm(self) -> None:
        self._disarm()
