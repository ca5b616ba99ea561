"""The read models, one module a family.

A family joins by being a module here with a ``MODELS`` tuple and by being named below; tables, both ways of
folding and the corrections follow from the declaration.
"""

from projections.merges import Model
from projections.models import (
    agencies,
    calls,
    commitments,
    feeds,
    indicators,
    plan,
    referrals,
    services,
)

MODELS: tuple[Model, ...] = (
    *agencies.MODELS,
    *calls.MODELS,
    *commitments.MODELS,
    *feeds.MODELS,
    *indicators.MODELS,
    *plan.MODELS,
    *referrals.MODELS,
    *services.MODELS,
)
"""Every read model of the house."""
