"""The pages of obligations: every number opens to its list, and whoever reads them is told what does not count."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.composition import open_house
from ops.http.app import create_app
from ops.settings import load_settings
from projections.obligations import STATES
from tests.pages.browsing import Browser
from tests.pages.conftest import NASTY, event
from tests.pages.reading_html import Node, parse

ZONE = "America/Chicago"
NOW = "2026-01-01T06:00:00Z"
SIGNED = {
    "agreement": "pact",
    "kind": "mou",
    "parties": ["county", "nasty"],
    "effective": "2025-01-01",
    "terms": {"answer_within": {"limit": 2, "unit": "business_days"}},
}
MADE = {
    "commitment": "beds",
    "agreement": "pact",
    "clause": "1",
    "obligor": "nasty",
    "obligee": "county",
    "deliverable": "Beds <b>kept free</b>",
    "due": "2025-12-24",
}
EVENTS = (
    event("agency.joined", "agency/nasty", "nasty", "o-1", {"agency": "nasty", "name": NASTY, "sector": "housing"}),
    event("agreement.signed", "agreement/pact", "county", "o-2", SIGNED),
    event("commitment.made", "commitment/beds", "county", "o-3", MADE),
    event(
        "referral.requested",
        "referral/r-1",
        "county",
        "o-4",
        {"referral": "r-1", "requester": "county", "target": "nasty", "need": "peer_support"},
        time="2025-12-23T09:00:00-06:00",
    ),
    event(
        "commitment.waived",
        "commitment/beds",
        "nasty",
        "o-5",
        {"commitment": "beds", "reason": "no <i>staff</i>"},
        time="2025-12-26T09:00:00-06:00",
    ),
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser on a partnership of two, one of which owes two things."""
    home: Path = tmp_path_factory.mktemp("owing")
    with open_house(settings=load_settings(home, zone=ZONE, as_of=NOW), clock=lambda: 1_767_247_200_000_000) as house:
        tally = house.record(EVENTS).to_json()
        assert (len(EVENTS), 0) == (tally["recorded"], tally["rejected"]), json.dumps(tally)
        house.catch_up()
        with Browser(create_app(house)) as opened:
            yield opened


def rows(page: Node) -> list[str]:
    """The lines of the list at the end of a page."""
    table = page.all("table")[-1]
    return [row.text() for row in table.all("tbody")[0].all("tr")]


def listed(page: Node) -> int:
    """How many obligations a page says its list holds."""
    caption = page.all("table")[-1].all("caption")[0].text()
    found = re.search(r"(?:of )?([\d,]+)(?: obligations?)?: what", caption)
    assert found, caption
    return int(found[1].replace(",", ""))


def test_a_breach_is_shown_with_who_when_and_for_how_long(small: Browser) -> None:
    lines = rows(parse(small.get("/obligations").text))
    # Two business days from Tuesday the 23rd end with Christmas Day, for nobody has set a calendar.
    assert f"Answer the referral for peer support {NASTY} county 25 December 2025 Overdue by 6 days" in lines[0]
    assert f"Beds <b>kept free</b> {NASTY} county 24 December 2025 Overdue by 7 days" in lines[1]


def test_a_waiver_by_the_one_who_owes_is_shown_and_does_not_count(small: Browser) -> None:
    (line,) = [line for line in rows(parse(small.get("/obligations").text)) if "Beds" in line]
    assert f"Waiver claimed by {NASTY}, which does not count" in line
    assert line.count("Overdue") == 1


def test_an_agency_sees_both_sides(small: Browser) -> None:
    county, nasty = (parse(small.get(f"/obligations/{name}").text) for name in ("county", "nasty"))
    assert ["What it owes", "What it is owed"] == [h.text() for h in county.all("h2")]
    assert 2 == len(rows(county)) == len(rows(nasty))
    assert "Nothing" in county.all("section")[0].text()
    assert "Nothing by name" in nasty.all("section")[1].text()


