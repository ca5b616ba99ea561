"""Law 4: a read model is a function of the set of recorded events.

Any arrival order, repetition, batch size, incremental or rebuilt, gives the rows that a plain reading of
the set gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contracts.event_ids import EventIds
from contracts.recorded import Recorded
from projections import sheet
from projections.merges import Model
from projections.models import MODELS
from projections.tables import METADATA
from projections.views import Views
from tests.projections import plain_fold, plain_rows
from tests.projections.fake_log import FakeLog, MemoryStore, contents
from tests.projections.random_events import SOURCES, TIMES, ZONE, Draft, drafts, log_of
from tests.projections.random_payloads import AGENCIES, FAMILIES, SAID

Contents = dict[str, list[tuple[Any, ...]]]
BOOKKEEPING = ("dirty_periods", "view_state")

LAW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
CONTROL = settings(LAW, max_examples=300, database=None, phases=[Phase.generate], report_multiple_bugs=False)


def plain(events: Sequence[Recorded]) -> Contents:
    """Every table, read off the set of events at once."""
    standing = plain_fold.live(events)
    tables: Contents = {}
    for model in MODELS:
        rows = plain_fold.rows_of(model, standing, ZONE)
        tables[model.name] = rows
        if model.expansion is not None:
            tables[model.expansion.table] = [
                following
                for row in rows
                for following in plain_rows.following(
                    model.expansion, dict(zip(model.column_names, row, strict=True)), ZONE
                )
            ]
    tables["superseded"] = plain_fold.superseded(events)
    tables["reports"] = plain_fold.reports(events, ZONE)
    tables["entries"] = plain_fold.entries(events, ZONE)
    return {name: sorted(rows, key=repr) for name, rows in tables.items()}


def followed(log: FakeLog, batches: Sequence[Sequence[Recorded]], again: Callable[[int], bool]) -> Contents:
    """Every table after following the log; some rows are folded twice (the tallies rely on the position)."""
    store, views = MemoryStore(), Views(ZONE)
    with store.write() as connection:
        views.prepare(connection)
    for number, batch in enumerate(batches):
        with store.write() as connection:
            views.apply(connection, batch, log)
        if again(number):
            with store.write() as connection:
                views._fold.fold(connection, [e for e in batch if views._corrections.is_live(e)])
    return _read(store)


def rebuilt(log: FakeLog) -> Contents:
    """Every table after a rebuild."""
    store = MemoryStore()
    Views(ZONE).rebuild(store, log)
    return _read(store)


def _read(store: MemoryStore) -> Contents:
    try:
        found = contents(store, METADATA)
    finally:
        store.close()
    return {name: rows for name, rows in found.items() if name not in BOOKKEEPING}


def cut(events: Sequence[Recorded], sizes: Sequence[int]) -> list[list[Recorded]]:
    """The events in batches of these sizes, the last size repeated as often as needed."""
    batches, start, number = [], 0, 0
    while start < len(events):
        size = sizes[min(number, len(sizes) - 1)]
        batches.append(list(events[start : start + size]))
        start, number = start + size, number + 1
    return batches


def as_stored(tables: Contents) -> Contents:
    """Numbers as the store gives them back, so that 1 and 1.0 or True and 1 do not differ in their repr."""

    def value(found: Any) -> Any:
        return float(found) if isinstance(found, (bool, int, float)) else found

    return {name: sorted((tuple(value(v) for v in row) for row in rows), key=repr) for name, rows in tables.items()}


@st.composite
def arrivals(
    draw: st.DrawFn, *, families: Sequence[str] = tuple(FAMILIES)
) -> tuple[list[Draft], list[Draft], list[int], int]:
    """A set of events, an order for them to arrive in, batch sizes, and which batches come twice (as bits)."""
    found = draw(drafts(families=families))
    order = draw(st.permutations(found))
    sizes = draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    return found, order, sizes, draw(st.integers(0, 2**16 - 1))


def check(arrival: tuple[list[Draft], list[Draft], list[int], int]) -> None:
    """Asserts the law for one arrival."""
    found, order, sizes, repeats = arrival
    expected = as_stored(plain(log_of(found)))
    log = FakeLog(log_of(order))
    assert expected == as_stored(followed(log, cut(log.events, sizes), lambda n: bool(repeats >> (n % 16) & 1)))
    assert expected == as_stored(rebuilt(log))


@given(arrival=arrivals())
@LAW
def test_any_order_any_batches_any_repetition_followed_or_rebuilt_gives_the_same_rows(arrival: Any) -> None:
    check(arrival)


@given(arrival=arrivals())
@CONTROL
def broken(arrival: Any) -> None:
    """The same property, for code that was broken on purpose: found quickly and not shrunk."""
    check(arrival)


def test_the_law_notices_a_slot_that_goes_by_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: the latest by log_index instead of by (time, source, id).
    monkeypatch.setattr(sheet, "beats", lambda *_: True)
    with pytest.raises(AssertionError):
        broken()


def test_the_law_notices_a_rebuild_that_breaks_ties_by_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: ties in time are left to the order of the log.
    tie = [
        Draft(n, "call.received", {"call": "c-1"}, TIMES[0], SOURCES[0], AGENCIES[n], TIMES[1], None, None)
        for n in (1, 0)
    ]
    check((tie, tie, [2], 0))
    monkeypatch.setattr("projections.winners._break_ties", lambda *_: None)
    with pytest.raises(AssertionError):
        check((tie, tie, [2], 0))


def test_the_law_notices_a_correction_that_does_not_refold(monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: what a superseded event left in its row stays there.
    monkeypatch.setattr(Views, "_correct", lambda *_: set())
    with pytest.raises(AssertionError):
        broken()


BROKEN_FUNCTIONS: dict[str, tuple[str, Any, str]] = {
    "when an obligation was met": ("projections.derive._met", lambda evidence, required: (0.0, None), "commitment"),
    "whose evidence counts": ("projections.derive._stated_by", lambda obligor, entries: entries, "commitment"),
    "who accepted an obligation": ("projections.derive._another", lambda entries, obligor: obligor, "commitment"),
    "which definition stands": ("projections.derive._order", lambda entry: entry["id"], "kpi"),
    "which confirmation stands": ("projections.attendances._order", lambda entry: entry["id"], "training"),
    "whose receipt counts": (
        "projections.second_halves.by_others",
        lambda claimer, stated: orjson.loads(stated) if stated else [],
        "funding",
    ),
}
"""What is broken: the function, its broken form, and the family in which it shows."""


@pytest.mark.parametrize("what", BROKEN_FUNCTIONS)
def test_the_law_notices_a_row_that_follows_wrongly(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    # Negative control: what follows from a row is said twice, so the same mistake on both paths still shows.
    place, wrong, family = BROKEN_FUNCTIONS[what]

    @given(arrival=arrivals(families=(family,)))
    @CONTROL
    def broken_here(arrival: Any) -> None:
        check(arrival)

    monkeypatch.setattr(place, wrong)
    with pytest.raises(AssertionError):
        broken_here()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_everything_a_model_listens_to_is_said_in_the_random_histories(model: Model) -> None:
    assert set() == model.types - SAID


def test_the_law_notices_columns_that_do_not_mark_a_superseding_event(monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: a rebuild finds what is superseded by the log's marks alone.
    marked = FakeLog.hot_columns

    def unmarked(log: FakeLog, after: int, upto: int) -> Any:
        hot = marked(log, after, upto)
        return replace(hot, supersedes=np.zeros_like(hot.supersedes))

    monkeypatch.setattr(FakeLog, "hot_columns", unmarked)
    with pytest.raises(AssertionError):
        broken()


def test_the_law_notices_ids_that_belong_to_other_events(monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: who won a slot is told by the ids beside the columns.
    monkeypatch.setattr(EventIds, "at", lambda ids, positions: ["e1"] * len(positions))
    with pytest.raises(AssertionError):
        broken()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_type_a_model_names_is_in_the_catalogue(model: Model) -> None:
    from contracts.catalogue import CATALOGUE

    names = {entry.name for entry in CATALOGUE}
    assert set() == model.types - names


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_rows_keyed_by_payload_are_made_of_decisions_only(model: Model) -> None:
    # A decision cannot be superseded, so such a row never has to be found again from a superseded event.
    from contracts.catalogue import CATALOGUE
    from projections.merges import DataKey

    if isinstance(model.key, DataKey):
        assert {"decision"} == {CATALOGUE.newest(name).kind for name in model.types}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_subject_of_every_type_begins_with_the_prefix_of_its_row(model: Model) -> None:
    from contracts.catalogue import CATALOGUE
    from projections.merges import SubjectKey

    if isinstance(model.key, SubjectKey):
        assert {model.key.prefix} == {CATALOGUE.newest(name).subject_prefix for name in model.types}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_payload_field_a_model_reads_is_in_the_contract(model: Model) -> None:
    from contracts.catalogue import CATALOGUE

    read = {
        (name, fill.path[0])
        for slot in model.slots
        for name in slot.types
        for fill in slot.fills
        if fill.origin == "data"
    } | {(name, f) for c in model.collects for name in c.types for f in c.fields}
    known = {
        (name, field.alias or key)
        for name in model.types
        for key, field in CATALOGUE.newest(name).model.model_fields.items()
    }
    assert set() == read - known
