"""Both halves by hand: each fact in each state, who is waited for, and the list with identities and digests."""

from __future__ import annotations

from typing import Any

import pytest

from projections.halves.facts import FACTS, confirmed_condition
from projections.halves.items import items
from projections.halves.sums import Amounts, Counts, Reconciliation, reconciliation
from projections.halves.walk import NOBODY, Item, Walk, about, walk
from projections.kpi.conditions import walk as conditions_of
from projections.kpi.populations import table_of
from projections.kpi.shapes import AsOf
from tests.projections.kpi_world import ZONE, World, us

NOW = "2025-05-01"
REQUEST = {"referral": "r-1", "requester": "county", "target": "harbor", "need": "food"}
DELIVERY = {"delivery": "d-1", "service": "peer", "units": 10, "for_agency": "county"}
PAYMENT = {"transaction": "x-1", "funding": "f", "amount_minor": 1000, "currency": "USD", "receiver": "harbor"}
TRAINING = {
    "training": "t-1",
    "course": "cit",
    "kind": "cit",
    "hours": 8,
    "attendees_by_agency": {"county": 9, "harbor": 4, "lakeside": 0},
}
PROMISE = {
    "commitment": "k-1",
    "agreement": "mou",
    "clause": "1",
    "obligor": "harbor",
    "obligee": "county",
    "deliverable": "seats",
    "unit": "seats",
    "recurrence": {"every": "month", "from": "2025-03-01", "until": "2025-04-30"},
}
EVIDENCE = {"commitment": "k-1", "period": "2025-03", "quantity": 5, "evidence_ref": "roster"}


@pytest.fixture
def world() -> World:
    return World()


def sums(world: World, now: str = NOW, period: str = "all") -> Reconciliation:
    world.apply()
    with world.reading() as connection:
        return reconciliation(connection, AsOf(us(now)), ZONE, period=period)


def listed(world: World, one: str = "county", other: str = "harbor", **asked: Any) -> Walk:
    world.apply()
    with world.reading() as connection:
        return walk(connection, world.log, one, other, as_of=AsOf(us(NOW)), zone=ZONE, **asked)


def only(world: World, **asked: Any) -> Item:
    (item,) = listed(world, **asked).items
    return item


def differences(item: Item) -> list[tuple[str, Any, Any]]:
    return [(d.about, d.claimed, d.answered) for d in item.halves.differences]


def test_a_referral_is_pending_until_the_target_answers_in_any_way(world: World) -> None:
    world.say("referral.requested", REQUEST, "2025-03-03", agency="county")
    item = only(world)
    assert ("pending", "harbor", 59) == (item.state, item.waits_for, item.days)
    world.say("referral.received", {"referral": "r-1"}, "2025-03-04", agency="county")
    assert only(world).state == "pending"
    world.say("referral.declined", {"referral": "r-1", "reason": "no_capacity"}, "2025-03-05", agency="harbor")
    item = only(world)
    assert ("confirmed", None) == (item.state, item.waits_for)
    assert ["referral.declined"] == [half.event.type for half in item.halves.second]
    world.say("referral.disputed", {"referral": "r-1", "reason": "not ours"}, "2025-03-06", agency="harbor")
    item = only(world)
    assert "disputed" == item.state
    assert [("reason", None, "not ours")] == differences(item)
    world.void("e4")
    assert only(world).state == "confirmed"


def test_a_referral_told_by_its_target_waits_for_the_one_who_asked(world: World) -> None:
    world.say("referral.requested", REQUEST, "2025-03-03", agency="harbor")
    item = only(world)
    assert ("harbor", "county", "county") == (item.claimer, item.other, item.waits_for)


def test_a_referral_within_one_agency_is_no_shared_fact(world: World) -> None:
    world.say("referral.requested", {**REQUEST, "target": "county"}, "2025-03-03", agency="county")
    assert Counts() == sums(world).total()


