"""The pages and the interface of reviews: then beside now, exactly why, and a mark where the number is read."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update

from contracts.canonical import canonical_bytes
from contracts.faults import Fault
from ops.composition import House
from ops.http.app import create_app
from ops.reviewing import Reviews, decide
from projections.reviews.kept import SNAPSHOTS
from tests.pages.browsing import Browser
from tests.pages.reading_html import Node, parse
from tests.pages.reviewed_house import reviewed
from tests.pages.test_pages import flaws

ADDRESSES = (
    "/reviews",
    "/reviews/q1",
    "/reviews/q1?kpi=K06",
    "/reviews/odd",
    "/reviews/q2",
    "/reviews/q1/K06/1/2025-01/all",
    "/kpi/K06",
    "/cell/K06/1/2025-01/all",
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with reviewed(tmp_path_factory.mktemp("reviewed") / "home") as opened:
        yield opened


@pytest.fixture(scope="module")
def client(house: House) -> Iterator[Browser]:
    with Browser(create_app(house)) as opened:
        yield opened


def page(client: Browser, address: str) -> Node:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.text[:400])
    return parse(answer.text)


def data(client: Browser, address: str) -> Any:
    answer = client.get(address, {"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_has_landmarks_headings_in_order_and_labels(client: Browser, address: str) -> None:
    assert flaws(page(client, address)) == []


def test_the_list_says_what_matches_and_how_much_was_restated(client: Browser) -> None:
    rows = {row.all("th")[0].text(): row.text() for row in page(client, "/reviews").all("tr")[1:]}
    assert "Not held yet" in rows["q2"]
    assert "31 May 2025" in rows["q2"]
    assert "Matches" in rows["q1"]
    assert "Does not match" in rows["odd"]
    told = {row["review"]: (row["matches"], row["restatements"]) for row in data(client, "/v1/reviews")["reviews"]}
    assert {"q1": (True, 3), "odd": (False, 3), "q2": (None, None)} == told


def test_the_review_shows_then_beside_now_and_what_was_decided_since(client: Browser) -> None:
    shown = page(client, "/reviews/q1")
    (line,) = [row.text() for row in shown.all("tr") if "Jan 2025" in row.text() and "80%" in row.text()][:1]
    assert "60%" in line
    assert "Decided since" in [node.text() for node in shown.all("h2")]
    (decided,) = [item.text() for item in shown.all("li") if "target set" in item.text()]
    assert "event" in decided


def test_a_restated_number_lists_exactly_its_events_and_who_was_late(client: Browser) -> None:
    told = data(client, "/v1/restatements?review=q1&kpi=K06&period=2025-01&group=all")
    (one,) = told["restatements"]
    assert (80, 60) == (one["old"]["value"], one["new"]["value"])
    assert [("c-10", "late", 54), ("v-1", "since", None)] == [
        (event["id"], event["timing"], event["days_late"]) for event in one["events"]
    ]
    assert {"county": 54} == one["late"]
    shown = page(client, "/reviews/q1/K06/1/2025-01/all")
    assert [str(event["log_index"]) for event in one["events"]] == [
        row.all("th")[0].text() for row in shown.all("tr")[1:]
    ]
    assert "Reported 54 days later" in shown.text()
    assert "Happened since the review" in shown.text()


def test_the_csv_of_restatements_says_the_same(client: Browser) -> None:
    answer = client.get("/v1/restatements.csv?review=q1&period=2025-01&group=all")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert ("80", "60", '{"county":54}') == (row["old_value"], row["new_value"], row["late"])


def test_anyone_can_take_the_digest_of_the_frozen_cells(client: Browser) -> None:
    told = data(client, "/v1/reviews/q1")
    assert told["matches"] is True
    digest = hashlib.sha256(canonical_bytes(told["cells"])).hexdigest()
    assert digest == told["cells_sha256"] == told["computed_sha256"]
    assert len(told["cells"]) == told["stated_cells"]


def test_a_review_of_another_digest_is_shown_and_said_not_to_match(client: Browser) -> None:
    (alarm,) = page(client, "/reviews/odd").all("p", "alarm")
    assert "Does not match" in alarm.text()
    assert "0" * 64 in alarm.text()


@pytest.mark.parametrize("address", ["/kpi/K06", "/cell/K06/1/2025-01/all"])
def test_the_number_itself_is_marked_as_restated(client: Browser, address: str) -> None:
    marks = [node.text() for node in page(client, address).all("div", "notice")]
    assert len(marks) == 1
    assert "80%" in marks[0]
    assert "60%" in marks[0]
    assert "2 events" in marks[0]


def test_a_number_that_was_not_restated_is_not_marked(client: Browser) -> None:
    assert not page(client, "/cell/K06/1/2025-03/all").all("div", "notice")


def test_an_earlier_reading_knows_no_later_review(client: Browser) -> None:
    assert [] == data(client, "/v1/reviews?as_of=10")["reviews"]
    assert client.get("/reviews/q1?as_of=10").status_code == 404
    early = data(client, "/v1/reviews?as_of=2025-02-21T00:00:00Z")["reviews"]
    assert {"q1": 0, "odd": 0} == {row["review"]: row["restatements"] for row in early if row["matches"] is not None}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/reviews/none", 404),
        ("/reviews/q1?kpi=K99", 404),
        ("/reviews/q1?offset=x", 400),
        ("/reviews/q1?as_of=soon", 400),
        ("/reviews/q1/K06/1/2025-02/all", 404),
        ("/reviews/q1/K06/x/2025-01/all", 404),
        ("/reviews/q1/K06/1/nonsense/all", 404),
        ("/reviews/q2/K06/1/2025-01/all", 404),
        ("/v1/reviews/none", 404),
        ("/v1/restatements?review=none", 404),
        ("/v1/restatements?review=q2", 404),
        ("/v1/reviews?as_of=0", 400),
    ],
)
def test_bad_input_is_told_as_such(client: Browser, address: str, status: int) -> None:
    assert status == client.get(address).status_code


def test_a_snapshot_is_kept_survives_a_rebuild_and_is_not_believed_when_damaged(house: House) -> None:
    desk = Reviews(house)
    held = desk.one("q1", house.as_of())
    house.rebuild()
    with house.store.read() as connection:
        assert connection.execute(SNAPSHOTS.select()).first() is not None
    assert held.sha256 == desk.snapshot(held).sha256
    with house.store.write() as connection:
        connection.execute(update(SNAPSHOTS).values(cells=b"no zlib"))
    assert held.sha256 == Reviews(house).snapshot(held).sha256


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("review.held", {"plan": "care", "as_of": 10**6}, "review_ahead_of_ledger"),
        ("review.held", {"plan": "care", "as_of": 1}, "review_already_held"),
        ("review.held", {"plan": "none", "as_of": 1}, "plan_not_adopted"),
        ("review.scheduled", {"plan": "care", "due": "2025-05-31"}, "review_already_held"),
    ],
)
def test_the_ledger_refuses_a_review_that_breaks_a_rule(
    house: House, name: str, data: dict[str, Any], code: str
) -> None:
    more = {"cells_sha256": "0" * 64, "cells": 0} if name == "review.held" else {}
    review = "other" if code in ("review_ahead_of_ledger", "plan_not_adopted") else "odd"
    house.record([])
    with pytest.raises(Fault) as told:
        decide(house, name, review, "crisis", {**data, **more})
    assert code == told.value.problem.code
