"""The room that decides and stores: the ledger, its rules and the tree over what it holds.

It knows ``contracts`` and nothing of the other rooms; ``eventsourcing`` is used here and nowhere else.
"""
