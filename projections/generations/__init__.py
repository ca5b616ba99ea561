"""The sets of views beside each other, one of which is read: in files, or in the schemas of a database.

Here because views are made again far more often than they are moved, and readers must never see a half-made one.
"""
