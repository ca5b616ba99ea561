"""Senders as processes, and what they were told: starting one, hearing what it saw, reading its receipts.

Here because a flood and the kills of a broker both need agencies that send over HTTP from outside, and both hold the
log against every receipt afterwards.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import orjson

from ops.composition import open_house
from ops.settings import load_settings
from ops.torture.campaign import REPOSITORY
from ops.torture.flooding import Errand, Told
from ops.torture.judge import Ack, Findings, Identity, Row, judge_log

_READ_EVENTS = 10_000


class SenderFailed(Exception):
    """A sender ended by itself; carries what it wrote to standard error."""


def start(errand: Errand) -> subprocess.Popen[bytes]:
    """A process that carries out the errand."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.torture.flooding"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=REPOSITORY,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(errand)).encode())
    process.stdin.close()
    process.stdin = None
    return process


def ended(process: subprocess.Popen[bytes]) -> dict[str, Told]:
    """What each sender of the errand saw, by agency; waits for it. Raises SenderFailed."""
    out, err = process.communicate()
    if process.returncode:
        raise SenderFailed(f"a sender failed: {err.decode(errors='replace')[-2_000:]}")
    found = json.loads(out)
    for told in found.values():
        told["statuses"] = {int(status): n for status, n in told["statuses"].items()}
    return {agency: Told(**told) for agency, told in found.items()}


def carried_out(errand: Errand) -> dict[str, Told]:
    """As ``start`` and ``ended``."""
    return ended(start(errand))


def silent_ids(told: Iterable[Told]) -> set[str]:
    """The ids of events whose sender never heard how they ended: they may be in the log, and need not."""
    return {
        f"{tag}-{number:09d}"
        for one in told
        for tag, first, last in one.unanswered
        for number in range(first, last + 1)
    }


def acks_in(path: Path) -> Iterator[Ack]:
    """Every acknowledgement in the bodies that a sender kept, one a line."""
    with path.open("rb") as lines:
        for line in lines:
            for told in orjson.loads(line)["results"]:
                if told["status"] in ("recorded", "duplicate"):
                    yield Ack((told["source"], told["id"]), told["log_index"], bytes.fromhex(told["digest"]))


def judged(
    home: Path, settings: Mapping[str, str], acks: list[Ack], silent: set[str]
) -> tuple[Findings, set[Identity], int]:
    """Hold the log against the acknowledgements: what was found, the identities in it, and how many of its events
    nobody sent or whose sender was told that they were refused. ``silent`` as from ``silent_ids``."""
    told = {ack.identity for ack in acks}
    seen: set[Identity] = set()
    foreign = 0

    def rows() -> Iterator[Row]:
        nonlocal foreign
        with open_house(home, writable=False, settings=load_settings(home, **settings)) as house:
            at = 0
            while batch := list(house.reader.after(at, _READ_EVENTS)):
                for event in batch:
                    identity = (event.source, event.id)
                    seen.add(identity)
                    foreign += identity not in told and event.id not in silent
                    yield Row(event.log_index, identity, event.digest, event.body)
                at = batch[-1].log_index

    return judge_log(acks, rows()), seen, foreign
