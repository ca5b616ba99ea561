"""The reports that agencies are expected to send.

Here because silence can only be noticed against an expectation; what did arrive is counted in ``tallies``.
"""

from projections.merges import Collect, Model, Slot, SubjectKey, at, data, won

EXPECTED_FEEDS = Model(
    name="expected_feeds",
    key_column="key",
    key=SubjectKey("feed/"),
    slots=(
        Slot(
            "expected",
            "last",
            ("report.expected",),
            (
                at("expected_at"),
                data("agency"),
                data("feed"),
                data("cadence"),
                data("grace_days", kind="integer"),
                data("since"),
                won("expected"),
            ),
        ),
    ),
    # All of them: each holds from its first day until the next one.
    collects=(Collect("expectations", ("report.expected",), ("cadence", "grace_days", "since")),),
)

MODELS = (EXPECTED_FEEDS,)