def test_units_confirmed_in_part_are_confirmed_in_part_and_the_rest_is_disputed(world: World) -> None:
    world.say("service.delivered", DELIVERY, "2025-03-03", agency="harbor")
    world.say("service.confirmed", {"delivery": "d-1", "units": 6}, "2025-03-04", agency="county")
    item = only(world)
    assert ("disputed", Amounts(10, 6, 4, 0)) == (item.state, item.amounts)
    assert [("units", 10, 6)] == differences(item)
    # The deliverer cannot mend it by confirming itself, and more than was delivered is another claim than was made.
    world.say("service.confirmed", {"delivery": "d-1", "units": 10}, "2025-03-05", agency="harbor")
    assert Amounts(10, 6, 4, 0) == only(world).amounts
    world.say("service.confirmed", {"delivery": "d-1", "units": 12}, "2025-03-06", agency="county")
    assert ("disputed", Amounts(10, 10, 0, 0)) == (only(world).state, only(world).amounts)
    world.say("service.confirmed", {"delivery": "d-1"}, "2025-03-07", agency="county")
    assert ("confirmed", Amounts(10, 10, 0, 0)) == (only(world).state, only(world).amounts)


def test_quantities_are_added_up_as_they_were_stated(world: World) -> None:
    for name, units, confirmed in (
        ("a", 0.1, 0.1),
        ("b", 0.2, 0.2),
        ("c", 1.7, 0.4),
        ("d", 0.7, None),
        ("e", 0.1, None),
    ):
        delivery = {**DELIVERY, "delivery": name, "units": units}
        world.say("service.delivered", delivery, "2025-03-03", agency="harbor")
        if confirmed is not None:
            answer = {"delivery": name, "units": confirmed}
            world.say("service.confirmed", answer, "2025-03-04", agency="county")
    (services,) = [fact.to_json()["quantities"] for fact in sums(world).facts() if fact.amounts]
    assert [{"unit": "units", "claimed": 2.8, "confirmed": 0.7, "disputed": 1.3, "pending": 0.8}] == services
    (item,) = listed(world, state="disputed").items
    assert {"unit": "units", "claimed": 1.7, "confirmed": 0.4, "disputed": 1.3, "pending": 0} == (
        item.to_json()["quantity"]
    )


def test_a_delivery_on_a_referral_is_for_the_one_who_asked(world: World) -> None:
    world.say("referral.requested", REQUEST, "2025-03-03", agency="county")
    own = {name: value for name, value in DELIVERY.items() if name != "for_agency"}
    world.say("service.delivered", {**own, "referral": "r-1"}, "2025-03-04", agency="harbor")
    world.say("service.delivered", {**own, "delivery": "d-2"}, "2025-03-04", agency="harbor")
    world.say("service.delivered", {**own, "delivery": "d-3", "referral": "r-9"}, "2025-03-04", agency="harbor")
    assert [("d-1", "county")] == [(item.key, item.other) for item in listed(world, fact="service").items]
    # Of a referral nobody asked for, nobody can tell who is to confirm it.
    assert [("d-3", None, None)] == [
        (item.key, item.other, item.waits_for) for item in listed(world, "harbor", NOBODY).items
    ]


def test_a_delivery_for_nobody_else_is_no_shared_fact(world: World) -> None:
    world.say("referral.requested", {**REQUEST, "requester": "harbor"}, "2025-03-03", agency="harbor")
    own = {name: value for name, value in DELIVERY.items() if name != "for_agency"}
    world.say("service.delivered", {**own, "referral": "r-1"}, "2025-03-04", agency="harbor")
    for_itself = {**own, "for_agency": "harbor"}
    world.say("service.delivered", {**for_itself, "delivery": "d-2", "referral": "r-9"}, "2025-03-04", agency="harbor")
    world.say("service.delivered", {**for_itself, "delivery": "d-3"}, "2025-03-04", agency="harbor")
    assert Counts() == sums(world).total()
    # Who asked for the referral stays to be asked, whomever the deliverer names.
    world.say("referral.requested", {**REQUEST, "referral": "r-9"}, "2025-03-05", agency="county")
    assert [("d-2", "county")] == [(item.key, item.other) for item in listed(world, fact="service").items]


@pytest.mark.parametrize(
    ("received", "state", "amounts"),
    [
        ({"amount_minor": 1000, "currency": "USD"}, "confirmed", Amounts(1000, 1000, 0, 0)),
        ({"amount_minor": 400, "currency": "USD"}, "disputed", Amounts(1000, 400, 600, 0)),
        ({"amount_minor": 1000, "currency": "CAD"}, "disputed", Amounts(1000, 0, 1000, 0)),
    ],
)
def test_funds_agree_only_in_amount_and_currency(
    world: World, received: dict[str, Any], state: str, amounts: Amounts
) -> None:
    world.say("funding.disbursed", PAYMENT, "2025-03-03", agency="county")
    assert "pending" == only(world).state
    world.say("funding.received", {"transaction": "x-1", **received}, "2025-03-09", agency="harbor")
    item = only(world)
    assert (state, "USD", amounts) == (item.state, item.unit, item.amounts)


