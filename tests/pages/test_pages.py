"""What every page must be: readable, well-formed, explained, and safe, whatever an agency calls itself."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ops.composition import House, open_house
from ops.http.app import create_app
from ops.http.auth import Principal
from ops.pages import marks, words
from ops.pages.feeds import STATUS_WORDS as FED
from ops.pages.obligations import STATE_WORDS as OWED
from ops.pages.reconciliation import STATE_WORDS as HALVES
from ops.settings import load_settings
from projections.kpi.shapes import STATUSES
from tests.pages.browsing import Browser
from tests.pages.reading_html import Node, parse

KINDS = (
    "scorecard",
    "scorecard of all time",
    "scorecard by status",
    "scorecard of the past",
    "kpi share",
    "kpi percentile",
    "kpi split",
    "kpi of the community",
    "kpi in the past",
    "kpi versions",
    "cell",
    "cell of an agency",
    "cell with nothing",
    "cell further on",
    "event",
    "event replaced",
    "event voiding",
    "decision",
    "subject",
    "agencies",
    "agency",
    "agency silent",
    "agency nasty",
    "obligations",
    "obligations of a pair",
    "obligations of an agency",
    "obligations of the past",
    "reconciliation",
    "reconciliation of a year",
    "reconciliation of two",
    "reconciliation of two narrowed",
    "reconciliation with nobody",
    "subject of two",
    "actions",
    "actions overdue in the past",
    "feeds",
    "feed silent",
    "quality",
    "quality of an agency",
    "rejections",
    "quarantine",
    "docs",
    "errors",
    "kpis",
    "nothing",
)


@pytest.fixture(scope="session")
def pages(client: Browser, addresses: dict[str, str]) -> dict[str, Node]:
    """Every kind of page, read strictly."""
    found = {}
    for kind, address in addresses.items():
        answer = client.get(address)
        assert answer.status_code == (404 if kind == "nothing" else 200), (kind, answer.text[:500])
        assert answer.headers["content-type"] == "text/html; charset=utf-8", kind
        found[kind] = parse(answer.text)
    return found


def test_every_kind_of_page_is_read(addresses: dict[str, str]) -> None:
    assert set(KINDS) == set(addresses)


# Form


def flaws(page: Node) -> list[str]:
    """What is wrong with a page's form; empty for a good one."""
    levels = [int(n.name[1]) for n in page if re.fullmatch("h[1-6]", n.name)]
    ids = Counter(n.attributes["id"] for n in page if "id" in n.attributes)
    labelled = {n.attributes.get("for") for n in page.all("label")}
    controls = [n for n in (*page.all("select"), *page.all("input")) if n.attributes.get("type") != "hidden"]
    wrong = {
        "no language": [n.attributes.get("lang") for n in page.all("html")] != ["en"],
        "not one h1": len(page.all("h1")) != 1,
        "no main landmark": [n.attributes.get("id") for n in page.all("main")] != ["main"],
        "a landmark is missing": not all(page.all(name) for name in ("header", "nav", "footer")),
        "no skip link": all(n.attributes.get("href") != "#main" for n in page.all("a", "skip")),
        "a heading level is skipped": any(later > earlier + 1 for earlier, later in pairwise(levels)),
        "an id is given twice": any(n > 1 for n in ids.values()),
        "a label leads nowhere": any(
            n.attributes[name] not in ids for n in page for name in ("aria-labelledby", "for") if name in n.attributes
        ),
        "a control without a label": any(n.attributes.get("id") not in labelled for n in controls),
        "a table without a caption": any(not table.all("caption") for table in page.all("table")),
        "a heading cell without a scope": any("scope" not in n.attributes for n in page.all("th")),
        "a scrolling region without name or focus": any(
            n.attributes.get("tabindex") != "0" or "aria-labelledby" not in n.attributes for n in page.having("table")
        ),
        "a picture without words": any(not described(svg) for svg in page.all("svg")),
        "a link without words": any(not n.text() for n in page.all("a")),
    }
    return [name for name, found in wrong.items() if found]


def described(svg: Node) -> bool:
    """Whether a picture is either hidden from assistive technology or told in words."""
    if svg.attributes.get("aria-hidden") == "true":
        return True
    words_given = svg.attributes.get("aria-label") or svg.attributes.get("aria-labelledby")
    return svg.attributes.get("role") == "img" and bool(words_given)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_landmarks_headings_in_order_and_labels(pages: dict[str, Node], kind: str) -> None:
    assert flaws(pages[kind]) == []


