"""The strategic plan as it stands: goals, objectives, KPI definitions and targets.

Here because the scorecard is read along the plan. All of these are decisions, so the latest of each stands.
"""

from projections.merges import DataKey, Model, Slot, SubjectKey, at, data, won

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
                data("position", kind="integer"),
                data("owners", kind="json"),
                data("contributors", kind="json"),
            ),
        ),
    ),
)

KPIS = Model(
    name="kpis",
    key_column="key",
    key=DataKey(("kpi", "version"), separator="#"),
    slots=(
        Slot(
            "defined",
            "last",
            ("kpi.defined",),
            (
                at("defined_at"),
                data("kpi"),
                data("version", kind="integer"),
                data("plan"),
                data("objective"),
                data("definition", kind="json"),
                data("effective_from"),
                data("owner"),
                won("defined"),
            ),
        ),
        Slot(
            "retired",
            "last",
            ("kpi.retired",),
            (at("retired_at"), data("successor"), won("retired")),
        ),
    ),
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

MODELS = (PLANS, GOALS, OBJECTIVES, KPIS, TARGETS)
