"""The families of event types, one module each, found by looking into this folder.

A module that is put here is in the catalogue: it must hold a constant ``FAMILY``, and nothing else needs to
know of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules

from contracts.declaration import Family


def discover(paths: Iterable[str] = __path__, package: str = __name__) -> tuple[Family, ...]:
    """The ``FAMILY`` of every module in the folders, by module name.

    AttributeError names a module without one.
    """
    names = sorted(module.name for module in iter_modules(list(paths)))
    return tuple(import_module(f"{package}.{name}").FAMILY for name in names)
