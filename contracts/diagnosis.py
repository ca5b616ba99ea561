"""What to tell a sender whose event broke its contract: code, pointer and fix, from pydantic's errors.

A rejection is only as good as its hint; the sentences are made here, off the quick path, so they may take
their time.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from contracts.catalogue import Entry
from contracts.envelope import EXTENSION_NAME_PATTERN, Event
from contracts.faults import Fault, Problem, fault, problem
from contracts.limits import ERRORS_TOLD_MAX
from contracts.strictjson import pointer

_TIME_HINT: Final = "Write it as 2025-03-01T10:00:00-08:00: date, T, time, and an offset or Z."
_PATTERN_HINTS: Final = {
    "agency": "Use letters, digits and . _ ~ : @ -, beginning with a letter or digit.",
    "source": "Use a URI reference without spaces, such as //metro-police/cad.",
    "subject": "Use letters, digits and . _ ~ : @ / -, such as call/c-1.",
    "datacontenttype": "Leave it out or set it to application/json.",
}
_TYPE_NAMES: Final = {
    "string_type": "a text in double quotes",
    "int_type": "a whole number without quotes",
    "int_from_float": "a whole number without quotes",
    "float_type": "a number without quotes",
    "bool_type": "true or false without quotes",
    "model_type": "an object in braces",
    "tuple_type": "a list in brackets",
    "list_type": "a list in brackets",
}


def diagnose(error: ValidationError, obj: dict[str, Any], entry: Entry) -> Fault:
    """The RejectedFault for an event of ``entry``'s type that did not validate.

    The first error in reading order (envelope, then payload) decides; up to ERRORS_TOLD_MAX further ones are
    listed under ``errors`` in the problem's extra.
    """
    # Hints are searched for only for what is told: a body may hold thousands of unknown fields.
    found = [_placed(error_found, obj) for error_found in error.errors(include_url=False)]
    told: dict[tuple[str, str], Problem] = {}
    for _, path, error_found in sorted(found, key=lambda placed: placed[0]):
        if path[:1] == ["data"]:
            made = _in_payload(error_found, path, obj, entry)
        else:
            made = _in_envelope(error_found, path, obj)
        told.setdefault((made.code, made.pointer), made)
        if len(told) > ERRORS_TOLD_MAX:
            break
    first, *further = told.values()
    extra = dict(first.extra)
    if further:
        extra["errors"] = [
            {"code": made.code, "pointer": made.pointer, "detail": made.detail, "hint": made.hint} for made in further
        ]
    return fault(first.code, first.detail, first.pointer, hint=first.hint, **extra)


def _placed(found: Any, obj: dict[str, Any]) -> tuple[tuple[bool, bool], list[str | int], Any]:
    """(reading order, path, error). What is missing comes first: it is often why something else is wrong."""
    missing = found["type"] == "missing"
    path = _path(found["loc"], obj, missing=missing)
    if path == ["specversion"] or (len(path) == 1 and path[0] in Event.REQUIRED and obj.get(str(path[0])) is None):
        missing = True
    return (path[:1] == ["data"], not missing), path, found


def _path(loc: tuple[int | str, ...], obj: Any, *, missing: bool) -> list[str | int]:
    """The JSON path behind a pydantic location, without the union members' names pydantic puts in between."""
    path: list[str | int] = []
    here: Any = obj
    for position, step in enumerate(loc):
        last = position == len(loc) - 1
        if (isinstance(here, dict) and step in here) or (
            isinstance(here, list) and isinstance(step, int) and step < len(here)
        ):
            here = here[step]  # type: ignore[index,unused-ignore]
        elif not (last and missing):
            continue
        path.append(step)
    return path


def _in_envelope(found: Any, path: list[str | int], obj: dict[str, Any]) -> Problem:
    kind = found["type"]
    if kind == "time_missing":
        return problem("time_missing", found["msg"], "/time")
    if kind == "time_and_unknown":
        hint = "Leave out one of the two."
        return problem("attribute_invalid", found["msg"], "/timeunknown", hint=hint)
    name = str(path[0]) if path else str(found["loc"][0]) if found["loc"] else ""
    where = pointer([name]) if name else ""
    value = obj.get(name)
    if name == "data":
        return problem("data_missing", "the event has no data", "/data")
    if name == "specversion" and value is not None:
        return problem("specversion_unsupported", f"specversion is {_shown(value)}", where)
    if value is None and (name in Event.REQUIRED or kind == "missing"):
        return problem("attribute_missing", f"the attribute {name} is missing", where)
    if name not in Event.model_fields:
        return _extension(name, where)
    return problem(
        "attribute_invalid",
        f"{name} {_broken(found, value)}",
        where,
        hint=_fix(found, _PATTERN_HINTS.get(name)),
    )


def _extension(name: str, where: str) -> Problem:
    if name == "data_base64":
        return problem("attribute_invalid", "data_base64 is not taken", where, hint="Send the payload as JSON in data.")
    near = get_close_matches(name.lower(), Event.model_fields, n=1, cutoff=0.75)
    hint = f"Did you mean {near[0]}? " if near else ""
    hint += f"The name of an extension matches {EXTENSION_NAME_PATTERN}; "
    hint += "its value is a text, true, false or a 32-bit integer."
    return problem("attribute_invalid", f"{name[:60]!r} is no valid extension attribute", where, hint=hint)


