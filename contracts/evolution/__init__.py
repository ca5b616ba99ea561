"""How contracts may change: what was released stays frozen, and a change must leave every reader and sender able.

Here because agencies build on a released contract and cannot be asked to change on our day. The working schemas are
held against every released state of their version, and a change that breaks either side is refused with an instance
that shows it.
"""