def test_money_is_summed_by_currency(world: World) -> None:
    for number, currency in enumerate(("USD", "USD", "CAD")):
        payment = {**PAYMENT, "transaction": f"x-{number}", "currency": currency}
        world.say("funding.disbursed", payment, "2025-03-03", agency="county")
    funds = next(fact for fact in sums(world).facts() if fact.fact.name == "funding")
    assert {"USD": Amounts(2000, 0, 0, 2000), "CAD": Amounts(1000, 0, 0, 1000)} == funds.amounts
    assert 3 == funds.counts.pending


def test_each_agency_confirms_its_own_attendance_and_the_organiser_needs_to_confirm_none(world: World) -> None:
    world.say("training.held", TRAINING, "2025-03-03", agency="county")
    assert ("pending", Amounts(4, 0, 0, 4)) == (only(world).state, only(world).amounts)
    world.say("training.confirmed", {"training": "t-1", "attendees": 3}, "2025-03-04", agency="harbor")
    item = only(world)
    assert ("disputed", Amounts(4, 3, 1, 0)) == (item.state, item.amounts)
    assert [("attendees", 4, 3)] == differences(item)
    assert 1 == sums(world).total().claimed


def test_evidence_of_a_period_is_accepted_for_that_period(world: World) -> None:
    world.say("commitment.made", PROMISE, "2025-02-01", agency="county")
    world.say("commitment.evidenced", EVIDENCE, "2025-03-20", agency="harbor")
    world.say("commitment.evidenced", {**EVIDENCE, "quantity": 2}, "2025-03-25", agency="harbor")
    item = only(world)
    assert ("pending", "k-1#2025-03", Amounts(7, 0, 0, 7)) == (item.state, item.key, item.amounts)
    assert ["e2", "e3"] == [half.event.id for half in item.halves.first]
    world.say("commitment.accepted", {"commitment": "k-1", "period": "2025-03"}, "2025-04-02", agency="harbor")
    assert only(world).state == "pending"
    world.say("commitment.accepted", {"commitment": "k-1", "period": "2025-03"}, "2025-04-03", agency="county")
    item = only(world)
    assert ("confirmed", ["e5"]) == (item.state, [half.event.id for half in item.halves.second])
    world.say("commitment.accepted", {"commitment": "k-1", "period": "2025-04"}, "2025-04-04", agency="county")
    assert ["k-1#2025-04"] == [item.key for item in listed(world, state="unmatched").items]


def test_no_agency_gives_both_halves_of_a_promise_nor_the_first_in_anothers_place(world: World) -> None:
    world.say("commitment.made", PROMISE, "2025-02-01", agency="county")
    world.say("commitment.evidenced", EVIDENCE, "2025-03-20", agency="county")
    world.say("commitment.evidenced", EVIDENCE, "2025-03-21", agency="lakeside")
    assert Counts() == sums(world).total()
    world.say("commitment.accepted", {"commitment": "k-1", "period": "2025-03"}, "2025-04-02", agency="county")
    # Accepted is what was never claimed: the obligor's half is missing.
    assert ("unmatched", "harbor", ()) == (only(world).state, only(world).waits_for, only(world).halves.first)
    world.say("commitment.evidenced", {**EVIDENCE, "quantity": 2}, "2025-04-03", agency="harbor")
    item = only(world)
    assert ("confirmed", Amounts(2, 2, 0, 0)) == (item.state, item.amounts)
    assert ["e5"] == [half.event.id for half in item.halves.first]


UNMATCHED: list[tuple[str, dict[str, Any]]] = [
    ("referral.accepted", {"referral": "r-1"}),
    ("service.confirmed", {"delivery": "d-1"}),
    ("training.confirmed", {"training": "t-1", "attendees": 2}),
    ("funding.received", {"transaction": "x-1", "amount_minor": 5, "currency": "USD"}),
]


@pytest.mark.parametrize(("type_", "data"), UNMATCHED)
def test_a_second_half_without_a_first_is_listed_and_claims_nothing(
    world: World, type_: str, data: dict[str, Any]
) -> None:
    world.say(type_, data, "2025-03-04", agency="harbor")
    assert Counts(unmatched=1) == sums(world).total()
    item = only(world)
    assert ("unmatched", None, "harbor", None, ()) == (
        item.state,
        item.claimer,
        item.other,
        item.waits_for,
        item.halves.first,
    )
    assert ["e1"] == [half.event.id for half in item.halves.second]


