"""The quick look never says yes where the models say no, and nobody can tell from a verdict whether it was asked."""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import Annotated, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    create_model,
    model_validator,
)

from contracts import quick_rules
from contracts.canonical import canonical_bytes
from contracts.catalogue import CATALOGUE, Entry
from contracts.envelope import Event
from contracts.fields import Id, Ids, Moment, Name, Payload, Quantity, Text
from contracts.intake import Intake
from contracts.limits import EVENT_BYTES_MAX
from contracts.quick_look import quick_look
from contracts.recorded import Accepted, Rejected
from contracts.schemas_export import payload_schema
from tests.contracts.test_fuzz import mutated
from tests.contracts.test_oracle import damaged, envelopes, instances

ENTRIES = list(CATALOGUE)
CALL = CATALOGUE.entry("call.received.v1")
QUICK = Intake(CATALOGUE)
CAREFUL = Intake(CATALOGUE, quick=False)


def looked_at(entry: Entry) -> Any:
    """The quick look of a type, as the intake has it once it met one event of the type."""
    QUICK.validate_object(entry.example_event())
    return QUICK._lanes[entry.wire_type].look


def same_verdict(raw: bytes, agency: str | None = None) -> Accepted | Rejected:
    quick = QUICK.validate(raw, agency=agency)
    assert quick == CAREFUL.validate(raw, agency=agency), raw
    return quick


def spelled(draw: st.DrawFn, value: Any) -> bytes:
    """A value as JSON, in one of the many ways that senders spell it."""
    if isinstance(value, dict):
        members = [b'"%b"%b:%b' % (_text(draw, name), _space(draw), spelled(draw, value[name])) for name in value]
        members += draw(st.lists(st.sampled_from(members), max_size=1)) if members and draw(_RARELY) else []
        return b"{" + b",".join(draw(st.permutations(members))) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join([spelled(draw, item) for item in value]) + b"]" + _space(draw)
    if isinstance(value, str):
        return b'"%b"' % _text(draw, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        exact = [json.dumps(value), repr(float(value)), f"{float(value):e}", f"{value!r}.0", f"{value!r}E0"]
        return draw(st.sampled_from(exact)).encode()
    return json.dumps(value).encode()


_RARELY = st.integers(0, 9).map(lambda n: n == 9)


def _space(draw: st.DrawFn) -> bytes:
    return draw(st.sampled_from([b"", b"", b"", b" ", b"\n\t"]))


def _text(draw: st.DrawFn, text: str) -> bytes:
    if draw(_RARELY):
        return b"".join([f"\\u{unit:04x}".encode() for unit in _units(text)])
    return json.dumps(text, ensure_ascii=draw(st.booleans())).encode()[1:-1]


def _units(text: str) -> list[int]:
    wide = text.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(wide[at : at + 2], "big") for at in range(0, len(wide), 2)]


@st.composite
def bodies(draw: st.DrawFn, entry: Entry) -> bytes:
    """Events of one type, sound or damaged in the envelope or the payload, in many spellings."""
    if draw(st.booleans()):
        return spelled(draw, draw(envelopes(entry)))
    payload = damaged(st.sampled_from(entry.good) | instances(payload_schema(entry)))
    data = draw(payload)
    return spelled(draw, entry.example_event(data if isinstance(data, dict) else None) | {"data": data})


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.topic)
def test_the_verdict_is_the_same_whoever_gives_it(entry: Entry) -> None:
    looked_at(entry)
    for data in [*entry.good, *(bad.data for bad in entry.bad)]:
        same_verdict(orjson.dumps(entry.example_event(data)))

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(bodies(entry), st.sampled_from([None, "lakeside-health", "metro-police"]))
    def agree(raw: bytes, agency: str | None) -> None:
        same_verdict(raw, agency)

    agree()


MODELS_ALONE = frozenset(
    (
        "commitment.made.v1",
        "decision.recorded.v1",
        "kpi.defined.v1",
        "meeting.held.v1",
        "training.held.v1",
    )
)
"""Types with a part that the quick look does not know: every event of theirs is shown to its model."""


