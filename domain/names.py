"""The name table: texts that many events share, kept once and known by a small integer.

It is here because the secondary indexes decide the insert rate: integers in order of first mention keep them
narrow and ordered where random texts would scatter them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from domain.back_end import Asking, Row, Writing

CACHED_NAMES = 100_000
"""How many texts are remembered, some 15 MB: subjects have no limit, so memory must."""


class Names:
    """Interns texts inside a write transaction, and remembers them once it is committed.

    Other processes may add names as well: an id is only given out inside a transaction that nobody else writes
    beside, and never changes, so what is remembered stays true and what is not is asked for.
    """

    def __init__(self) -> None:
        """Nothing is known yet; the table is asked when a text is met for the first time."""
        self._known: dict[str, int] = {}
        self._staged: dict[str, int] = {}

    def intern(self, writing: Writing, texts: Iterable[str]) -> dict[str, int]:
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
            for text, number in writing.intern(list(dict.fromkeys(missing))):
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


def find(asking: Asking, texts: Sequence[str]) -> Iterator[Row]:
    """(text, id) of those texts that are in the table."""
    return asking.matching("SELECT text, id FROM names WHERE text {texts}", texts)
