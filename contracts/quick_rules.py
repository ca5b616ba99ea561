"""The rules of a quick look: what one value of a parsed event must be to be certainly sound.

A rule says yes only where the models would; its no means that it cannot tell. They are made for speed: texts that
were looked at before are known, and what nearly every value is comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from contracts.strictjson import holds_unusual_number

REMEMBERED_TEXTS: Final = 4096
"""Texts remembered for each kind of text: agencies, sources and codes come again and again."""

REMEMBERED_SHAPES: Final = 128
"""Shapes remembered for each object: the names of its members in the sender's order."""

SHAPE_MEMBERS_MAX: Final = 64
"""Members of a shape that is worth remembering; nobody's events have more, except to fill the memory."""

_NO_TEXTS: Final[frozenset[str]] = frozenset()

Matches = Callable[[str], object]
"""Whether a text matches: anything but None is yes, as a compiled pattern answers."""


class Rule:
    """What one value must be. A text in ``known`` needs no further look; null is judged by ``optional`` alone.

    ``needed`` is 1 where an object must have it, else 0.
    """

    __slots__ = ("known", "needed", "optional")

    def __init__(self, known: set[str] | frozenset[str] = _NO_TEXTS) -> None:
        self.known = known
        self.optional = False
        self.needed = 0

    def holds(self, value: Any) -> bool:
        """Whether a value that is neither null nor a known text certainly keeps the rule. Of itself: none does."""
        return False

    def keeps(self, value: Any) -> bool:
        """Whether any value certainly keeps the rule."""
        if value is None:
            return self.optional
        return (type(value) is str and value in self.known) or self.holds(value)


class Text(Rule):
    """A text of so many characters, free of control characters where it has to be ``printable`` or match."""

    __slots__ = ("high", "low", "matches")

    def __init__(self, low: int, high: int, matches: Matches | None) -> None:
        super().__init__()
        self.low = low
        self.high = high
        self.matches = matches

    def holds(self, value: Any) -> bool:
        return (
            type(value) is str
            and self.low <= len(value) <= self.high
            # ``matches`` refuses nothing but control characters, and no control character is printable.
            and (self.matches is None or value.isprintable() or self.matches(value) is not None)
        )


class Token(Rule):
    """A text that matches a pattern, remembered once it did in a memory that rules of the same kind share."""

    __slots__ = ("high", "low", "matches", "memory")

    def __init__(self, low: int, high: int, matches: Matches, memory: set[str]) -> None:
        super().__init__(memory)
        self.memory = memory
        self.low = low
        self.high = high
        self.matches = matches

    def holds(self, value: Any) -> bool:
        if type(value) is not str or not self.low <= len(value) <= self.high or self.matches(value) is None:
            return False
        if len(self.memory) >= REMEMBERED_TEXTS:
            self.memory.clear()
        self.memory.add(value)
        return True


class Readable(Rule):
    """A text that a reader of moments or dates understands."""

    __slots__ = ("read",)

    def __init__(self, read: Callable[[str], object]) -> None:
        super().__init__()
        self.read = read

    def holds(self, value: Any) -> bool:
        if type(value) is not str:
            return False
        try:
            self.read(value)
        except ValueError:
            return False
        return True


class Flag(Rule):
    """True or false."""

    __slots__ = ()

    def holds(self, value: Any) -> bool:
        return type(value) is bool


class Number(Rule):
    """A number of some Python types, from ``low`` to ``high`` and beyond ``above``, that has one spelling only."""

    __slots__ = ("above", "high", "kinds", "low")

    def __init__(self, kinds: tuple[type, ...], low: float, high: float, above: float) -> None:
        super().__init__()
        self.kinds = kinds
        self.low = low
        self.high = high
        self.above = above

    def holds(self, value: Any) -> bool:
        return (
            type(value) in self.kinds
            and self.low <= value <= self.high
            and value > self.above
            and not holds_unusual_number(value)
        )


class Either(Rule):
    """A value that keeps at least one of several rules."""

    __slots__ = ("rules",)

    def __init__(self, rules: list[Rule]) -> None:
        super().__init__()
        self.rules = rules

    def holds(self, value: Any) -> bool:
        return any(rule.keeps(value) for rule in self.rules)


class Items(Rule):
    """A list of so many items that all keep one rule; where it is ``distinct``, plain values no two of them alike."""

    __slots__ = ("distinct", "high", "item", "low")

    def __init__(self, item: Rule, low: int, high: float) -> None:
        super().__init__()
        self.item = item
        self.low = low
        self.high = high
        self.distinct = False

    def holds(self, value: Any) -> bool:
        if type(value) is not list or not self.low <= len(value) <= self.high:
            return False
        for item in value:
            if not self.item.keeps(item) or (self.distinct and type(item) in (dict, list)):
                return False
        return not self.distinct or len(set(value)) == len(value)


class Members(Rule):
    """An object whose members keep the rules of their names; ``other`` is for the names that have none.

    A sender's events have few shapes, so what follows from the names alone is remembered for each shape.
    """

    __slots__ = ("is_other", "other", "plans", "required", "rules")

    def __init__(self, rules: dict[str, Rule], is_other: Matches, other: Rule) -> None:
        super().__init__()
        self.rules = rules
        self.required = sum(rule.needed for rule in rules.values())
        self.is_other = is_other
        self.other = other
        self.plans: dict[tuple[str, ...], list[Rule]] = {}

    def holds(self, value: Any) -> bool:
        if type(value) is not dict:
            return False
        names = tuple(value)
        plan = self.plans.get(names) or self._plan(names)
        if plan is None:
            return False
        # Runs for every member of every event: as few calls as can be.
        for inner, rule in zip(value.values(), plan, strict=True):
            if type(inner) is str:
                if inner not in rule.known and not rule.holds(inner):
                    return False
            elif inner is None:
                if not rule.optional:
                    return False
            elif not rule.holds(inner):
                return False
        return True

    def _plan(self, names: tuple[str, ...]) -> list[Rule] | None:
        """The rule of each member; None where one may not be there, or one that must be is not."""
        plan: list[Rule] = []
        for name in names:
            rule = self.rules.get(name)
            if rule is None:
                if self.is_other(name) is None:
                    return None
                rule = self.other
            plan.append(rule)
        if sum(rule.needed for rule in plan) != self.required:
            return None
        if len(names) <= SHAPE_MEMBERS_MAX:
            if len(self.plans) >= REMEMBERED_SHAPES:
                self.plans.clear()
            self.plans[names] = plan
        return plan
