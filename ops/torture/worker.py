"""One worker of a campaign: the process that runs with the shim preloaded.

Here because preloading happens at process start; the campaign starts one of these per core, hands it a job as
JSON on standard input and reads progress and the result as JSON lines from standard output.
"""

from __future__ import annotations

import gc
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ops.torture import cuts, kills
from ops.torture.session import warm_up
from ops.torture.subject import load


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job: ``kind`` (kills or cuts), ``subject``, ``count``, ``seed``, ``scratch``,
    ``synchronous``.
    """
    subject = load(job["subject"])
    scratch = Path(job["scratch"])
    warm_up(subject, scratch / "warm")
    shutil.rmtree(scratch / "warm")
    # What was imported is left alone by the collector, so that forked children do not copy its pages.
    gc.collect()
    gc.freeze()
    if job["kind"] == "kills":
        return asdict(kills.run(subject, job["count"], job["seed"], scratch, _progress))
    return asdict(cuts.run(subject, job["count"], job["seed"], scratch, _progress, job["synchronous"]))


def _progress(done: int) -> None:
    _say({"progress": done})


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _say({"result": work(json.loads(sys.stdin.readline()))})
