"""The benchmark: ratios measured in one run, on one machine, with every check on.

It is apart from the tests because a time is a fact about a machine; a ratio between two ways of doing the
same work, taken in turns in one run, is a fact about the design.
"""
