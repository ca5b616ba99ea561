"""The released contracts, frozen: each state in which a version was released, with samples that stay readable.

Here because what agencies build on must be findable for ever, whatever the working code says. One file a topic holds
its states, the oldest first; a state names the digest of its schema and of its samples, and of the state before, so
that a change to anything released shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contracts.canonical import canonical_bytes
from contracts.catalogue import Catalogue, Entry
from contracts.schemas_export import payload_schema

FOLDER: Final = Path(__file__).parents[1] / "releases"
_FIRST: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class State:
    """One released state of one version of an event type.

    ``schema`` is the payload's; ``samples`` are whole events as canonical JSON; ``digest`` is over all of it and
    over the state before.
    """

    release: str
    schema: dict[str, Any]
    samples: tuple[str, ...]
    digest: str

    def to_json(self) -> dict[str, Any]:
        return {"release": self.release, "digest": self.digest, "schema": self.schema, "samples": list(self.samples)}


def chained(before: str, release: str, schema: Mapping[str, Any], samples: tuple[str, ...]) -> str:
    """The digest of a state: SHA-256 in hex over its canonical JSON with the digest of the state before."""
    told = {"before": before, "release": release, "schema": schema, "samples": list(samples)}
    return hashlib.sha256(canonical_bytes(told)).hexdigest()


def released(folder: Path = FOLDER) -> dict[str, tuple[State, ...]]:
    """Topic -> its released states, the oldest first."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = tuple(
            State(state["release"], state["schema"], tuple(state["samples"]), state["digest"])
            for state in told["states"]
        )
    return found


def tampered(states: tuple[State, ...]) -> list[str]:
    """The releases whose state does not carry its digest: something frozen was changed."""
    before, wrong = _FIRST, []
    for state in states:
        if state.digest != chained(before, state.release, state.schema, state.samples):
            wrong.append(state.release)
        before = state.digest
    return wrong


def working_samples(entry: Entry) -> tuple[str, ...]:
    """The good examples of an entry as whole events, canonical."""
    events = (entry.example_event(data, number=number) for number, data in enumerate(entry.good, 1))
    return tuple(canonical_bytes(event).decode() for event in events)


def release(catalogue: Catalogue, name: str, folder: Path = FOLDER) -> list[str]:
    """Write the working contracts down as released under ``name``; returns the topics whose state is new.

    A version whose schema stands as it was released keeps its last state. Whether a change is allowed is for
    ``contracts.evolution.check`` to say first.
    """
    folder.mkdir(exist_ok=True)
    states, written = released(folder), []
    for entry in catalogue:
        schema = payload_schema(entry)
        known = states.get(entry.topic, ())
        if known and known[-1].schema == schema:
            continue
        samples = working_samples(entry)
        before = known[-1].digest if known else _FIRST
        kept = (*known, State(name, schema, samples, chained(before, name, schema, samples)))
        text = json.dumps(
            {"topic": entry.topic, "states": [state.to_json() for state in kept]}, indent=1, sort_keys=True
        )
        (folder / f"{entry.topic}.json").write_text(text + "\n", encoding="utf-8")
        written.append(entry.topic)
    return written
