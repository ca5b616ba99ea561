"""Commitments of a memorandum and the obligations that follow from them.

Here because a promise is kept or broken obligation by obligation: the commitment's row gathers what both
halves said, and ``derive`` expands it into one obligation a period.
"""

from projections.derive import OBLIGATIONS
from projections.merges import Collect, Derived, Model, Slot, SubjectKey, at, coalesce, data, won

COMMITMENTS = Model(
    name="commitments",
    key_column="commitment",
    key=SubjectKey("commitment/"),
    slots=(
        Slot(
            "made",
            "first",
            ("commitment.made",),
            (
                at("made_at"),
                data("agreement"),
                data("clause"),
                data("obligor"),
                data("obligee"),
                data("deliverable"),
                data("quantity", kind="real"),
                data("unit"),
                data("due"),
                data("recurrence", kind="json"),
                won("made"),
            ),
        ),
    ),
    collects=(
        Collect("evidenced", ("commitment.evidenced",), ("period", "quantity", "evidence_ref")),
        Collect("accepted", ("commitment.accepted",), ("period",)),
        Collect("disputed", ("commitment.disputed",), ("period", "reason")),
        Collect("waived", ("commitment.waived",), ("period", "reason")),
    ),
    derived=(Derived("agency", coalesce, ("obligor",)),),
    expansion=OBLIGATIONS,
)

MODELS = (COMMITMENTS,)
