"""KPIs of a plan: defined, aimed at, disputed, retired.

All are decisions about one plan; a number on the scorecard is read against what was decided here, and a
target that moved shows as a second decision.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from contracts import limits
from contracts.declaration import Bad, EventType, Family
from contracts.fields import Counted, Date, Id, KpiId, Measured, Name, Payload, Period, Text, Version
from contracts.kpi import KpiDefinition
from contracts.refusals import missing, unknown, wrong


class KpiDefined(Payload):
    """The plan measures an objective by this version of a KPI."""

    plan: Id = Field(description="The plan's id.")
    objective: Id = Field(description="The objective it measures.")
    kpi: KpiId = Field(description="The KPI's id, such as K06.")
    version: Version = Field(description="The version of the definition; a change is a new version.")
    definition: KpiDefinition = Field(description="The definition as data: what is counted, of what, and how.")
    effective_from: Date = Field(description="The first day for which this version counts.")
    owner: Id | None = Field(default=None, description="The agency answerable for the number; absent means unowned.")


class KpiRetired(Payload):
    """The plan measures by this KPI no longer."""

    plan: Id = Field(description="The plan's id.")
    kpi: KpiId = Field(description="The KPI's id.")
    version: Version | None = Field(default=None, description="Only this version; absent means every version.")
    successor: KpiId | None = Field(default=None, description="The KPI that takes its place.")
    reason: Text | None = Field(default=None, description="Why it was retired.")


class Baseline(Payload):
    """Where the KPI stood before."""

    value: Measured = Field(description="The value, in the KPI's unit (IATI result indicator baseline).")
    date: Date | None = Field(default=None, description="The day or the end of the period it stands for.")
    source: Name | None = Field(default=None, description="Where it was taken from.")


class PeriodTarget(Payload):
    """The value to be reached in one period."""

    period: Period = Field(description="The period in which it is to be reached (IATI result period).")
    value: Measured = Field(description="The value, in the KPI's unit.")


class Bands(Payload):
    """How far from its target a value still counts as on track, or as one to watch."""

    on_track: Counted = Field(default=0, description="Short of the target by at most this much: on track.")
    watch: Counted = Field(description="Short of the target by at most this much: watch; beyond it: off track.")


class TargetSet(Payload):
    """The plan aims at these values of a KPI from now on."""

    plan: Id = Field(description="The plan's id.")
    kpi: KpiId = Field(description="The KPI's id.")
    baseline: Baseline | None = Field(default=None, description="Where the KPI stood before.")
    targets: Annotated[tuple[PeriodTarget, ...], Field(min_length=1, max_length=limits.LIST_ITEMS_MAX)] = Field(
        description="The values to be reached, period by period."
    )
    bands: Bands | None = Field(default=None, description="Tolerances, in the KPI's unit.")


class DefinitionDisputed(Payload):
    """A partner holds that the KPI does not measure what it should."""

    plan: Id = Field(description="The plan's id.")
    kpi: KpiId = Field(description="The KPI's id.")
    version: Version | None = Field(default=None, description="The version in dispute; absent means the current one.")
    by: Id = Field(description="The agency that disputes it.")
    reason: Text = Field(description="What it holds to be wrong.")


def _same_kpi(data: dict[str, Any]) -> tuple[str, str] | None:
    for field in ("kpi", "version"):
        if data["definition"][field] != data[field]:
            return (
                f"/definition/{field}",
                f"the definition says {data['definition'][field]!r}, not {data[field]!r}",
            )
    return None


def _one_target_a_period(data: dict[str, Any]) -> tuple[str, str] | None:
    seen: set[str] = set()
    for position, target in enumerate(data["targets"]):
        if target["period"] in seen:
            return f"/targets/{position}/period", "the period already has a target"
        seen.add(target["period"])
    return None


_DEFINITION = {
    "kpi": "K06",
    "version": 1,
    "title": "Resolved in the community",
    "question": "better_off",
    "direction": "up",
    "unit": "percent",
    "unit_of_count": "encounter with a disposition",
    "population": "calls",
    "period": {"on": "month", "grain": "month"},
    "scope": {"op": "not_null", "column": "disposition"},
    "measure": {
        "kind": "share",
        "numerator": {"op": "eq", "column": "disposition", "value": "remained_in_community"},
    },
    "empty": "no_value",
    "censoring": "An encounter counts from the moment its disposition is recorded.",
    "late_data": "restate",
    "rounding": {"digits": 1, "mode": "half_even"},
    "suppression": "people",
    "freshness": {"cadence": "month", "grace_days": 15, "feeds": ["encounter"]},
    "changed_by": "The steering committee.",
    "source": "The crisis system's outcome measure of the adopted plan.",
}
_DEFINED = {
    "plan": "plan-2025",
    "objective": "o1",
    "kpi": "K06",
    "version": 1,
    "definition": _DEFINITION,
    "effective_from": "2025-01-01",
    "owner": "lakeside-health",
}
_TARGETS: dict[str, Any] = {"plan": "plan-2025", "kpi": "K06", "targets": [{"period": "2025", "value": 80}]}

_RETIRED = {"plan": "plan-2025", "kpi": "K06"}
_HELD_WRONG = {"plan": "plan-2025", "kpi": "K06", "by": "county", "reason": "Arrests are left out."}
_PERIOD = {"period": "2025", "value": 80}
_BASELINE = {"value": 71.4, "date": "2024-12-31", "source": "annual report"}
_BANDS = {"on_track": 0, "watch": 5}


def _bad_part(part: str, good: dict[str, Any], **fields: Any) -> tuple[Bad, ...]:
    """For each of the fields, targets with a part in which it is wrong, or missing where the value is None."""
    bad = []
    for field, value in fields.items():
        changed = {**good, field: value}
        code = "data_invalid" if field in good else "field_unknown"
        if value is None:
            del changed[field]
            code = "field_missing"
        place = f"/data/{part}/0/{field}" if part == "targets" else f"/data/{part}/{field}"
        bad.append(Bad({**_TARGETS, part: [changed] if part == "targets" else changed}, code, place))
    return tuple(bad)


FAMILY = Family(
    "kpi",
    "KPIs and targets",
    (
        EventType(
            name="kpi.defined",
            model=KpiDefined,
            subject="plan/{plan}",
            kind="decision",
            aggregate="plan",
            rule=_same_kpi,
            good=(_DEFINED,),
            bad=(
                Bad({**_DEFINED, "kpi": "k6"}, "data_invalid", "/data/kpi"),
                Bad({**_DEFINED, "version": 2}, "data_invalid", "/data/definition/version"),
                Bad(
                    {**_DEFINED, "definition": {**_DEFINITION, "direction": "sideways"}},
                    "definition_invalid",
                    "/data/definition/direction",
                ),
                Bad(
                    {**_DEFINED, "definition": {**_DEFINITION, "measure": {"kind": "share"}}},
                    "definition_invalid",
                    "/data/definition/measure/numerator",
                ),
                *missing(_DEFINED, "plan", "objective", "kpi", "version", "definition", "effective_from"),
                *wrong(_DEFINED, plan="plan 2025", version=0, effective_from="2025-02-30"),
                *wrong(_DEFINED, version=10_001),
                *unknown(_DEFINED),
            ),
        ),
        EventType(
            name="kpi.retired",
            model=KpiRetired,
            subject="plan/{plan}",
            kind="decision",
            aggregate="plan",
            good=({"plan": "plan-2025", "kpi": "K06", "successor": "K06B"},),
            bad=(
                Bad({"plan": "plan-2025"}, "field_missing", "/data/kpi"),
                *missing(_RETIRED, "plan"),
                *wrong(_RETIRED, plan="plan 2025", kpi="k6", version=0, reason="\u0000"),
                *wrong(_RETIRED, version=10_001, reason=""),
                *unknown(_RETIRED),
            ),
        ),
        EventType(
            name="target.set",
            model=TargetSet,
            subject="plan/{plan}",
            kind="decision",
            aggregate="plan",
            rule=_one_target_a_period,
            good=(
                _TARGETS,
                {
                    **_TARGETS,
                    "baseline": {"value": 71.4, "date": "2024-12-31", "source": "annual report"},
                    "bands": {"on_track": 0, "watch": 5},
                },
            ),
            bad=(
                Bad({**_TARGETS, "targets": []}, "data_invalid", "/data/targets"),
                Bad({**_TARGETS, "targets": [{"period": "2025"}]}, "field_missing", "/data/targets/0/value"),
                Bad({**_TARGETS, "targets": _TARGETS["targets"] * 2}, "data_invalid", "/data/targets/1/period"),
                *missing(_TARGETS, "plan", "kpi", "targets"),
                *wrong(_TARGETS, plan="plan 2025", kpi="k6"),
                *_bad_part("targets", _PERIOD, period=None, value=2e12),
                *_bad_part("targets", _PERIOD, period="March", value=-2e12, note="x"),
                *_bad_part("baseline", _BASELINE, value=None, date="2024-02-30", source="", note="x"),
                *_bad_part("baseline", _BASELINE, value=2e12, source="a\nb"),
                *_bad_part("baseline", _BASELINE, value=-2e12),
                *_bad_part("bands", _BANDS, watch=None, on_track=-1, note="x"),
                *_bad_part("bands", _BANDS, watch=-1, on_track=2e12),
                *_bad_part("bands", _BANDS, watch=2e12),
                *unknown(_TARGETS),
            ),
        ),
        EventType(
            name="definition.disputed",
            model=DefinitionDisputed,
            subject="plan/{plan}",
            kind="decision",
            aggregate="plan",
            good=(
                {
                    "plan": "plan-2025",
                    "kpi": "K06",
                    "version": 1,
                    "by": "county",
                    "reason": "Arrests are left out.",
                },
            ),
            bad=(
                Bad({"plan": "plan-2025", "kpi": "K06", "by": "county"}, "field_missing", "/data/reason"),
                *missing(_HELD_WRONG, "plan", "kpi", "by"),
                *wrong(_HELD_WRONG, plan="plan 2025", kpi="k6", version=0, reason="\u0000"),
                *wrong(_HELD_WRONG, version=10_001, reason=""),
                *unknown(_HELD_WRONG),
            ),
        ),
    ),
)
