"""The event of a decision that somebody takes here and now, by a command, rather than in a system of its own.

Here so that every such event is made in one form, whether it is to be recorded or only to be judged first.
"""

from __future__ import annotations

from typing import Any

from contracts.envelope import WIRE_PREFIX
from contracts.moments import format_us


def decision_event(
    name: str, data: dict[str, Any], *, subject: str, agency: str, source: str, id: str, time_us: int
) -> dict[str, Any]:
    """The event ``name`` (such as ``action.opened``) in its first version, as a JSON object.

    ``time_us`` is when it is decided, in UTC microseconds. Nothing is judged: that is for ``contracts.intake``.
    """
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": f"{WIRE_PREFIX}{name}.v1",
        "subject": subject,
        "agency": agency,
        "time": format_us(time_us),
        "data": data,
    }