def test_an_agency_nobody_knows_owes_nothing(small: Browser) -> None:
    answer = small.get("/obligations/stranger")
    assert answer.status_code == 200
    assert not parse(answer.text).all("table")


@pytest.mark.parametrize(
    "query", ["state=lost", "kind=favour", "age=5", "since=2025-02-30", "offset=-1", "as_of=2999-01-01"]
)
def test_a_filter_that_means_nothing_is_answered_with_a_page(small: Browser, query: str) -> None:
    answer = small.get(f"/obligations?{query}")
    assert answer.status_code in (400, 422)
    assert parse(answer.text).all("h1")


def test_every_number_of_the_matrix_opens_to_a_list_of_so_many(client: Browser) -> None:
    page = parse(client.get("/obligations").text)
    links = page.all("table", "matrix")[0].all("tbody")[0].all("a")
    numbers = [a for a in links if a.text().rpartition(" ")[2] in STATES]
    assert len(numbers) > 15
    for a in numbers:
        n = int(a.text().split()[0].replace(",", ""))
        assert n == listed(parse(client.get(a.attributes["href"]).text)), a.attributes["href"]


def test_tiles_ages_and_matrix_are_one_count(client: Browser) -> None:
    page = parse(client.get("/obligations").text)
    tiles = {t.text().split()[1].lower(): int(t.text().split()[0]) for t in page.all("ul", "tally")[0].all("li")}
    assert set(STATES) == set(tiles)
    counted = dict.fromkeys(STATES, 0)
    for a in page.all("table", "matrix")[0].all("tbody")[0].all("a"):
        found = re.match(r"([\d,]+) (\w+)$", a.text())
        if found and found[2] in counted:
            counted[found[2]] += int(found[1].replace(",", ""))
    assert tiles == counted
    ages = next(t for t in page.all("table") if "Days overdue" in t.text())
    opened = [int(a.text().split()[0].replace(",", "")) for a in ages.all("a")]
    assert tiles["overdue"] == sum(opened)
    for a, n in zip(ages.all("a"), opened, strict=True):
        assert n == listed(parse(client.get(a.attributes["href"]).text))


def test_control_a_number_that_opens_to_another_list_is_noticed(client: Browser) -> None:
    page = parse(client.get("/obligations").text)
    a = next(a for a in page.all("table", "matrix")[0].all("a") if "overdue" in a.text())
    wrong = a.attributes["href"].replace("state=overdue", "state=met")
    assert a.text() != f"{listed(parse(client.get(wrong).text))} overdue"


def test_turning_the_pages_lists_every_obligation_once(client: Browser) -> None:
    address: str | None = "/obligations?state=met&kind=report"
    found: list[str] = []
    while address is not None:
        page = parse(client.get(address).text)
        found += [row + str(len(found)) for row in rows(page)]
        total = listed(page)
        following = [a.attributes["href"] for a in page.all("a") if a.attributes.get("rel") == "next"]
        address = following[0] if following else None
    assert total == len(found) > 50


def test_a_reading_of_the_past_keeps_to_it(client: Browser) -> None:
    page = parse(client.get("/obligations?as_of=2024-06-30").text)
    links = [a.attributes["href"] for a in page.all("table")[0].all("a")]
    assert links
    assert all("as_of=2024-06-30" in link for link in links)
    assert "1 July 2023" in page.text() or "30 June 2023" in page.text()


def test_the_agencys_own_page_says_the_same_of_its_commitments(client: Browser) -> None:
    own = parse(client.get("/agency/larkmoor-schools").text)
    table = next(t for t in own.all("table") if "under signed agreements" in t.text())
    whole = parse(client.get("/obligations?debtor=larkmoor-schools&kind=commitment").text)
    expected = [row.replace(" Larkmoor School District", "", 1) for row in rows(whole)][:12]
    assert expected == [row.text() for row in table.all("tbody")[0].all("tr")]
