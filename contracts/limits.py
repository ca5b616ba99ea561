"""Every limit on what may cross the wall, in one table.

A limit that is written down can be tested, documented and answered with its own code; one that is not is
found in production.
"""

from __future__ import annotations

from typing import Final

EVENT_BYTES_MAX: Final = 65_536
"""Bytes of one event as received; CloudEvents asks every consumer to take at least 64 KiB."""

BATCH_BYTES_MAX: Final = 16 * 1024 * 1024
"""Bytes of one batch as received."""

BATCH_EVENTS_MAX: Final = 10_000
"""Events in one batch."""

DEPTH_MAX: Final = 32
"""Objects and arrays around the innermost value, the event itself counted."""

NUMBER_MAX: Final = 2**53 - 1
"""Greatest magnitude of a number: beyond it an IEEE 754 double (RFC 8785, RFC 7493) no longer counts by one.
"""

ID_CHARS_MAX: Final = 128
"""Code points of an identifier inside a payload, and of an agency's."""

EVENT_ID_CHARS_MAX: Final = 200
"""Code points of the CloudEvents id."""

SOURCE_CHARS_MAX: Final = 300
"""Characters of the CloudEvents source."""

SUBJECT_CHARS_MAX: Final = 400
"""Characters of the CloudEvents subject."""

EXTENSION_CHARS_MAX: Final = 1_000
"""Code points of the text of an extension attribute."""

EXTENSION_NAME_CHARS_MAX: Final = 20
"""Characters of an extension's name (CloudEvents: SHOULD NOT exceed 20)."""

NAME_CHARS_MAX: Final = 200
"""Code points of a name, label or local code."""

TEXT_CHARS_MAX: Final = 4_000
"""Code points of a free text such as a reason or a statement."""

LIST_ITEMS_MAX: Final = 100
"""Items of a list in a payload."""

YEAR_MIN: Final = 1900
YEAR_MAX: Final = 2199
"""Years of a moment or date: outside them a typing error is more likely than a fact."""

FRACTION_DIGITS_MAX: Final = 9
"""Digits of a second's fraction.

Moments are kept to the microsecond; further digits are cut off, not rounded.
"""

ERRORS_TOLD_MAX: Final = 20
"""Errors listed in one rejection beside the first."""

LIMITS: Final[dict[str, int]] = {
    name: value for name, value in dict(globals()).items() if name.isupper() and isinstance(value, int)
}
"""Name -> value, for the documentation and the test that holds every limit tested."""