def _in_payload(found: Any, path: list[str | int], obj: dict[str, Any], entry: Entry) -> Problem:
    kind = found["type"]
    where = pointer(path)
    value = _at(obj, path)
    if len(path) == 1 and kind in ("missing", "model_type", "dict_type"):
        if value is None:
            return problem("data_missing", "the event has no data", "/data")
        return problem(
            "data_invalid", "data must be an object in braces", "/data", hint="Send the fields as an object."
        )
    definition = path[1:2] == ["definition"] and len(path) > 2
    name = str(path[-1])
    if kind == "missing":
        code = "definition_invalid" if definition else "field_missing"
        near = get_close_matches(name, _unknown_keys(obj, path, entry), n=1, cutoff=0.6)
        hint = f"Did you spell it {near[0][:60]!r}? The contract says {name!r}." if near else ""
        hint = hint or _description_of(entry, path)
        return problem(code, f"{name} is missing", where, hint=hint)
    if kind == "extra_forbidden":
        code = "definition_invalid" if definition else "field_unknown"
        known = _fields_at(entry, path)
        near = get_close_matches(name.lower()[:100], known, n=1, cutoff=0.6)
        hint = f"Did you mean {near[0]}?" if near else ""
        if not hint and known:
            hint = f"{entry.name} knows {', '.join(known)}."
        return problem(code, f"{entry.name} has no field {name[:60]!r}", where, hint=hint, allowed=known)
    code = "definition_invalid" if definition else "data_invalid"
    if kind == "due_or_recurrence":
        return problem(code, found["msg"], where, hint="Give due for a single delivery, recurrence for a repeated one.")
    extra = {"allowed": _allowed(found)} if kind == "literal_error" else {}
    return problem(
        code,
        f"{name} {_broken(found, value)}",
        where,
        hint=_fix(found, _description_of(entry, path)),
        **extra,
    )


def _allowed(found: Any) -> list[str]:
    text = str(found["ctx"]["expected"]).replace(" or ", ", ")
    return [choice.strip().strip("'") for choice in text.split(",")]


def _broken(found: Any, value: Any) -> str:
    """The rest of a sentence that begins with the field's name."""
    kind, ctx = found["type"], found.get("ctx", {})
    if kind == "literal_error":
        return f"is {_shown(value)}, which is not one of the allowed values"
    if kind in _TYPE_NAMES:
        return f"is {_shown(value)}; {_TYPE_NAMES[kind]} is expected"
    if kind == "string_pattern_mismatch":
        return f"is {_shown(value)}, which does not match {ctx['pattern']}"
    if kind in ("date", "date_time"):
        return f"is {_shown(value)}: {ctx['reason']}"
    return f"is {_shown(value)}: {found['msg'][:1].lower()}{found['msg'][1:]}"


def _fix(found: Any, otherwise: str | None) -> str:
    kind = found["type"]
    if kind == "literal_error":
        allowed = _allowed(found)
        near = get_close_matches(str(found["input"]).lower()[:100], allowed, n=1, cutoff=0.7)
        listed = f"Use one of {', '.join(allowed)}."
        return f"Did you mean {near[0]}? {listed}" if near else listed
    if kind == "date_time":
        return _TIME_HINT
    if kind == "date":
        return "Write it as 2025-03-01, with a day that exists."
    if kind in _TYPE_NAMES:
        return f"Send {_TYPE_NAMES[kind]}."
    return otherwise or ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _at(obj: Any, path: list[str | int]) -> Any:
    for step in path:
        try:
            obj = obj[step]
        except (KeyError, IndexError, TypeError):
            return None
    return obj


def _unknown_keys(obj: dict[str, Any], path: list[str | int], entry: Entry) -> list[str]:
    parent = _at(obj, path[:-1])
    known = set(_fields_at(entry, path))
    if not isinstance(parent, dict):
        return []
    return [key[:100] for key in islice(parent, 50) if key not in known]


def _model_at(entry: Entry, path: list[str | int]) -> type[BaseModel] | None:
    """The model of the object that holds the last step of a path, where it is the payload or a plain part of
    it.
    """
    model: type[BaseModel] | None = entry.model
    for step in path[1:-1]:
        if isinstance(step, int) or model is None:
            continue
        field = next((known for name, known in model.model_fields.items() if step in (name, known.alias)), None)
        model = None if field is None else _part(field.annotation)
    return model


def _part(annotation: Any) -> type[BaseModel] | None:
    """The one model inside an annotation such as ``X | None`` or ``tuple[X, ...]``; None where there is none
    or several.
    """
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    parts = [found for found in map(_part, getattr(annotation, "__args__", ())) if found is not None]
    return parts[0] if len(parts) == 1 else None


def _fields_at(entry: Entry, path: list[str | int]) -> list[str]:
    model = _model_at(entry, path)
    return [] if model is None else [field.alias or name for name, field in model.model_fields.items()]


def _description_of(entry: Entry, path: list[str | int]) -> str:
    model = _model_at(entry, path)
    if model is None:
        return ""
    for name, field in model.model_fields.items():
        if path[-1] in (name, field.alias) and field.description:
            return f"{path[-1]}: {field.description}"
    return ""
