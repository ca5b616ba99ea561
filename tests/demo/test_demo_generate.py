"""The demonstration is a pure function of its seed, and every defect it promises is in it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import orjson
import pytest

from contracts.intake import validate
from contracts.moments import local_day, parse_us
from contracts.recorded import Accepted, Rejected
from ops.demo import cast, events
from ops.demo.mishaps import WRONGS

SCALE = 0.12

Arrivals = list[tuple[int, bytes]]


@pytest.fixture(scope="module")
def arrivals() -> Arrivals:
    return list(events(7, scale=SCALE))


@pytest.fixture(scope="module")
def accepted(arrivals: Arrivals) -> list[tuple[int, Accepted]]:
    verdicts = [(arrival_us, validate(body)) for arrival_us, body in arrivals]
    return [(arrival_us, verdict) for arrival_us, verdict in verdicts if isinstance(verdict, Accepted)]


@pytest.fixture(scope="module")
def rejected(arrivals: Arrivals) -> list[Rejected]:
    return [verdict for _, body in arrivals if isinstance(verdict := validate(body), Rejected)]


def test_the_same_seed_gives_the_same_bytes_in_the_same_order(arrivals: Arrivals) -> None:
    assert arrivals == list(events(7, scale=SCALE))


def test_another_seed_gives_other_bytes(arrivals: Arrivals) -> None:
    # The negative control of the law above: the comparison can tell two streams apart.
    assert arrivals != list(events(8, scale=SCALE))


def test_at_the_usual_scale_there_are_at_least_100_000_good_events() -> None:
    bodies = {body for _, body in events(7)}
    assert 100_000 < len(bodies) < 130_000


def test_arrivals_are_in_order_and_within_the_period(arrivals: Arrivals) -> None:
    moments = [arrival_us for arrival_us, _ in arrivals]
    assert sorted(moments) == moments
    assert moments[0] >= cast.START_US
    assert moments[-1] < cast.END_US


def test_no_report_arrives_before_what_it_tells_happened(accepted: list[tuple[int, Accepted]]) -> None:
    # But for the contradictions and corrections, which move the minutes of a time within its hour.
    early = [event for arrival_us, event in accepted if event.time_us is not None and arrival_us < event.time_us]
    assert all(event.time_us - arrival_us < cast.HOUR_US for arrival_us, event in accepted if event.time_us)
    assert len(early) < len(accepted) / 200


def test_six_agencies_speak_and_join(accepted: list[tuple[int, Accepted]]) -> None:
    agencies = {voice.agency for voice in cast.AGENCIES}
    assert len(agencies) == 6
    assert agencies | {cast.SECRETARIAT.agency} == {event.agency for _, event in accepted}
    assert agencies == {event.data["agency"] for _, event in accepted if event.type == "agency.joined"}


def test_ids_are_uuids_of_version_7_in_order_of_their_moments(accepted: list[tuple[int, Accepted]]) -> None:
    told = [event for _, event in accepted if event.supersedes is None and event.time_us is not None]
    for event in told:
        assert (event.id[14], event.id[19] in "89ab") == ("7", True)
    milliseconds = [(int(event.id.replace("-", "")[:12], 16), event.time_us) for event in told]
    same = sum(abs(stamped * 1000 - (time_us or 0)) < cast.HOUR_US for stamped, time_us in milliseconds)
    assert same == len(told)


def test_reports_are_late_by_up_to_90_days_and_out_of_order(accepted: list[tuple[int, Accepted]]) -> None:
    lags = [(arrival_us - event.time_us) / cast.DAY_US for arrival_us, event in accepted if event.time_us is not None]
    assert 60 < max(lags) < 100
    assert 0.01 < sum(lag > 10 for lag in lags) / len(lags) < 0.15
    assert 0.5 < sum(lag < 1 for lag in lags) / len(lags) < 0.95
    times = [event.time_us for _, event in accepted if event.time_us is not None]
    assert sum(later < sooner for sooner, later in pairwise(times)) / len(times) > 0.1


def test_reports_are_repeated_and_contradicted_under_one_identity(accepted: list[tuple[int, Accepted]]) -> None:
    digests: dict[tuple[str, str], Counter[bytes]] = {}
    for _, event in accepted:
        digests.setdefault((event.source, event.id), Counter())[event.digest] += 1
    assert sum(max(seen.values()) > 1 for seen in digests.values()) > 20
    assert sum(len(seen) > 1 for seen in digests.values()) > 3


def test_every_way_of_being_wrong_is_refused_with_a_code_of_its_own(rejected: list[Rejected]) -> None:
    codes = {found.problem.code for found in rejected}
    assert {
        "attribute_invalid",
        "data_invalid",
        "duplicate_key",
        "field_missing",
        "field_unknown",
        "not_json",
        "subject_mismatch",
        "time_missing",
        "type_unknown",
    } == codes
    assert len(WRONGS) >= 9


def test_most_refused_reports_are_put_right_and_sent_again(
    rejected: list[Rejected], accepted: list[tuple[int, Accepted]]
) -> None:
    refused = {(found.source, found.id) for found in rejected if found.id is not None}
    known = {(event.source, event.id) for _, event in accepted}
    assert 0.5 < len(refused & known) / len(refused) < 1


def test_there_are_voids_corrections_and_replacements(accepted: list[tuple[int, Accepted]]) -> None:
    kinds = Counter(event.type for _, event in accepted)
    replaced = sum(event.supersedes is not None and not event.type.startswith("record.") for _, event in accepted)
    assert kinds["record.voided"] > 5
    assert kinds["record.corrected"] > 1
    assert replaced > 5
    seen: set[tuple[str, str]] = set()
    early = 0
    for _, event in accepted:
        if event.supersedes is not None and (event.source, event.supersedes) not in seen:
            early += 1
        seen.add((event.source, event.id))
    assert early > 0


def test_two_agencies_disagree_about_the_same_call(accepted: list[tuple[int, Accepted]]) -> None:
    closed: dict[str, dict[str, str]] = {}
    for _, event in accepted:
        if event.type == "encounter.closed":
            closed.setdefault(event.subject, {})[event.agency] = event.data["disposition"]
    assert sum(len(said) > 1 and len(set(said.values())) > 1 for said in closed.values()) > 0
    denied = [event for _, event in accepted if event.type == "referral.outcome_confirmed" and not event.data["agrees"]]
    assert denied


def test_one_agency_goes_silent_and_stays_so(accepted: list[tuple[int, Accepted]]) -> None:
    def reported(agency: str) -> str:
        return local_day(max(arrival for arrival, event in accepted if event.agency == agency), cast.ZONE)

    assert "2025-05" < reported(cast.SILENT_AGENCY) <= cast.SILENT_FROM.isoformat()
    assert all(reported(v.agency) > "2025-12" for v in cast.AGENCIES if v.agency != cast.SILENT_AGENCY)


def test_the_nonprofit_tells_no_more_than_three_fields(accepted: list[tuple[int, Accepted]]) -> None:
    told = [event for _, event in accepted if event.agency == "open-door" and event.type.startswith("referral.")]
    assert {"referral.accepted", "referral.completed"} == {event.type for event in told}
    assert all({"referral", "outcome"} >= set(event.data) for event in told)


def _shares(accepted: list[tuple[int, Accepted]], type_name: str, field: str) -> dict[Any, float]:
    values = Counter(event.data[field] for _, event in accepted if event.type == type_name)
    return {value: n / values.total() for value, n in values.items()}


def test_rates_are_near_the_published_ones(accepted: list[tuple[int, Accepted]]) -> None:
    crisis = [(a, e) for a, e in accepted if e.agency == "larkmoor-crisis"]
    dispositions = _shares(crisis, "encounter.closed", "disposition")
    assert 0.72 < dispositions["remained_in_community"] < 0.84
    assert 0.10 < dispositions["emergency_department"] < 0.18
    asked = {e.subject: e.time_us for _, e in accepted if e.type == "call.received"}
    waits = sorted(
        (e.time_us - asked[e.subject]) / cast.MINUTE_US
        for _, e in crisis
        if e.type == "response.arrived" and e.time_us is not None and asked.get(e.subject) is not None
    )
    assert 26 < waits[len(waits) // 2] < 34


def test_calls_have_a_season_and_arrivals_get_faster(accepted: list[tuple[int, Accepted]]) -> None:
    months = Counter(
        local_day(event.time_us, cast.ZONE)[5:7]
        for _, event in accepted
        if event.type == "call.received" and event.time_us is not None
    )
    assert months["07"] > 1.1 * months["01"]


def test_no_event_names_a_person(arrivals: Arrivals) -> None:
    persons = {
        event["data"].get("person", "tok-none")
        for _, body in arrivals
        if b'"person"' in body and body.endswith(b"}") and isinstance(event := _loaded(body), dict)
    }
    assert persons
    assert all(person.startswith("tok-") for person in persons)


def _loaded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def test_the_period_is_three_whole_local_years() -> None:
    assert (
        local_day(cast.START_US, cast.ZONE),
        local_day(cast.END_US - 1, cast.ZONE),
    ) == ("2023-01-01", "2025-12-31")
    assert parse_us(cast.AS_OF) == cast.END_US
    assert local_day(cast.END_US, cast.ZONE) == "2026-01-01"
