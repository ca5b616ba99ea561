"""The strategic plan as it stands: goals, objectives, KPI definitions and targets.

Here because the scorecard is read along the plan. All of these are decisions, so the latest of each
stands; a KPI keeps every version, because one retirement may be about all of them.
"""

from projections.derive import KPI_VERSIONS
from projections.merges import Collect, DataKey, Model, Slot, SubjectKey, at, data, won

PLANS = Model(
    name="plans",
    key_column="plan",
    key=SubjectKey("plan/"),
    slots=(
        Slot(
            "adopted",
            "last",
            ("plan.adopted",),
            (
                at("adopted_at"),
                data("title"),
                data("version", kind="integer"),
                data("period_from", "period.from"),
                data("period_to", "period.to"),
                data("ratified_by", kind="json"),
                won("adopted"),
            ),
        ),
    ),
)

GOALS = Model(
    name="goals",
    key_column="key",
    key=DataKey(("plan", "goal")),
    slots=(
        Slot(
            "set",
            "last",
            ("goal.set",),
            (
                at("set_at"),
                data("plan"),
                data("goal"),
                data("statement"),
                data("position", kind="integer"),
            ),
        ),
    ),
)

OBJECTIVES = Model(
    name="objectives",
    key_column="key",
    key=DataKey(("plan", "objective")),
    slots=(
        Slot(
            "set",
            "last",
            ("objective.set",),
            (
                at("set_at"),
                data("plan"),
                data("objective"),
                data("goal"),
                data("statement"),
                data("owners", kind="json"),
                data("contributors", kind="json"),
            ),
        ),
    ),
)

KPI_HISTORIES = Model(
    name="kpi_histories",
    key_column="kpi",
    key=DataKey(("kpi",)),
    collects=(
        Collect(
            "defined",
            ("kpi.defined",),
            ("version", "plan", "objective", "definition", "effective_from", "owner"),
        ),
        Collect("retired", ("kpi.retired",), ("version", "successor")),
        Collect("disputed", ("definition.disputed",), ("version", "by", "reason")),
    ),
    expansion=KPI_VERSIONS,
)

TARGETS = Model(
    name="targets",
    key_column="key",
    key=DataKey(("plan", "kpi")),
    slots=(
        Slot(
            "set",
            "last",
            ("target.set",),
            (
                at("set_at"),
                data("kpi"),
                data("plan"),
                data("baseline", kind="json"),
                data("targets", kind="json"),
                data("bands", kind="json"),
            ),
        ),
    ),
)

MODELS = (PLANS, GOALS, OBJECTIVES, KPI_HISTORIES, TARGETS)