def test_the_verdict_is_the_same_on_noise() -> None:
    for entry in ENTRIES:
        looked_at(entry)
    rng = random.Random(20_250_302)
    verdicts = [same_verdict(mutated(rng)) for _ in range(5_000)]
    assert any(isinstance(verdict, Accepted) for verdict in verdicts)
    assert any(isinstance(verdict, Rejected) for verdict in verdicts)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.topic)
def test_what_the_quick_look_finds_sound_is_sound(entry: Entry) -> None:
    """The other way round is not asked of it, but where it is had, it knows the examples."""
    look = looked_at(entry)
    if look is None:
        assert entry.topic in MODELS_ALONE
        return
    adapter = entry.adapter()

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(envelopes(entry))
    def never_laxer(event: Any) -> None:
        if look.finds_sound(event) and QUICK._certainly_sound(orjson.dumps(event)) is not None:
            adapter.validate_json(orjson.dumps(event))

    never_laxer()
    for data in entry.good:
        assert look.finds_sound(orjson.loads(canonical_bytes(entry.example_event(data)))), data


@pytest.mark.parametrize(
    "name",
    ["call.received", "response.dispatched", "encounter.closed", "referral.requested", "service.delivered"],
)
def test_the_types_that_come_by_the_thousand_have_a_quick_look(name: str) -> None:
    assert looked_at(CATALOGUE.newest(name)) is not None