@pytest.mark.parametrize(("type_", "data"), UNMATCHED)
def test_a_second_half_of_a_third_agency_is_no_matter_of_these_two(
    world: World, type_: str, data: dict[str, Any]
) -> None:
    world.say(type_, data, "2025-03-04", agency="lakeside")
    assert Counts(unmatched=1) == sums(world).total()
    assert ((), 0) == (listed(world).items, listed(world).total)
    assert 1 == listed(world, "county", "lakeside").total


def test_money_received_that_was_only_committed_waits_for_the_payer(world: World) -> None:
    world.say("funding.committed", PAYMENT, "2025-03-03", agency="county")
    assert Counts() == sums(world).total()
    received = {"transaction": "x-1", "amount_minor": 5, "currency": "USD"}
    world.say("funding.received", received, "2025-03-04", agency="harbor")
    assert ("unmatched", "county") == (only(world).state, only(world).waits_for)
    assert [("county", 0, 0, 1)] == [
        (w.agency, w.pending, w.past_grace, w.first_halves) for w in sums(world).waited_for()
    ]


def test_a_voided_first_half_leaves_the_second_alone(world: World) -> None:
    world.say("referral.requested", REQUEST, "2025-03-03", agency="county")
    world.say("referral.accepted", {"referral": "r-1"}, "2025-03-04", agency="harbor")
    assert Counts(claimed=1, confirmed=1) == sums(world).total()
    world.void("e1")
    assert Counts(unmatched=1) == sums(world).total()


def test_the_list_shows_identity_times_and_digest_of_both_events(world: World) -> None:
    world.say("referral.requested", REQUEST, "2025-03-03", agency="county")
    world.say("referral.accepted", {"referral": "r-1"}, "2025-03-04", at="2025-03-09", agency="harbor")
    told = only(world).to_json()
    first, second = world.log.events
    assert first.digest.hex() == told["first"][0]["digest"]
    assert second.digest.hex() == told["second"][0]["digest"]
    assert ("//lakeside/records", "e2", "harbor", "2025-03-04T12:00:00Z", "2025-03-09T12:00:00Z") == tuple(
        told["second"][0][name] for name in ("source", "id", "agency", "time", "recorded_at")
    )
    flat = only(world).flat()
    assert (first.digest.hex(), second.digest.hex()) == (flat["first_digest"], flat["second_digest"])


def refer(world: World, number: int, day: str | None, **changes: Any) -> None:
    request = {**REQUEST, "referral": f"r-{number}", **changes}
    world.say("referral.requested", request, day, agency=request["requester"])


def test_the_list_runs_both_ways_oldest_first_in_pages_and_narrows(world: World) -> None:
    refer(world, 1, "2025-04-20")
    refer(world, 2, "2025-03-03", requester="harbor", target="county")
    refer(world, 3, None)
    refer(world, 4, "2025-03-10", target="lakeside")
    world.say("referral.accepted", {"referral": "r-2"}, "2025-03-04", agency="county")
    keys = [item.key for item in listed(world).items]
    assert ["r-2", "r-1", "r-3"] == keys == [item.key for item in listed(world, "harbor", "county").items]
    assert ["r-1"] == [item.key for item in listed(world, limit=1, offset=1).items]
    assert 3 == listed(world, limit=1, offset=1).total
    assert ["r-1", "r-3"] == [item.key for item in listed(world, state="pending").items]
    assert ["r-2"] == [item.key for item in listed(world, state="confirmed").items]
    assert [] == list(listed(world, state="past_grace").items)
    assert ["r-4"] == [item.key for item in listed(world, "county", "lakeside", state="past_grace").items]
    assert ["r-2"] == [item.key for item in listed(world, period="2025-03").items]
    assert [] == list(listed(world, fact="service").items)
    assert Counts(claimed=3, confirmed=1, pending=2) == listed(world, state="confirmed").counts


def test_who_is_waited_for_comes_with_how_much_is_late(world: World) -> None:
    refer(world, 1, "2025-04-20")
    refer(world, 2, "2025-03-03")
    refer(world, 3, "2025-03-10", target="lakeside")
    waited = [(w.agency, w.pending, w.past_grace) for w in sums(world).waited_for()]
    assert [("harbor", 2, 1), ("lakeside", 1, 1)] == waited
    assert Counts(claimed=2, pending=2, pending_past_grace=2) == sums(world, period="2025-03").total()


