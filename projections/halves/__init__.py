"""Both halves of every shared fact: what one agency claims beside what the other says of it.

Here because a partnership's numbers rest on facts that two agencies know of, and a claim that the other side
never confirmed is not yet one of them.
"""
