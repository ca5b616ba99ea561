"""The form in which a family of event types is declared.

A module in ``contracts/families`` holds one ``FAMILY``; from it come validation, the published schemas, the
reference documentation and the examples the tests run, so that adding a family is adding a module and nothing
else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from contracts.fields import Payload
from contracts.recorded import Kind

Status = Literal["current", "deprecated", "retired"]
"""Current and deprecated versions are taken, retired ones are only read."""

Aggregate = Literal["plan", "agreement", "meeting", "decision", "action", "review"]
"""The governed things that decisions are about."""

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the data of one version into data of the next. Pure; leaves its argument alone."""

Rule = Callable[[dict[str, Any]], tuple[str, str] | None]
"""A rule between fields that JSON Schema cannot express: (JSON pointer inside data, sentence) where it is
broken.
"""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Several rules as one: the first that is broken tells. Kept apart so that each can be shown broken."""

    rules: tuple[Rule, ...]

    def __call__(self, data: dict[str, Any]) -> tuple[str, str] | None:
        """(JSON pointer inside data, sentence) of the first rule broken, or None."""
        return next((told for rule in self.rules if (told := rule(data)) is not None), None)


def every(*rules: Rule) -> AllOf:
    """All of the rules, in this order."""
    return AllOf(rules)


@dataclass(frozen=True, slots=True)
class Bad:
    """A payload that must be refused: with which code, and pointing to which place of the event."""

    data: dict[str, Any]
    code: str
    pointer: str


@dataclass(frozen=True, slots=True)
class EventType:
    """One version of one event type.

    ``subject`` is a template over the payload's fields, ``call/{call}``, or None where the subject is free;
    ``aggregate`` names the governed thing a decision belongs to (its id is the payload field of that name).
    """

    name: str
    model: type[Payload]
    subject: str | None
    good: tuple[dict[str, Any], ...]
    bad: tuple[Bad, ...]
    version: int = 1
    kind: Kind = "statement"
    aggregate: Aggregate | None = None
    status: Status = "current"
    rule: Rule | None = None
    upcast: Upcast | None = None

    @property
    def subject_prefix(self) -> str:
        """What a subject begins with: ``call/``; "" where it is free."""
        return "" if self.subject is None else self.subject.partition("{")[0]

    @property
    def subject_fields(self) -> tuple[str, ...]:
        """The payload fields that make up the rest of the subject, joined by slashes."""
        return tuple(re.findall(r"\{(\w+)\}", self.subject or ""))


@dataclass(frozen=True, slots=True)
class Family:
    """Event types that belong together; ``name`` is also the feed under which an agency is expected to
    report.
    """

    name: str
    title: str
    types: tuple[EventType, ...]