def test_the_facts_about_one_subject_are_found_by_it(world: World) -> None:
    refer(world, 1, "2025-03-03")
    refer(world, 2, "2025-03-03")
    world.say("commitment.made", PROMISE, "2025-02-01", agency="county")
    for period in ("2025-03", "2025-04"):
        world.say("commitment.evidenced", {**EVIDENCE, "period": period}, "2025-04-20", agency="harbor")
    world.apply()

    def found(subject: str, limit: int = 9) -> tuple[list[str], int]:
        with world.reading() as connection:
            shown, many = about(connection, world.log, subject, as_of=AsOf(us(NOW)), zone=ZONE, limit=limit)
        return [item.key for item in shown], many

    assert (["r-2"], 1) == found("referral/r-2")
    assert (["k-1#2025-04", "k-1#2025-03"], 2) == found("commitment/k-1")
    assert (["k-1#2025-04"], 2) == found("commitment/k-1", 1)
    assert ([], 0) == found("call/c-1") == found("referral/none")


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
def test_every_column_a_declaration_names_is_there(fact: Any) -> None:
    columns = set(table_of(fact.population).c.keys())
    named = {fact.key, fact.about, fact.claimed_by, fact.claimed_at, *fact.others}
    named |= {column for way in (*fact.confirmations, *fact.disputes) for column in (way.agency, way.at)}
    for condition in (fact.claimed, fact.confirmed, fact.disputed, fact.unmatched):
        for _, part in conditions_of(condition, ""):
            named |= {getattr(part, name) for name in ("column", "other") if hasattr(part, name)}
    if fact.quantity is not None:
        quantity = fact.quantity
        named |= {c for c in (quantity.claimed, quantity.confirmed, quantity.unit_column) if c}
    assert set() == named - columns - {loan.column for loan in fact.borrowed}


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
def test_every_type_a_declaration_names_is_in_the_catalogue_with_its_subject(fact: Any) -> None:
    from contracts.catalogue import CATALOGUE

    types = (*fact.first, *(name for way in (*fact.confirmations, *fact.disputes) for name in way.types))
    assert {fact.subject} == {CATALOGUE.newest(name).subject_prefix for name in types}


def test_what_nobody_else_confirms_has_no_confirmed_reading() -> None:
    assert confirmed_condition("calls") is None
    assert all(confirmed_condition(fact.population) is not None for fact in FACTS.values())
    assert set(items().c.keys()) >= {"fact", "key", "claimer", "other", "state"}


def shown(item: Item) -> tuple[list[str], list[str]]:
    """The ids of the events that are shown of each half."""
    return [half.event.id for half in item.halves.first], [half.event.id for half in item.halves.second]


def test_an_answer_that_its_agency_withdrew_is_not_shown(world: World) -> None:
    world.say("referral.requested", REQUEST, "2025-03-03", agency="county")
    for day in ("2025-03-04", "2025-03-05"):
        world.say("referral.accepted", {"referral": "r-1"}, day, agency="harbor")
    assert (["e1"], ["e2"]) == shown(only(world))
    world.void("e2")
    assert ("confirmed", (["e1"], ["e3"])) == (only(world).state, shown(only(world)))


def test_an_answer_that_another_agency_wants_withdrawn_stands(world: World) -> None:
    world.say("referral.requested", REQUEST, "2025-03-03", agency="county")
    world.say("referral.accepted", {"referral": "r-1"}, "2025-03-04", agency="harbor")
    taking = {"supersedes": "e2", "reason": "we never heard of it"}
    world.say("record.voided", taking, "2025-03-05", agency="county", supersedes="e2", subject="referral/r-1")
    assert ("confirmed", (["e1"], ["e2"])) == (only(world).state, shown(only(world)))


def test_the_evidence_of_a_period_is_shown_with_that_period_alone(world: World) -> None:
    world.say("commitment.made", PROMISE, "2025-02-20", agency="county")
    world.say("commitment.evidenced", EVIDENCE, "2025-03-20", agency="harbor")
    world.say("commitment.evidenced", {**EVIDENCE, "period": "2025-04"}, "2025-04-20", agency="harbor")
    assert {"k-1#2025-03": (["e2"], []), "k-1#2025-04": (["e3"], [])} == {
        item.key: shown(item) for item in listed(world).items
    }
