"""A second opinion on events and payloads: the published JSON Schemas, judged by ``jsonschema``.

It shares no code with the models, so that where both give the same verdict on the same instance, an agency
that checks its events against the schemas will not be surprised at the wall. Formats are asserted, and
patterns end where the text ends.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker, ValidationError  # type: ignore[import-untyped]
from jsonschema.validators import extend  # type: ignore[import-untyped]

_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z")
_TIME: Final = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?([Zz]|[+-]([0-9]{2}):([0-9]{2}))\Z")


def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return True
    found = _DATE.match(value)
    if found is None:
        return False
    year, month, day = map(int, found.groups())
    return year >= 1 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    found = _TIME.match(value[11:])
    if value[10:11] not in ("T", "t") or not _is_date(value[:10]) or found is None:
        return False
    hour, minute, second, offset_hour, offset_minute = (int(found.group(n) or 0) for n in (1, 2, 3, 6, 7))
    return hour < 24 and minute < 60 and second < 60 and offset_hour < 24 and offset_minute < 60


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """As ECMA 262 and Rust read it: in Python ``$`` would also match before a last line break."""
    if not isinstance(instance, str):
        return
    exact = re.sub(r"(?<!\\)\$\Z", r"\\Z", pattern)
    if re.search(exact, instance) is None:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


FORMATS: Final = FormatChecker(formats=())
FORMATS.checks("date")(_is_date)
FORMATS.checks("date-time")(_is_date_time)

OracleValidator: Final = extend(Draft202012Validator, {"pattern": _pattern})


def oracle(schema: dict[str, Any]) -> Any:
    """A ``jsonschema`` validator of a 2020-12 schema with formats asserted.

    SchemaError where the schema is none.
    """
    OracleValidator.check_schema(schema)
    return OracleValidator(schema, format_checker=FORMATS)
