"""The read models, one module a family.

A family joins by being a module here with a ``MODELS`` tuple and by being named below; tables, both ways of
folding and the corrections follow from the declaration.
"""

from projections.merges import Model
from projections.models import (
    agencies,
    arrests,
    calls,
    capacity,
    commitments,
    community,
    consents,
    feeds,
    funding,
    governance,
    indicators,
    plan,
    quality,
    referrals,
    services,
    workforce,
)

MODELS: tuple[Model, ...] = (
    *agencies.MODELS,
    *arrests.MODELS,
    *calls.MODELS,
    *capacity.MODELS,
    *commitments.MODELS,
    *community.MODELS,
    *consents.MODELS,
    *feeds.MODELS,
    *funding.MODELS,
    *governance.MODELS,
    *indicators.MODELS,
    *plan.MODELS,
    *quality.MODELS,
    *referrals.MODELS,
    *services.MODELS,
    *workforce.MODELS,
)
"""Every read model of the house."""
