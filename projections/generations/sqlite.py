"""Generations of views as files in a folder, and the pointer that names the live one.

Here so that views are built anew beside those that are read, in a file that nobody else has open, and change places by
the replacement of one small file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from threading import Lock

from sqlalchemy import create_engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from contracts.faults import RejectedFault, fault
from contracts.ports import Clock, Generation, GenerationState, Store, views_name
from projections.generations import view_file
from projections.generations.view_file import ViewFile

FOLDER = "views"
POINTER = "live"
TURN = "generations.lock"
"""Held while a generation is made, switched to or removed: one process at a time does so."""

_ABOUT = "CREATE TABLE generation (version TEXT NOT NULL, whole INTEGER NOT NULL, began_at_us INTEGER NOT NULL)"
"""``whole`` once it has been live, or was about to be: what is not whole was left behind by its builder."""


class SqliteGenerations:
    """The generations in ``home/views``; a ``contracts.ports.Generations``."""

    def __init__(self, home: Path, *, clock: Clock, moment: Callable[[str], None] = lambda _: None) -> None:
        """Opens nothing yet. ``moment`` is told the name of each step that a kill may fall behind."""
        self._folder = home.absolute() / FOLDER
        self._clock = clock
        self._moment = moment
        self._open: dict[int, ViewFile] = {}
        self._lock = Lock()
        self._nothing = _Nothing()
        self._live_store = _LiveStore(self)
        self._seen = 0

    def live(self) -> int:
        """The number of the live generation; 0 where none has been made. Reads a file of a few bytes."""
        try:
            return int((self._folder / POINTER).read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
        except ValueError as error:
            raise fault("home_unusable", f"{self._folder / POINTER} does not name a generation.") from error

    def store(self, number: int) -> Store:
        """The file of one generation. Raises the fault ``generation_unknown``; see ``ViewFile`` for its writers."""
        return self.file(number)

    def live_store(self) -> Store:
        """Whichever file the pointer names when a transaction begins; empty where none has been made."""
        return self._live_store

    def begin(self, version: str) -> int:
        """Makes a new file, which this process then holds; its number was never given before."""
        if not self._folder.exists():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            view_file.sync_folder(self._folder.parent)
        with self._turn():
            number: int = max([0, *self._numbers(".db"), *self._numbers(".lock")]) + 1
            # The lock file stays for good: it is what keeps a number from being given twice.
            os.close(view_file.take_lock(self._path(number, ".lock")))
            self._moment("numbered")
            path = self._path(number, ".db")
            view_file.make(path)
            # A power cut must not leave a pointer to a name that is not there.
            view_file.sync_folder(self._folder)
            self._moment("made")
            first = self.live() == 0
            with self.file(number).write() as connection:
                connection.exec_driver_sql(_ABOUT)
                told = (version, int(first), self._clock())
                connection.exec_driver_sql("INSERT INTO generation VALUES (?, ?, ?)", told)
            self._moment("begun")
            if first:
                self.file(number).settle()
                self._point_at(number)
        return number

    def switch(self, number: int) -> None:
        """Points at one. Before the pointer moves, everything committed to it is synced; then it is released."""
        with self._turn():
            file = self.file(number)
            if not self._about(number)[1]:
                with file.write() as connection:
                    connection.exec_driver_sql("UPDATE generation SET whole = 1")
            if file.held():
                file.settle()
            self._moment("whole")
            self._point_at(number)
            self._moment("switched")
        file.release()

    def list(self) -> Sequence[Generation]:
        """Every generation, by number; one whose file was only begun is ``building`` and of no version."""
        live, found = self.live(), []
        for number in sorted(self._numbers(".db")):
            try:
                version, whole, began_at_us, log_index = self._about(number)
            except sqlite3.Error:
                # Its builder was killed before it could say what it builds.
                version, whole, began_at_us, log_index = "", 0, 0, 0
            state: GenerationState = "live" if number == live else "kept" if whole else "building"
            found.append(Generation(number, version, state, began_at_us, log_index))
        return found

    def release(self, number: int) -> None:
        """Closes its writer, so that another process may write it."""
        if (file := self._open.get(number)) is not None:
            file.release()

    def drop(self, number: int) -> None:
        """Removes its file. Whoever reads it at the moment keeps what they have."""
        with self._turn():
            if number == self.live():
                raise fault("generation_live", f"Generation {number} is the one that is read.")
            with self._lock:
                file = self._open.pop(number, None)
            if file is not None:
                file.close()
            with suppress(FileNotFoundError):
                held = view_file.take_lock(self._path(number, ".lock"))
                try:
                    view_file.remove(self._path(number, ".db"))
                finally:
                    os.close(held)

    def close(self) -> None:
        """Closes every file and gives up every lock."""
        with self._lock:
            for file in self._open.values():
                file.close()
            self._open.clear()

    def file(self, number: int) -> ViewFile:
        """As ``store``, with what a file can do besides."""
        with self._lock:
            file = self._open.get(number)
            if file is None:
                path = self._path(number, ".db")
                if not path.exists():
                    raise fault("generation_unknown", f"There is no generation {number} of views.")
                file = self._open[number] = ViewFile(path, self._path(number, ".lock"))
            return file

    def current(self, number: int) -> Store:
        """The store of the live generation, given its number; before the first one, an empty store."""
        if number != self._seen:
            # What lies idle would keep the space of a file that is removed.
            if (before := self._open.get(self._seen)) is not None:
                before.idle()
            self._seen = number
        return self.file(number) if number else self._nothing

    def _point_at(self, number: int) -> None:
        """Replaces the pointer atomically and durably."""
        beside = self._folder / f"{POINTER}.next"
        with beside.open("w", encoding="ascii") as handle:
            handle.write(str(number))
            handle.flush()
            os.fsync(handle.fileno())
        self._moment("pointer written")
        beside.replace(self._folder / POINTER)
        view_file.sync_folder(self._folder)

    def _about(self, number: int) -> tuple[str, int, int, int]:
        """(version, whole, began at, log_index)."""
        path = self._path(number, ".db")
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            version, whole, began = connection.execute("SELECT * FROM generation").fetchone() or ("", 0, 0)
            there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'positions'").fetchone()
            query = "SELECT log_index FROM positions WHERE name = ?"
            reached = connection.execute(query, (views_name(number),)).fetchone() if there else None
            return version, whole, began, 0 if reached is None else reached[0]

    def _numbers(self, suffix: str) -> Sequence[int]:
        return [int(path.stem) for path in self._folder.glob(f"*{suffix}") if path.stem.isdecimal()]

    def _path(self, number: int, suffix: str) -> Path:
        return self._folder / f"{number}{suffix}"

    @contextmanager
    def _turn(self) -> Iterator[None]:
        handle = view_file.take_lock(self._folder / TURN, wait=True)
        try:
            yield
        finally:
            os.close(handle)


class _LiveStore:
    """Looks at the pointer at every transaction."""

    def __init__(self, generations: SqliteGenerations) -> None:
        self._generations = generations

    @contextmanager
    def write(self) -> Iterator[Connection]:
        generations = self._generations
        with generations.current(generations.live()).write() as connection:
            yield connection

    share = write

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with ExitStack() as stack:
            yield self._enter(stack)

    def _enter(self, stack: ExitStack) -> Connection:
        generations = self._generations
        while True:
            number = generations.live()
            try:
                return stack.enter_context(generations.current(number).read())
            except (OperationalError, RejectedFault):
                # Removed between the look at the pointer and this: then the pointer names another one by now.
                if generations.live() == number:
                    raise


class _Nothing:
    """A store that holds nothing and takes nothing."""

    def __init__(self) -> None:
        self._engine = create_engine("sqlite+pysqlite://", poolclass=NullPool)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        raise fault("views_behind", "The views have never been made.")
        yield  # pragma: no cover

    share = write

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            yield connection
