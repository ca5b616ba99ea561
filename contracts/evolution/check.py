"""The check of every working contract against everything that was ever released.

Here because a contract is changed in one line and broken for people who never see that line. A version that was
released may gain optional fields and nothing else; what needs more is a new version with an upcaster, beside the old
one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contracts.catalogue import Catalogue, Entry
from contracts.evolution.compare import Break, added, breaks
from contracts.evolution.releases import State, tampered
from contracts.schemas_export import payload_schema

Verdict = Literal["same", "compatible", "new", "refused"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one topic since it was released.

    ``since`` are the releases it was held against; ``added`` the optional fields that are new since the last;
    ``breaks`` carry the release they are about.
    """

    topic: str
    verdict: Verdict
    since: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    breaks: tuple[tuple[str, Break], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "verdict": self.verdict,
            "since": list(self.since),
            "added": list(self.added),
            "breaks": [{"release": release, **broken.to_json()} for release, broken in self.breaks],
        }


def check(catalogue: Catalogue, states: Mapping[str, tuple[State, ...]]) -> list[Finding]:
    """One finding a topic, working or released, in the order of their names."""
    working = {entry.topic: entry for entry in catalogue}
    return [
        _finding(catalogue, topic, working.get(topic), states.get(topic, ())) for topic in sorted({*working, *states})
    ]


def _finding(catalogue: Catalogue, topic: str, entry: Entry | None, known: tuple[State, ...]) -> Finding:
    since = tuple(state.release for state in known)
    if entry is None:
        gone = Break("backward", "", "the version was removed; a released one is read for ever (status retired)")
        return Finding(topic, "refused", since, breaks=((since[-1], gone),))
    if not known:
        return Finding(topic, "new")
    schema = payload_schema(entry)
    changed = Break("backward", "", "what was released then has been changed since")
    found = [(release, changed) for release in tampered(known)]
    for state in known:
        found += [(state.release, broken) for broken in _of_state(catalogue, entry, schema, state)]
    if found:
        return Finding(topic, "refused", since, breaks=tuple(found))
    last = known[-1]
    verdict: Verdict = "same" if last.schema == schema else "compatible"
    return Finding(topic, verdict, since, tuple(added(last.schema, schema)))


def _of_state(catalogue: Catalogue, entry: Entry, schema: dict[str, Any], state: State) -> list[Break]:
    found: list[Break] = []
    payloads = [json.loads(sample)["data"] for sample in state.samples]
    if state.schema != schema:
        found = breaks(state.schema, schema, old_examples=payloads, new_examples=entry.good)
    for payload in payloads:
        problem = unreadable(catalogue, entry, payload)
        if problem:
            found.append(Break("backward", "", f"a kept sample is no longer readable: {problem}", payload))
    return found


def unreadable(catalogue: Catalogue, entry: Entry, payload: dict[str, Any]) -> str:
    """Why a payload of this version can no longer be brought to the newest one and read there; "" where it can."""
    try:
        brought = catalogue.upcast(entry.topic, payload)
        catalogue.newest(entry.name).model.model_validate_json(json.dumps(brought))
    except Exception as error:  # noqa: BLE001 - whatever an upcaster or model raises is the answer
        return " ".join(str(error).split())[:300]
    return ""