@pytest.mark.parametrize(
    ("good", "broken"),
    [
        (' lang="en"', ""),
        ("<h1>", "<h1>x</h1><h1>"),
        ('href="#main"', 'href="#top"'),
        ("<h2", "<h4"),
        ('<th scope="col"', "<th"),
        ('tabindex="0"', ""),
        (' role="img"', ""),
        ('<label for="as_of"', '<label for="asof"'),
    ],
)
def test_control_a_broken_form_is_noticed(client: Browser, good: str, broken: str) -> None:
    text = client.get("/").text + client.get("/kpi/K06").text
    page = client.get("/").text if good in client.get("/").text else client.get("/kpi/K06").text
    assert good in text
    damaged = page.replace(good, broken).replace("</h2>", "</h4>" if good == "<h2" else "</h2>")
    assert flaws(parse(damaged))


def test_control_an_unclosed_element_is_noticed(client: Browser) -> None:
    with pytest.raises(AssertionError):
        parse(client.get("/").text.replace("</main>", "", 1))


def test_titles_tell_pages_apart(pages: dict[str, Node]) -> None:
    distinct = {kind: pages[kind].all("title")[0].text() for kind in pages if " " not in kind}
    assert len(distinct) == len(set(distinct.values()))
    assert all(title.endswith(" · Tallystick") for title in distinct.values())


# Safety


def unsafe(page: Node) -> list[str]:
    """What a strict content policy would stop, and what would be fetched from elsewhere."""
    found = [f"<{name}>" for name in ("script", "style", "iframe", "object", "base") if page.all(name)]
    for node in page:
        found.extend(name for name in node.attributes if name == "style" or name.startswith("on"))
        for name in ("src", "href", "action", "xlink:href"):
            address = node.attributes.get(name, "/")
            if not address.startswith(("/", "#", "?")) or address.startswith("//"):
                found.append(f"{name}={address}")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_holds_no_script_no_style_and_nothing_from_elsewhere(pages: dict[str, Node], kind: str) -> None:
    assert unsafe(pages[kind]) == []


@pytest.mark.parametrize(
    "bad",
    [
        "<script>1</script>",
        '<p style="color:red">x</p>',
        '<p onclick="x()">x</p>',
        '<img src="https://elsewhere.example/x.png">',
        '<a href="javascript:x()">x</a>',
    ],
)
def test_control_unsafe_markup_is_noticed(client: Browser, bad: str) -> None:
    assert unsafe(parse(client.get("/").text.replace("<h1>", f"{bad}<h1>", 1)))


def test_a_strict_content_policy_is_sent(client: Browser) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy


def test_what_agencies_call_themselves_is_shown_as_text(pages: dict[str, Node], nasty: str) -> None:
    assert pages["agency nasty"].all("h1")[0].text() == nasty
    assert nasty in pages["agencies"].text()
    assert "<b>code</b>" in pages["event replaced"].text()
    assert "<img src=x>" in pages["rejections"].text()


# Law 5 on the page: every number opens down to its events


@pytest.mark.parametrize("kind", ["scorecard", "scorecard of all time", "scorecard of the past"])
def test_each_number_on_the_scorecard_opens_to_its_explanation(
    client: Browser, pages: dict[str, Node], kind: str
) -> None:
    figures = pages[kind].having("figure")
    assert len(figures) >= 10
    assert len(figures) == len(pages[kind].all("li", "line"))
    for figure in figures:
        (link,) = figure.all("a")
        answer = client.get(link.attributes["href"])
        assert answer.status_code == 200, link.attributes["href"]
        told = parse(answer.text)
        big = told.having("big")[0].text()
        assert link.text().startswith(big), link.attributes["href"]
        assert told.having("fine"), link.attributes["href"]


def test_the_explanation_lists_events_that_open(client: Browser, pages: dict[str, Node]) -> None:
    links = [a.attributes["href"] for a in pages["cell"].all("a") if a.attributes["href"].startswith("/events/")]
    assert len(links) == 50
    for link in links[:3]:
        assert client.get(link).status_code == 200


