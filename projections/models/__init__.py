"""The read models, one module a family, found by looking into this folder.

A module that is put here joins: it must hold a tuple ``MODELS``, and tables, both ways of folding and the corrections
follow from its declarations.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules

from projections.merges import Model


def discover(paths: Iterable[str] = __path__, package: str = __name__) -> tuple[Model, ...]:
    """The ``MODELS`` of every module in the folders, by module name.

    AttributeError names a module without any; ValueError a name that two models have.
    """
    names = sorted(module.name for module in iter_modules(list(paths)))
    found = tuple(model for name in names for model in import_module(f"{package}.{name}").MODELS)
    if len({model.name for model in found}) < len(found):
        raise ValueError(f"two read models have one name: {sorted(model.name for model in found)}")
    return found


MODELS: tuple[Model, ...] = discover()
"""Every read model of the house."""
