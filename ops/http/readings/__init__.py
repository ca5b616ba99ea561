"""The readings of the interface, one module a section: each adds its own GET routes under ``/v1``.

Here so that a section is added in modules of its own name, and the interface itself only lists them.
"""
