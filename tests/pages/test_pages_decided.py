"""Decisions on the pages: what moved is told where the number is read, and nothing is said to be gone that counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from ops.composition import open_house
from ops.http.app import create_app
from ops.settings import load_settings
from tests.pages.browsing import Browser
from tests.pages.conftest import NASTY, event
from tests.pages.reading_html import Node, parse

PLAN = {"plan": "p1"}
NOW_US = 1_767_225_600_000_000


def decision(type_: str, ident: str, data: dict[str, Any]) -> bytes:
    return event(type_, "plan/p1", "county", ident, {**PLAN, **data})


def target(ident: str, value: float) -> bytes:
    return decision("target.set", ident, {"kpi": "K06", "targets": [{"period": "2025", "value": value}]})


def events() -> list[bytes]:
    body = json.loads((resources.files("projections.kpi") / "library" / "K06.json").read_text(encoding="utf-8"))
    defined = {"objective": "o1", "kpi": "K06", "version": 1, "definition": body, "effective_from": "2025-01-01"}
    return [
        event("encounter.closed", "call/c1", "county", "s-1", {"call": "c1", "disposition": "remained_in_community"}),
        decision("plan.adopted", "d-1", {"version": 1, "period": {"from": "2025-01-01", "to": "2027-12-31"}}),
        decision("goal.set", "d-2", {"goal": "g1", "statement": "x"}),
        decision("objective.set", "d-3", {"goal": "g1", "objective": "o1", "statement": "x"}),
        decision("kpi.defined", "d-4", {**defined, "owner": "county"}),
        target("d-5", 70),
        event("record.voided", "call/c1", "county", "s-2", {"supersedes": "s-1", "reason": "entered twice"}),
        event("record.voided", "plan/p1", "county", "s-3", {"supersedes": "d-5", "reason": "we wish it were gone"}),
        target("d-6", 0),
        decision("definition.disputed", "d-7", {"kpi": "K06", "by": "sheriff", "reason": NASTY}),
    ]


STATED, FIRST_TARGET, VOID, VOID_OF_TARGET, SECOND_TARGET, DISPUTE = 1, 6, 7, 8, 9, 10


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    home: Path = tmp_path_factory.mktemp("decided") / "home"
    with open_house(settings=load_settings(home), clock=lambda: NOW_US) as house:
        outcomes = house.record_batch(events())
        assert {outcome.status for outcome in outcomes} == {"recorded"}
        house.catch_up()
        with Browser(create_app(house)) as opened:
            yield opened


def page(client: Browser, address: str) -> Node:
    return parse(client.get(address).text)


def section(found: Node, heading: str) -> Node:
    (inside,) = [n for n in found.all("section") if n.attributes.get("aria-labelledby") == heading]
    return inside


def test_a_target_that_moved_is_told_on_the_page_of_its_kpi_with_a_link_to_the_decision(client: Browser) -> None:
    changes = section(page(client, "/kpi/K06"), "changes")
    rows = changes.all("tr")[1:]
    assert [row.all("a")[0].attributes["href"] for row in rows] == ["/events/9", "/events/6", "/events/5"]
    assert "Target, 2025: 70% → changed to 0%" in rows[0].text()
    assert "Target, 2025: none → changed to 70%" in rows[1].text()
    assert "Owner: none → changed to county" in rows[2].text()


def test_before_the_target_moved_the_page_tells_only_the_first(client: Browser) -> None:
    changes = section(page(client, f"/kpi/K06?as_of={FIRST_TARGET}"), "changes")
    assert len(changes.all("tr")) == 3
    assert "0%" in changes.text()
    assert "changed to 0%" not in changes.text()


def test_a_kpi_nobody_decided_about_says_so(client: Browser) -> None:
    assert "No decision has set a target" in section(page(client, "/kpi/K05"), "changes").text()


def test_a_disputed_definition_is_marked_on_the_scorecard_and_told_on_its_page(client: Browser) -> None:
    (flag,) = page(client, "/").having("flag")
    assert (flag.text(), flag.attributes["href"]) == ("Disputed", "/kpi/K06")
    (notice,) = page(client, "/kpi/K06").having("dispute")
    assert "Disputed by sheriff, version 1" in notice.text()
    assert NASTY in notice.text()
    assert [a.attributes["href"] for a in notice.all("a")] == [f"/events/{DISPUTE}"]


def test_before_the_dispute_nothing_is_disputed(client: Browser) -> None:
    assert not page(client, f"/?as_of={SECOND_TARGET}").having("flag")
    assert not page(client, f"/kpi/K06?as_of={SECOND_TARGET}").having("dispute")


def test_the_interface_tells_the_same_changes_and_disputes(client: Browser) -> None:
    for address in ("/v1/kpis/K06", "/v1/cells/K06/1/2025/all"):
        told = client.get(address).json()
        assert [change["log_index"] for change in told["changes"]] == [5, 6, 9]
        assert told["changes"][2]["differences"] == [{"what": "target", "period": "2025", "old": 70, "new": 0}]
        (dispute,) = told["disputes"]
        assert (dispute["by"], dispute["version"], dispute["log_index"]) == ("sheriff", 1, DISPUTE)
        then = client.get(f"{address}?as_of={FIRST_TARGET}").json()
        assert [change["log_index"] for change in then["changes"]] == [5, 6]
        assert then["disputes"] == []


# A decision is never withdrawn


def test_no_page_says_that_a_decision_is_withdrawn(client: Browser) -> None:
    for address in (f"/events/{FIRST_TARGET}", f"/events/{VOID_OF_TARGET}", "/subjects/plan/p1"):
        said = page(client, address).text()
        assert "counts for nothing" not in said, address
    assert "still counts" in page(client, f"/events/{FIRST_TARGET}").text()
    assert "still counts" in page(client, f"/events/{VOID_OF_TARGET}").text()


def test_control_a_withdrawn_statement_is_said_to_count_for_nothing(client: Browser) -> None:
    assert "withdrawn by event 7" in page(client, f"/events/{STATED}").text()
    assert "counts for nothing" in page(client, "/subjects/call/c1").text()


# As of


def test_an_event_is_told_as_it_was_known_then(client: Browser) -> None:
    then = page(client, f"/events/{STATED}?as_of={FIRST_TARGET}")
    assert "withdrawn" not in then.text()
    assert [a.attributes["href"] for a in then.all("a") if "Event 2" in a.text()] == ["/events/2?as_of=6"]


@pytest.mark.parametrize("address", [f"/events/{VOID}", f"/v1/events/{VOID}"])
def test_an_event_after_the_moment_of_reading_is_not_found(client: Browser, address: str) -> None:
    assert client.get(f"{address}?as_of={VOID}").status_code == 200
    assert client.get(f"{address}?as_of={FIRST_TARGET}").status_code == 404
    assert client.get(f"{address}?as_of=2020-01-01T00:00:00Z").status_code == 404


def test_definitions_are_those_of_then(client: Browser) -> None:
    def owner(as_of: int) -> Any:
        (told,) = client.get(f"/v1/kpis/K06?as_of={as_of}").json()["definitions"]
        (listed,) = [k for k in client.get(f"/v1/kpis?as_of={as_of}").json()["kpis"] if k["kpi"] == "K06"]
        assert listed == told
        return told["owner"]

    assert owner(STATED) is None
    assert owner(FIRST_TARGET) == "county"
