"""Twenty thousand bodies through intake: it never raises, and every verdict is whole."""

from __future__ import annotations

import json
import random
from hashlib import sha256

import orjson
import pytest

from contracts.canonical import canonical_bytes
from contracts.catalogue import CATALOGUE
from contracts.faults import FAULTS
from contracts.intake import validate
from contracts.recorded import Accepted, Rejected
from contracts.splitting import split_batch

BODIES = 20_000
SEEDS = [json.dumps(entry.example_event(data)).encode() for entry in CATALOGUE for data in entry.good]
TOKENS = [
    b"null",
    b"NaN",
    b"1e999",
    b"-0",
    b"1.0",
    b"9007199254740993",
    b'"\\ud800"',
    b'"\\u0000"',
    b"\xff",
    b"\xf0\x9f",
]
TOKENS += [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"[[[[" * 20, b'{"a":' * 40, b"\xef\xbb\xbf", b" ", b"\n"]
TOKENS += [b'"data"', b'"type"', b'"id":"x"', b"true", b"{}", b"[]", b"\x00", b"1", b'"time"', b"0x1", b"'a'"]


def mutated(rng: random.Random) -> bytes:
    """A sound event with a few bytes cut, doubled, replaced or slipped in; now and then plain noise."""
    if rng.random() < 0.05:
        return rng.randbytes(rng.randrange(0, 80))
    raw = bytearray(rng.choice(SEEDS))
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3, 8])):
        at = rng.randrange(len(raw) + 1)
        to = min(len(raw), at + rng.choice([0, 1, 2, 5, 40]))
        action = rng.randrange(5)
        if action == 0:
            del raw[at:to]
        elif action == 1:
            raw[at:to] = rng.choice(TOKENS)
        elif action == 2:
            raw[at:at] = raw[at:to]
        elif action == 3 and at < len(raw):
            raw[at] ^= 1 << rng.randrange(8)
        else:
            raw[at:at] = rng.choice(TOKENS)
    return bytes(raw)


def check(raw: bytes) -> str:
    verdict = validate(raw)
    if isinstance(verdict, Accepted):
        assert verdict.digest == sha256(verdict.body).digest()
        assert verdict.body == canonical_bytes(orjson.loads(raw))
        return "accepted"
    assert isinstance(verdict, Rejected)
    assert verdict.raw == raw
    assert verdict.problem.code in FAULTS
    assert verdict.problem.hint
    orjson.dumps(verdict.problem.as_dict())
    return verdict.problem.code


def test_no_body_raises_and_every_verdict_is_whole() -> None:
    rng = random.Random(20_250_301)
    seen: dict[str, int] = {}
    for _ in range(BODIES):
        verdict = check(mutated(rng))
        seen[verdict] = seen.get(verdict, 0) + 1
    assert sum(seen.values()) == BODIES
    # The test is empty where the bodies do not reach past the parser, or never get through.
    assert seen["accepted"] > BODIES // 20
    assert len(seen) >= 18, seen


def test_no_batch_raises() -> None:
    rng = random.Random(7)
    for _ in range(2_000):
        raw = b"[" + b",".join(mutated(rng) for _ in range(rng.randrange(4))) + rng.choice([b"]", b"", b"]]"])
        parts = split_batch(raw)
        if isinstance(parts, Rejected):
            assert parts.problem.code in FAULTS
        else:
            for part in parts:
                check(part)


def test_a_verdict_that_is_not_whole_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: an intake that stores what it did not hash fails the check."""
    sound = validate(SEEDS[0])
    assert isinstance(sound, Accepted)
    torn = Accepted(**{**{name: getattr(sound, name) for name in sound.__slots__}, "body": sound.body + b" "})
    monkeypatch.setitem(globals(), "validate", lambda raw: torn)
    with pytest.raises(AssertionError):
        check(SEEDS[0])
