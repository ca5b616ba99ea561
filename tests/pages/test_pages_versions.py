"""Two versions of a KPI side by side: the page says what each gives, what moved and why; programs read the same."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest

from ops.composition import House, open_house
from ops.http.app import create_app
from ops.settings import Settings
from tests.pages.browsing import Browser

ARREST = {"op": "eq", "column": "disposition", "value": "arrest"}
MARCH = "/kpi/K06/compare?versions=1,2&period=2025-03"


def decided(number: int, type_: str, **data: Any) -> dict[str, Any]:
    return wire(f"d-{number}", type_, "plan/p1", f"2025-01-0{number}T09:00:00Z", {"plan": "p1", **data})


def wire(ident: str, type_: str, subject: str, time: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": ident,
        "source": "urn:test:versions",
        "type": f"org.tallystick.{type_}.v1",
        "subject": subject,
        "agency": "county",
        "time": time,
        "data": data,
    }


def closed(call: str, disposition: str) -> dict[str, Any]:
    data = {"call": call, "disposition": disposition}
    return wire(f"closed-{call}", "encounter.closed", f"call/{call}", "2025-03-05T18:00:00Z", data)


def definition(version: int, **parts: Any) -> dict[str, Any]:
    text = (resources.files("projections.kpi") / "library" / "K06.json").read_text(encoding="utf-8")
    return {**json.loads(text), "version": version, **parts}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """K06 in two versions, of which the second leaves arrests out, and K09 in one; March holds an arrest of three."""
    kept = {"objective": "o1", "effective_from": "2025-01-01"}
    without = definition(2, exclude=[{"reason": "arrested", "when": ARREST}])
    k09 = json.loads((resources.files("projections.kpi") / "library" / "K09.json").read_text(encoding="utf-8"))
    events = [
        decided(1, "plan.adopted", version=1, period={"from": "2025-01-01", "to": "2027-12-31"}),
        decided(2, "goal.set", goal="g1", statement="Care first"),
        decided(3, "objective.set", goal="g1", objective="o1", statement="On the spot"),
        decided(4, "kpi.defined", kpi="K06", version=1, definition=definition(1), **kept),
        decided(5, "kpi.defined", kpi="K09", version=1, definition=k09, **kept),
        decided(6, "kpi.defined", kpi="K06", version=2, definition=without, **kept | {"effective_from": "2025-07-01"}),
        closed("c-1", "remained_in_community"),
        closed("c-2", "arrest"),
        closed("c-3", "respite"),
    ]
    settings = Settings(home=tmp_path_factory.mktemp("versions"), zone="America/Los_Angeles")
    with open_house(settings=settings, clock=lambda: 1_760_000_000_000_000) as opened:  # October 2025
        opened.record([json.dumps(event).encode() for event in events])
        opened.catch_up()
        yield opened


@pytest.fixture(scope="module")
def client(house: House) -> Iterator[Browser]:
    with Browser(create_app(house)) as opened:
        yield opened


def plain(client: Browser, address: str) -> str:
    """A page's text without its tags and line breaks."""
    found = client.get(address)
    assert found.status_code == 200, found.text
    text = found.text.partition("<main")[2]
    out, inside = [], False
    for character in text:
        if character == "<":
            inside = True
        elif character == ">":
            inside = False
            out.append(" ")
        elif not inside:
            out.append(character)
    return " ".join("".join(out).split())


def test_the_page_gives_both_values_and_what_moved(client: Browser) -> None:
    page = plain(client, MARCH)
    assert "Value 33.3% by version 1, how it was counted 50.0% by version 2, how it was counted +16.7" in page
    assert "Counted 3 2 −1" in page
    assert "Left out: arrested 0 1 +1" in page
    assert "Left out as “arrested” if the person was arrested." in page
    assert "Counted, and did not meet the condition Left out: arrested 1" in page
    assert "Together they make up the difference: 0 met the condition, −1 counted." in page
    assert "c-2" in page
    assert "c-1" not in page


def test_the_records_events_can_be_opened(client: Browser) -> None:
    assert '<a href="/events/8">Encounter closed' in client.get(MARCH).text
    assert client.get("/events/8").status_code == 200


