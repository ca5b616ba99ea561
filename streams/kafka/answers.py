"""What a sender reads on the topics of receipts and rejections: as the HTTP API answers for one event of a batch.

Here because a sender over Kafka waits for no response: the answer names the message it is about, and finds its own way.
"""

from __future__ import annotations

from typing import Any

import orjson

from contracts.kafka_binding import Message, Outgoing
from contracts.moments import format_us
from contracts.recorded import Outcome


def answer_of(outcome: Outcome) -> dict[str, Any]:
    """The answer as a JSON object: a receipt for recorded and duplicate, a problem for conflict and rejected."""
    problem = outcome.problem
    if problem is not None:
        return {
            **problem.extra,
            "type": problem.docs,
            "title": problem.title,
            "status": outcome.status,
            "detail": problem.detail,
            "code": problem.code,
            "pointer": problem.pointer,
            "hint": problem.hint,
            "source": outcome.source,
            "id": outcome.id,
            "http_status": problem.http_status,
        }
    assert outcome.receipt is not None, "recorded and duplicate always carry a receipt"
    return {
        "status": outcome.status,
        "log_index": outcome.receipt.log_index,
        "recorded_at": format_us(outcome.receipt.recorded_at_us),
        "digest": outcome.receipt.digest.hex(),
        "source": outcome.source,
        "id": outcome.id,
    }


def answer(outcome: Outcome, message: Message) -> Outgoing:
    """The answer as a message, keyed by ``source/id``, or by the place of a message that has none.

    Headers ``topic``, ``partition`` and ``offset`` name the message that it answers, ``status`` how that ended.
    """
    known = outcome.source is not None and outcome.id is not None
    key = f"{outcome.source}/{outcome.id}" if known else f"{message.topic}/{message.partition}/{message.offset}"
    headers = [
        ("content-type", b"application/json"),
        ("status", outcome.status.encode()),
        ("topic", message.topic.encode()),
        ("partition", b"%d" % message.partition),
        ("offset", b"%d" % message.offset),
    ]
    return Outgoing(key.encode(), orjson.dumps(answer_of(outcome), default=_as_text), headers)


def _as_text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