def test_turning_the_pages_of_an_explanation_lists_every_event_once(client: Browser) -> None:
    address: str | None = "/cell/K06/1/all/agency:larkmoor-crisis"
    listed: list[str] = []
    while address is not None:
        page = parse(client.get(address).text)
        listed += [
            a.attributes["href"] for row in page.all("tr") for a in row.all("a") if "/events/" in a.attributes["href"]
        ]
        following = [a.attributes["href"] for a in page.all("a") if a.attributes.get("rel") == "next"]
        address = following[0] if following else None
    whole = client.get("/v1/cells/K06/1/all/agency:larkmoor-crisis.json?limit=10000").json()
    assert sorted(f"/events/{e['log_index']}" for e in whole["events"]) == sorted(listed)


def test_a_number_that_cannot_be_reproduced_raises_an_alarm(
    client: Browser, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    import projections.kpi

    honest = projections.kpi.explain

    def tampered(*args: Any, **kwargs: Any) -> Any:
        told = honest(*args, **kwargs)
        return replace(told, cell=replace(told.cell, value=Decimal("99.9")))

    fine = parse(client.get("/cell/K06/1/all/all").text)
    assert not fine.having("alarm")
    monkeypatch.setattr(projections.kpi, "explain", tampered)
    alarmed = parse(client.get("/cell/K06/1/all/all").text)
    (alarm,) = alarmed.having("alarm")
    assert alarm.attributes["role"] == "alert"
    assert "not the same" in alarm.text()
    assert not alarmed.having("fine")


# Statuses


def test_a_status_is_a_word_and_a_shape_and_never_a_colour_alone(pages: dict[str, Node]) -> None:
    labels = {spoken.label for spoken in words.STATUS_WORDS.values()}
    states = {spoken.label for spoken in (*OWED.values(), *FED.values(), *HALVES.values())}
    seen = 0
    for page in pages.values():
        for node in (*page.having("badge"), *page.having("mark")):
            seen += 1
            # A score of data quality says its share, or that there was nothing to check.
            score = re.fullmatch(r"[\d.]+%|nothing to check", node.text())
            assert score or node.text() in labels | states
            assert len(node.all("svg", "shape")) == 1
    assert seen > 50
    for tile in pages["scorecard"].all("ul", "tally")[0].all("li"):
        assert tile.all("svg", "shape")
        assert re.fullmatch(rf"\d+ ({'|'.join(labels)})", tile.text())


def test_every_status_has_a_word_and_a_shape_of_its_own() -> None:
    assert set(STATUSES) == set(words.STATUS_WORDS)
    assert len(STATUSES) == len({marks.shape(status) for status in STATUSES})
    assert len(STATUSES) == len({spoken.label for spoken in words.STATUS_WORDS.values()})


def test_the_tally_counts_every_kpi_once(pages: dict[str, Node]) -> None:
    page = pages["scorecard"]
    badges = Counter(n.text() for n in page.having("badge"))
    tiles = {}
    for tile in page.all("ul", "tally")[0].all("li"):
        number, _, label = tile.text().partition(" ")
        tiles[label] = int(number)
    assert {label: n for label, n in tiles.items() if n} == dict(badges)


def test_only_lines_of_the_chosen_status_are_shown(pages: dict[str, Node]) -> None:
    assert {"On track"} == {n.text() for n in pages["scorecard by status"].having("badge")}


def test_a_goal_keeps_its_number_when_others_are_hidden(client: Browser, pages: dict[str, Node]) -> None:
    whole = {n.text() for n in pages["scorecard"].all("h2")}
    for status in ("off_track", "unowned", "no_data"):
        found = {n.text() for n in parse(client.get(f"/?status={status}").text).all("h2")}
        assert found <= whole, status
    assert found < whole, "some goal has nothing of the last status"


# As of


def test_a_reading_of_the_past_stays_there(client: Browser, pages: dict[str, Node]) -> None:
    past = pages["scorecard of the past"]
    inside = [
        a.attributes["href"]
        for a in past.all("a")
        if a.attributes["href"].startswith(("/kpi/", "/cell/", "/agency/", "/v1/"))
    ]
    assert inside
    assert all("as_of=2024-0" in address for address in inside)
    assert "30 June 2024" in past.text()
    for address in [a for a in inside if a.startswith("/v1/")]:
        assert client.get(address).status_code == 200, address


def test_today_is_now(client: Browser) -> None:
    today = parse(client.get("/").text).all("input")[0].attributes["max"]
    assert not parse(client.get(f"/?as_of={today}").text).having("past")


@pytest.mark.parametrize(
    "address",
    ["/?as_of=2024-02-31", "/?as_of=soon", "/?as_of=2999-01-01", "/?period=weekly", "/?status=fine", "/?as_of=0"],
)
def test_a_question_that_makes_no_sense_is_answered_with_a_page(client: Browser, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 400
    assert flaws(parse(answer.text)) == []


# Faults


@pytest.mark.parametrize(
    "address",
    [
        "/no-such-page",
        "/kpi/K99",
        "/events/0",
        "/events/999999999",
        "/events/x",
        "/subjects/call/none",
        "/agency/nobody",
        "/cell/K06/9/all/all",
        "/cell/K06/one/all/all",
        "/cell/K06/1/all/agency:nobody",
        "/static/none.css",
    ],
)
def test_what_is_not_there_gets_a_page_for_people_and_a_problem_for_programs(client: Browser, address: str) -> None:
    page = client.get(address)
    assert page.status_code == 404
    assert flaws(parse(page.text)) == []
    assert "/" in {a.attributes["href"] for a in parse(page.text).all("a")}
    answer = client.get(address, headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_interface_keeps_its_own_faults(client: Browser) -> None:
    assert client.get("/v1/nothing").headers["content-type"] == "application/problem+json"
    assert client.get("/v1/openapi.json").status_code == 200
    assert client.get("/openapi.json").json() == client.get("/v1/openapi.json").json()


def test_every_fault_code_has_a_place_to_link_to(pages: dict[str, Node]) -> None:
    from contracts.faults import FAULTS

    ids = {n.attributes["id"] for n in pages["errors"].having("code-entry")}
    assert set(FAULTS) == ids


def test_rejections_and_quarantine_are_for_those_they_concern(house: House) -> None:
    app = create_app(house)
    for who, rejections, quarantine in (
        (Principal("r", "reader"), 403, 403),
        (Principal("a", "agency", "nasty"), 200, 403),
        (Principal("o", "operator"), 200, 200),
    ):
        app.gate.admit = lambda *_, who=who: who  # type: ignore[method-assign,misc]
        with Browser(app) as client:
            answer = client.get("/rejections")
            assert answer.status_code == rejections, who
            assert client.get("/quarantine").status_code == quarantine, who
            if who.agency:
                shown = {n.text() for n in parse(answer.text).having("code-entry")}
                assert shown
                assert all("cut off" not in text for text in shown)
                assert len(shown) == 1


# Data beside the pages


def test_every_offer_of_the_same_as_data_is_kept(client: Browser, pages: dict[str, Node]) -> None:
    offers = {
        a.attributes["href"]
        for page in pages.values()
        for paragraph in page.having("files")
        for a in paragraph.all("a")
    }
    assert len(offers) > 20
    for address in sorted(offers):
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"].startswith("text/csv" if ".csv" in address else "application/json"), (
            address
        )


def test_files_of_the_pages_are_served_with_their_kind(client: Browser, pages: dict[str, Node]) -> None:
    (style,) = [n for n in pages["scorecard"].all("link") if n.attributes["rel"] == "stylesheet"]
    answer = client.get(style.attributes["href"])
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/static/mark.svg").headers["content-type"].startswith("image/svg+xml")


# Nothing yet


@pytest.mark.parametrize("address", ["/", "/agencies", "/rejections", "/quarantine", "/docs/kpis", "/kpi/K06"])
def test_an_empty_ledger_has_its_pages(tmp_path: Path, address: str) -> None:
    with open_house(settings=load_settings(tmp_path / "home")) as empty, Browser(create_app(empty)) as client:
        empty.catch_up()
        answer = client.get(address)
    assert answer.status_code == 200
    page = parse(answer.text)
    assert flaws(page) == []
    assert "1970" not in page.text()


@pytest.mark.parametrize("address", ["/", "/agencies", "/kpi/K06", "/cell/K06/1/all/all", "/docs/kpis"])
def test_before_the_first_event_nothing_is_known(client: Browser, address: str) -> None:
    page = parse(client.get(f"{address}?as_of=2020-01-01").text)
    assert flaws(page) == []
    assert "1970" not in page.text()
    assert not page.having("alarm")


# Ways


def test_no_way_on_from_a_page_is_dead(client: Browser, pages: dict[str, Node]) -> None:
    kinds = ("scorecard", "kpi share", "kpi split", "kpi of the community", "agencies", "agency", "agency silent")
    ways = {a.attributes["href"] for kind in kinds for a in pages[kind].all("a")}
    dead = [way for way in sorted(ways) if not way.startswith("#") and client.get(way).status_code != 200]
    assert dead == []
    assert len(ways) > 100
