"""The as-of picker: on every page that reads views, and keeping what else its address asks for.

A page is made by a function that knows its figures, not its address; what the reader asked in the address is noted here
for the length of one request, so that no section has to hand it on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request

_PLACES = ("as_of", "offset", "before", "after")
"""What is not kept: the reading itself, and a place in a list, which is another one in another reading."""
_ASKED_MAX = 20


@dataclass(frozen=True, slots=True)
class Address:
    """What a page's address asks for besides its reading; ``readable`` is whether the page can be read as of then."""

    readable: bool = False
    kept: tuple[tuple[str, str], ...] = ()

    def now(self, here: str) -> str:
        """The same page as it is now."""
        return f"{here}?{urlencode(self.kept)}" if self.kept else here


_NOWHERE = Address()
_ADDRESS: ContextVar[Address] = ContextVar("address", default=_NOWHERE)


@contextmanager
def noted(request: Request, *, readable: bool) -> Iterator[None]:
    """Note what a request asks for while its page is made."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if value and name not in _PLACES]
    token = _ADDRESS.set(Address(readable, tuple(kept[:_ASKED_MAX])))
    try:
        yield
    finally:
        _ADDRESS.reset(token)


def address() -> Address:
    """What the request that is being answered asks for; nothing outside of one."""
    return _ADDRESS.get()
