"""How the domain turns a stored row back into the event it is.

It is here by the name under which the domain knows it; the rule itself is the corridor's, because a broker's messages
hold the same bodies.
"""

from __future__ import annotations

from contracts.stored import CORRECTIONS, Topic, decode, read_topic

__all__ = ["CORRECTIONS", "Topic", "decode", "read_topic"]