def test_a_sound_event_needs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with white space, an unknown extension, and null for what is not said."""
    looked_at(CALL)
    asked: list[bytes] = []
    monkeypatch.setattr(QUICK._lanes[CALL.wire_type], "check", asked.append)
    event = CALL.example_event() | {"traceparent": "00-ab", "sampled": True, "sequence": 7, "purpose": None}
    for raw in (orjson.dumps(event), json.dumps(event, indent=1).encode(), orjson.dumps(CALL.example_event())):
        assert isinstance(QUICK.validate(raw), Accepted)
    assert not asked


@pytest.mark.parametrize(
    "raw",
    [
        # The second key loses: without the count of quotes the first one would be gone without a word.
        orjson.dumps(CALL.example_event())[:-1] + b',"id":"again"}',
        orjson.dumps(CALL.example_event())[:-1] + b',"id":"call.received-1"}',
        orjson.dumps(CALL.example_event()).replace(b'"call"', b'"call":"x","call"'),
        orjson.dumps(CALL.example_event() | {"sequence": 2}).replace(b"2}", b"2.0}"),
        orjson.dumps(CALL.example_event()) + b" " * EVENT_BYTES_MAX,
        orjson.dumps(CALL.example_event() | {"time": "2025-02-30T10:00:00Z"}),
        orjson.dumps(CALL.example_event() | {"time": "2025-03-01T10:00:00Z", "timeunknown": True}),
        orjson.dumps(CALL.example_event() | {"time": None, "timeunknown": False}),
        orjson.dumps(CALL.example_event() | {"time": None, "timeunknown": True}),
    ],
)
def test_what_the_quick_look_must_leave_to_the_careful_way(raw: bytes) -> None:
    looked_at(CALL)
    same_verdict(raw)


class TestWhatIsNotUnderstood:
    """A rule of the models that the quick look does not know in full takes the whole type out of its hands."""

    @staticmethod
    def look_at(**fields: Any) -> Any:
        model = create_model("Said", __base__=Payload, **fields)
        adapter = TypeAdapter(Event[model])  # type: ignore[valid-type]
        adapter.rebuild()
        return quick_look(adapter.core_schema, {})

    @pytest.mark.parametrize(
        "kind",
        [
            Annotated[str, Field(pattern=r"^\d+$")],
            Annotated[str, Field(pattern=r"^(?i:a)$")],
            Annotated[str, Field(pattern=r"a+")],
            Annotated[str, AfterValidator(lambda text: text)],
            Annotated[int, Field(multiple_of=2)],
            Annotated[int, Field(lt=2)],
            Annotated[str, StringConstraints(strip_whitespace=True)],
            dict[str, int],
            tuple[int, str],
            Any,
        ],
    )
    def test_a_field_of_an_unknown_kind(self, kind: Any) -> None:
        assert self.look_at(field=(kind, ...)) is None

    def test_a_rule_between_fields(self) -> None:
        class Ruled(Payload):
            low: int
            high: int

            @model_validator(mode="after")
            def _in_order(self) -> Ruled:
                return self

        adapter = TypeAdapter(Event[Ruled])
        adapter.rebuild()
        assert quick_look(adapter.core_schema, {}) is None

    def test_a_type_that_names_itself(self) -> None:
        class Nested(Payload):
            inner: Nested | None = None

        adapter = TypeAdapter(Event[Nested])
        adapter.rebuild()
        assert quick_look(adapter.core_schema, {}) is None

    def test_what_is_understood(self) -> None:
        """The control: known kinds, one inside the other, under another name on the wire."""
        inner = create_model("Inner", __base__=Payload, amount=(Quantity, ...), when=(Moment | None, None))
        look = self.look_at(
            ids=(Ids | None, None), parts=(tuple[inner, ...], ...), from_=(Id, Field(alias="from")), note=(Text, "x")
        )
        event = CALL.example_event({"ids": ["a", "b"], "parts": [{"amount": 0.5}], "from": "x", "note": "a\nb"})
        assert look.finds_sound(event)
        assert not look.only_shortens
        for name, value in (
            ("ids", ["a", "a"]),
            ("parts", [{"amount": 0}]),
            ("parts", [{"amount": 1.0}]),
            ("parts", [{"amount": 1, "when": "today"}]),
            ("parts", [{}]),
            ("parts", {}),
            ("from", None),
            ("from_", "x"),
            ("note", "a\x00b"),
        ):
            assert not look.finds_sound({**event, "data": {**event["data"], name: value}}), name


def test_memory_for_texts_is_bounded() -> None:
    class Said(Payload):
        who: Id
        name: Name

    adapter = TypeAdapter(Event[Said])
    adapter.rebuild()
    memory: dict[tuple[int, int, str], set[str]] = {}
    look = quick_look(adapter.core_schema, memory)
    assert look is not None
    for n in range(3 * quick_rules.REMEMBERED_TEXTS):
        assert look.finds_sound(CALL.example_event({"who": f"w{n}", "name": f"n{n}"}))
    assert memory
    assert all(len(texts) <= quick_rules.REMEMBERED_TEXTS for texts in memory.values())


def test_memory_for_shapes_is_bounded() -> None:
    look = looked_at(CALL)
    members = look._members
    for n in range(3 * quick_rules.REMEMBERED_SHAPES):
        assert look.finds_sound({**CALL.example_event(), f"x{n}": n})
    many = {f"x{n}": n for n in range(quick_rules.SHAPE_MEMBERS_MAX)}
    assert look.finds_sound({**CALL.example_event(), **many})
    assert 0 < len(members.plans) <= quick_rules.REMEMBERED_SHAPES
    assert max(map(len, members.plans)) <= quick_rules.SHAPE_MEMBERS_MAX


def test_a_laxer_rule_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: were the quick look to take any text, the verdicts would differ."""
    monkeypatch.setattr(quick_rules.Token, "holds", lambda self, value: True)
    with pytest.raises(AssertionError):
        same_verdict(orjson.dumps(CALL.example_event() | {"agency": "Metro Police"}))
    with pytest.raises(ValidationError):
        CALL.adapter().validate_json(orjson.dumps(CALL.example_event() | {"agency": "Metro Police"}))


def test_an_event_that_waits_takes_little_more_than_its_bytes() -> None:
    raw = [json.dumps(CALL.example_event({"call": f"c-{number}"})).encode() for number in range(500)]
    QUICK.validate(raw[0])
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        held = [QUICK.validate(one) for one in raw]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert all(isinstance(one, Accepted) for one in held)
    assert taken / len(held) < 3_000  # the encoder's own buffer is 4 KiB
