"""The name table: texts that many events share, kept once and known by a small integer.

It is here because the secondary indexes decide the insert rate: integers in order of first mention keep them
narrow and ordered where random texts would scatter them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

CACHED_NAMES = 100_000
"""How many texts are remembered, some 15 MB: subjects have no limit, so memory must."""

_CHUNK = 250


class Names:
    """Interns texts inside a write transaction, and remembers them once it is committed."""

    def __init__(self) -> None:
        """Nothing is known yet; the table is asked when a text is met for the first time."""
        self._known: dict[str, int] = {}
        self._staged: dict[str, int] = {}

    def intern(self, cursor: sqlite3.Cursor, texts: Iterable[str]) -> dict[str, int]:
        """The id of every text, adding those that are new. The caller then calls ``keep`` or ``forget``."""
        known, staged = self._known, self._staged
        ids: dict[str, int] = {}
        missing: list[str] = []
        for text in texts:
            found = known.get(text) or staged.get(text)
            if found is None:
                missing.append(text)
            else:
                ids[text] = found
        if missing:
            for text, number in find(cursor, missing):
                staged[text] = ids[text] = number
            fresh = [text for text in dict.fromkeys(missing) if text not in ids]
            if fresh:
                (last,) = cursor.execute("SELECT coalesce(max(id), 0) FROM names").fetchone()
                rows = list(enumerate(fresh, last + 1))
                cursor.executemany("INSERT INTO names (id, text) VALUES (?, ?)", rows)
                for number, text in rows:
                    staged[text] = ids[text] = number
        return ids

    def keep(self) -> None:
        """The transaction is committed: what it interned may be remembered."""
        if len(self._known) + len(self._staged) > CACHED_NAMES:
            self._known.clear()
        self._known.update(self._staged)
        self._staged.clear()

    def forget(self) -> None:
        """The transaction was rolled back: its ids were never given out."""
        self._staged.clear()


def find(cursor: sqlite3.Cursor | sqlite3.Connection, texts: Sequence[str]) -> Iterator[tuple[str, int]]:
    """(text, id) of those texts that are in the table."""
    for marks, chunk in chunks(texts):
        yield from cursor.execute(f"SELECT text, id FROM names WHERE text IN ({marks})", chunk)


def chunks(values: Sequence[str]) -> Iterator[tuple[str, Sequence[str | None]]]:
    """Runs of values as (placeholders, parameters), NULL-padded so that few statements differ."""
    for start in range(0, len(values), _CHUNK):
        chunk: list[str | None] = list(values[start : start + _CHUNK])
        width = next(width for width in (1, 4, 16, 64, _CHUNK) if width >= len(chunk))
        chunk.extend([None] * (width - len(chunk)))
        yield ",".join("?" * width), chunk
