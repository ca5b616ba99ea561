"""What is tortured: a ledger with its views, seen through the few calls the torture needs.

Here so that the campaigns do not care whether they hold the real ledger or, in the tests of the torture
itself, one that was broken on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from ops.torture.judge import Identity, Row

HOME = Path("partnership") / "home"
"""The home under torture, below the box. Two levels are new, so that the names above the home are cut as well."""


class Session(Protocol):
    """One opening of one home."""

    def record(self, batch: Sequence[Any]) -> Sequence[tuple[str, Identity | None, int, bytes]]:
        """Record a batch; per submission its status, identity, and the log_index and digest of its receipt
        (0, b"" where there is none). Returns only when the ledger has acknowledged."""
        ...

    def project(self) -> None:
        """Bring the views up to the end of the log."""
        ...

    def rows(self) -> Sequence[Row]:
        """The whole log, ordered by log_index."""
        ...

    def verify(self) -> Sequence[str]:
        """The ledger's own check: a sentence a problem, none when it is sound."""
        ...

    def tally(self) -> int:
        """How many events the additive view has counted."""
        ...

    def views(self) -> dict[str, list[object]]:
        """Every view's rows by table, in any order."""
        ...

    def rebuilt(self) -> dict[str, list[object]]:
        """The same, folded afresh from the log; leaves the kept views alone."""
        ...

    def close(self) -> None: ...


class Subject(Protocol):
    """Opens homes and makes what is sent to them."""

    def open(self, home: Path, *, synchronous: str = "FULL") -> Session:
        """``synchronous`` other than FULL is the control: the ledger itself refuses it."""
        ...

    def batches(self, seed: int) -> Sequence[Sequence[Any]]:
        """The batches of one session: a pure function of the seed."""
        ...

    def unit(self, batch: Sequence[Any]) -> frozenset[Identity]:
        """The identities in a batch that are statements sent nowhere else under another content: none of them
        can be refused, so they stand or fall together."""
        ...


def load(name: str) -> Subject:
    """The subject named ``module:attribute``."""
    module, _, attribute = name.partition(":")
    subject: Subject = getattr(import_module(module), attribute)
    return subject
