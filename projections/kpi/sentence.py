"""A definition in plain words.

A committee member has to be able to say what a number means without reading JSON; the words are made from
the definition itself, so they cannot say something else than what is computed.
"""

from __future__ import annotations

from contracts.kpi import (
    After,
    AllOf,
    AlsoPercentile,
    AnyOf,
    Before,
    Condition,
    Count,
    Duration,
    ElapsedAtMost,
    Eq,
    In,
    IsNull,
    KpiDefinition,
    Ne,
    Not,
    NotNull,
    Past,
    Percentile,
    Share,
    Split,
)

EVENTS: dict[str, str] = {
    "received_at": "the call was received",
    "dispatched_at": "a team was dispatched",
    "arrived_at": "the first team arrived",
    "alt_arrived_at": "an alternative team arrived",
    "engaged_at": "the encounter began",
    "closed_at": "the encounter was closed",
    "requested_at": "the referral was requested",
    "accepted_at": "the referral was accepted",
    "declined_at": "the referral was declined",
    "completed_at": "the referral was completed",
    "ended_at": "the referral ended",
    "due_at": "it was due",
    "met_at": "it was met",
    "delivered_at": "the service was delivered",
}
"""What a moment's column says happened."""

FLAGS: dict[str, tuple[str, str]] = {
    "requested": ("a request is recorded", "no request is recorded"),
    "accepted": ("it was accepted", "it was not accepted"),
    "declined": ("it was declined", "it was not declined"),
    "alt_arrived": ("an alternative or co-response team arrived", "no alternative or co-response team arrived"),
    "waived": ("it was waived", "it was not waived"),
    "disputed": ("it is disputed", "it is not disputed"),
    "received": ("it was received", "it was not received"),
    "on_time": ("it was received on time", "it was not received on time"),
    "owner_live": ("it has a live owner", "it has no live owner"),
    "value_current": ("its newest value is current", "it has no current value"),
}
"""What a flag's column says when it is set, and when it is not."""

ORDINALS = {50: "median", 25: "first quartile", 75: "third quartile", 0: "least", 100: "greatest"}


def _plain(name: object) -> str:
    return str(name).replace("_", " ")


def _event(column: str) -> str:
    return EVENTS.get(column, _plain(column.removesuffix("_at")))


def _listed(words: list[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _is_set(condition: Condition) -> tuple[str, bool] | None:
    """(column, set) where the condition is about a flag."""
    match condition:
        case Eq() if condition.column in FLAGS and condition.value in (0, 1):
            return condition.column, bool(condition.value)
        case NotNull() | IsNull() if condition.column in FLAGS:
            return condition.column, isinstance(condition, NotNull)
        case Not():
            inner = _is_set(condition.condition)
            return None if inner is None else (inner[0], not inner[1])
        case _:
            return None


def words(condition: Condition) -> str:
    """A condition as a clause: "the disposition is arrest"."""
    flag = _is_set(condition)
    if flag is not None:
        return FLAGS[flag[0]][0 if flag[1] else 1]
    match condition:
        case Eq():
            return f"the {_plain(condition.column)} is {_plain(condition.value)}"
        case Ne():
            return f"the {_plain(condition.column)} is known and is not {_plain(condition.value)}"
        case In():
            named = _listed([_plain(value) for value in condition.values], "or")
            return f"the {_plain(condition.column)} is {named}"
        case IsNull() | NotNull():
            known = "is known" if isinstance(condition, NotNull) else "is not known"
            if condition.column.endswith("_at"):
                return f"when {_event(condition.column)} {known}"
            return f"the {_plain(condition.column)} {known}"
        case Before():
            return f"{_event(condition.column)} before {_event(condition.other)}"
        case After():
            return f"{_event(condition.column)} after {_event(condition.other)}"
        case ElapsedAtMost():
            span = _span(condition.seconds)
            return f"{_event(condition.to)} at most {span} after {_event(condition.from_)}"
        case Past():
            if condition.days == 0:
                return f"the moment when {_event(condition.column)} has passed"
            return f"{_span(condition.days * 86_400)} have passed since {_event(condition.column)}"
        case AllOf():
            return _listed([words(inner) for inner in condition.conditions], "and")
        case AnyOf():
            return f"({_listed([words(inner) for inner in condition.conditions], 'or')})"
        case Not():
            return _negated(condition.condition)


def _negated(condition: Condition) -> str:
    match condition:
        case Past() if condition.days == 0:
            return f"the moment when {_event(condition.column)} is still to come"
        case Past():
            return f"{_span(condition.days * 86_400)} have not passed since {_event(condition.column)}"
        case After():
            return f"{_event(condition.column)} no later than {_event(condition.other)}"
        case Before():
            return f"{_event(condition.column)} no earlier than {_event(condition.other)}"
        case _:
            return f"it is not so that {words(condition)}"


def _span(seconds: int) -> str:
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {name}{'' if seconds == size else 's'}"
    return f"{seconds} seconds"


def sentence(definition: KpiDefinition) -> str:
    """What the number is, in one sentence."""
    measure = definition.measure
    unit = definition.unit_of_count
    match measure:
        case Share():
            return f"Of every {unit}, the percentage for which {words(measure.numerator)}."
        case Split():
            names = _listed([*(_plain(part.name) for part in measure.parts), _plain(measure.rest)], "and")
            value = _listed([_plain(name) for name in measure.headline], "or")
            return (
                f"Every {unit}, divided by {_plain(measure.dimension)} into {names}; "
                f"the value is the percentage that is {value}."
            )
        case Percentile():
            rank = ORDINALS.get(measure.at, f"{measure.at}th percentile")
            beside = [
                f"the {ORDINALS.get(extra.at, f'{extra.at}th percentile')}"
                if isinstance(extra, AlsoPercentile)
                else f"the share at most {extra.limit} {definition.unit}"
                for extra in measure.also
            ]
            of = measure.of
            what = (
                f"number of {definition.unit} from when {_event(of.from_)} to when {_event(of.to)}"
                if isinstance(of, Duration)
                else _plain(of.column)
            )
            also = f"; beside it, {_listed(beside, 'and')}" if beside else ""
            return f"The {rank} {what}, for every {unit}{also}."
        case Count():
            which = "" if measure.when is None else f" for which {words(measure.when)}"
            return f"How many there are of this: {unit}{which}."
        case _:
            return f"{definition.title}, as it was measured outside and reported for each period."


def explanation(definition: KpiDefinition) -> list[str]:
    """The definition's rules as sentences: what it is about, what is left out, and its policies."""
    lines = [sentence(definition)]
    if definition.scope is not None:
        lines.append(f"It is about rows of {_plain(definition.population)} for which {words(definition.scope)}.")
    if isinstance(definition.measure, Share):
        lines.extend(
            f"Beside it, {_plain(also.name)}: the percentage for which {words(also.numerator)}."
            for also in definition.measure.also
        )
    lines.extend(
        f"Left out as {_plain(exclusion.reason)}: {words(exclusion.when)}." for exclusion in definition.exclude
    )
    if len(definition.exclude) > 1:
        lines.append("Where several reasons apply, the first counts.")
    lines.append(definition.censoring)
    lines.append("Where nothing is left to count there is no value, never 0.")
    lines.append("Data that arrive late restate the period they belong to.")
    digits = definition.rounding.digits
    lines.append(f"Rounded to {digits} {'digit' if digits == 1 else 'digits'}, ties to the even digit.")
    if definition.suppression == "people":
        lines.append("It counts people: counts of 1 to 10 are not for publication.")
    return lines