def test_the_kpis_page_leads_to_its_versions_where_there_are_two(client: Browser) -> None:
    assert 'href="/kpi/K06/compare?versions=1%2C2&amp;period=' in client.get("/kpi/K06").text
    assert "compare" not in client.get("/kpi/K09").text


def test_without_versions_the_two_newest_are_compared(client: Browser) -> None:
    assert "Version 1 Version 2 Difference" in plain(client, "/kpi/K06/compare?period=2025-03")
    same = plain(client, "/kpi/K06/compare?before=2&after=2&period=2025-03")
    assert "No record counts differently in this period." in same
    assert "In words, both say the same." in same


def test_one_kind_of_move_can_be_listed(client: Browser) -> None:
    move = "denominator%3Eexcluded%3Aarrested"
    assert "Only one kind of move is listed." in plain(client, f"{MARCH}&move={move}")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/kpi/K09/compare", 400),
        ("/kpi/K06/compare?versions=1", 400),
        ("/kpi/K06/compare?versions=1,9", 404),
        ("/kpi/K99/compare", 404),
        (f"{MARCH}&group=agency:nobody", 404),
        ("/kpi/K06/compare?versions=1,2&period=March", 400),
    ],
)
def test_what_cannot_be_compared_is_a_friendly_page(client: Browser, address: str, status: int) -> None:
    found = client.get(address)
    assert (status, True) == (found.status_code, "<main" in found.text)


def test_as_of_reads_the_versions_as_they_were_known(client: Browser) -> None:
    assert client.get(f"{MARCH}&as_of=5").status_code == 404
    page = plain(client, f"{MARCH}&as_of=8")
    # The third encounter was not known yet: 1 of 2 by version 1, 1 of 1 by version 2.
    assert "Value 50.0% by version 1, how it was counted 100.0% by version 2" in page


def test_the_interface_gives_the_same_as_json_and_csv(client: Browser) -> None:
    told = client.get("/v1/kpis/K06/compare.json?versions=1,2&period=2025-03").json()
    assert (33.3, 50, True) == (told["before"]["value"], told["after"]["value"], told["adds_up"])
    assert {"rows": 1, "numerator": 0, "denominator": -1}.items() <= told["moves"][0].items()
    assert ["Left out as “arrested” if the person was arrested."] == told["sentences"]["only_after"]
    rows = list(csv.DictReader(io.StringIO(client.get("/v1/kpis/K06/compare.csv?versions=1,2&period=2025-03").text)))
    assert [("c-2", "denominator", "excluded: arrested", "[8]")] == [
        (row["key"], row["from"], row["to"], row["events"]) for row in rows
    ]
    assert client.get("/v1/kpis/K06/compare?versions=1;2", {"accept": "application/json"}).status_code == 400


def test_a_kpi_can_be_read_as_confirmed_beside_as_claimed(house: House, client: Browser) -> None:
    asked = {"requester": "county", "target": "harbor", "need": "housing"}
    events = [
        wire(f"r-{n}", "referral.requested", f"referral/r-{n}", "2025-09-05T18:00:00Z", {"referral": f"r-{n}", **asked})
        for n in (1, 2)
    ]
    accepted = wire("r-1a", "referral.accepted", "referral/r-1", "2025-09-06T18:00:00Z", {"referral": "r-1"})
    house.record([json.dumps(event).encode() for event in [*events, accepted | {"agency": "harbor"}]])
    house.catch_up()
    page = plain(client, "/kpi/K17")
    # The second one has lapsed by claim; that it ever reached harbor is not confirmed.
    assert "September 2025 50.0% , how Referral acceptance for September 2025 was counted 1 of 2 100.0% 1 of 1" in page
    assert "As claimed and as confirmed" not in plain(client, "/kpi/K06")
    for basis, of in (("claimed", 2), ("confirmed", 1)):
        told = client.get(f"/v1/kpis/K17.json?period=2025-09&group=all&basis={basis}").json()
        assert (basis, of) == (told["basis"], told["cells"][0]["denominator"])
    assert 400 == client.get("/v1/kpis/K17.json?basis=hoped").status_code
    assert 400 == client.get("/v1/kpis/K06.json?basis=confirmed").status_code
