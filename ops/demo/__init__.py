"""The demonstration: a made-up partnership of six agencies over three years, from a seed.

It is the quickest way to see what the ledger does with late, repeated, contradictory and wrong reports, and it goes
through the same intake as any real sender.
"""

from ops.demo.cast import AS_OF, ZONE
from ops.demo.generate import DEFAULT_SEED, events
from ops.demo.simulation import Lived, SimulatedClock, fill, live, run

__all__ = ["AS_OF", "DEFAULT_SEED", "ZONE", "Lived", "SimulatedClock", "events", "fill", "live", "run"]
