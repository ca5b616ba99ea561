"""A Faust agent that only counts messages: what the product's workers are held against.

Run as ``python -m ops.bench.bare_faust BROKER TOPIC COUNT``; prints the seconds from the first message to the last. It
acknowledges as the library does by default and does no work on a message.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from typing import Any

import faust


def main(broker: str, topic: str, count: int) -> None:
    """Count so many messages of a topic from its beginning, print the seconds and end the process."""
    app: Any = faust.App(
        f"bare-{os.getpid()}",
        broker=f"kafka://{broker}",
        datadir=tempfile.mkdtemp(prefix="bare-faust-"),
        web_enabled=False,
        topic_disable_leader=True,
        worker_redirect_stdouts=False,
        consumer_auto_offset_reset="earliest",
    )
    messages = app.topic(topic, value_type=bytes, value_serializer="raw", key_serializer="raw")
    seen = 0
    first = 0.0

    async def counting(stream: Any) -> None:
        nonlocal seen, first
        async for _ in stream:
            first = first or time.perf_counter()
            seen += 1
            if seen == count:
                sys.stdout.write(f"{time.perf_counter() - first}\n")
                sys.stdout.flush()
                os._exit(0)

    app.agent(messages)(counting)
    faust.Worker(app, loglevel="error", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
