"""Every page that reads views can be read as of an earlier day, says so plainly, and keeps what else was asked."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.pages.browsing import Browser
from tests.pages.reading_html import Node, parse

DAY = "2024-09-30"
NOT_VIEWS = frozenset(("docs", "rejections", "quarantine", "errors", "nothing"))
"""What is about submissions and the program, not about views."""
YOUNG = frozenset(
    ("event", "event replaced", "event voiding", "subject", "agency", "agency nasty", "decision", "cell of an agency")
)
"""About a thing that may not have been known so early: answered with a page that says so, or with the thing."""


def fields(page: Node) -> list[Node]:
    """What a reader may fill in; what a form only passes on is hidden."""
    named = [node for node in page.all("input") if node.attributes.get("name") == "as_of"]
    return [node for node in named if node.attributes.get("type") != "hidden"]


def test_every_page_that_reads_views_offers_one_day_to_read_it_on(client: Browser, addresses: dict[str, str]) -> None:
    wrong = {}
    for kind, address in addresses.items():
        offered = fields(parse(client.get(address).text))
        if len(offered) != (0 if kind in NOT_VIEWS else 1):
            wrong[kind] = len(offered)
    assert wrong == {}


def test_the_past_is_marked_on_every_page_and_leads_back_to_now(client: Browser, addresses: dict[str, str]) -> None:
    for kind, address in addresses.items():
        if kind in NOT_VIEWS:
            continue
        path = urlsplit(address).path
        asked = [(name, value) for name, value in parse_qsl(urlsplit(address).query) if name != "as_of"]
        answer = client.get(f"{path}?{urlencode([*asked, ('as_of', DAY)])}")
        if answer.status_code == 404 and kind in YOUNG:
            continue
        assert answer.status_code == 200, (kind, answer.text[:300])
        page = parse(answer.text)
        (notice,) = [node for node in page.all("p", "past") if "as it was known on" in node.text()]
        assert {path} == {a.attributes["href"].partition("?")[0] for a in notice.all("a")}
        assert [DAY] == [node.attributes["value"] for node in fields(page)], kind


def test_the_picker_keeps_what_else_the_address_asks_for_but_no_place_in_a_list(client: Browser) -> None:
    page = parse(client.get("/cell/K06/1/all/all?offset=50&again=yes&as_of=2025-06-30").text)
    (form,) = page.all("form", "picker")
    asked = {node.attributes["name"]: node.attributes["value"] for node in form.all("input")}
    assert {"as_of": "2025-06-30", "again": "yes"} == asked
    back = [a.attributes["href"] for a in form.all("a")]
    assert [[("again", "yes")]] == [parse_qsl(urlsplit(href).query) for href in back]


@pytest.mark.parametrize("asked", ["soon", "2024-02-31", "2999-01-01", "0", "-1", "99999999", "1" * 40])
def test_a_moment_that_is_none_is_told_as_such(client: Browser, asked: str) -> None:
    for path in ("/agencies", "/docs/kpis", "/kpi/K06"):
        answer = client.get(f"{path}?as_of={asked}")
        assert (400, "as_of_invalid" in answer.text) == (answer.status_code, True)


def test_control_a_page_without_the_mark_of_the_past_is_noticed(client: Browser) -> None:
    page = parse(client.get("/agencies").text)
    assert not [node for node in page.all("p", "past") if "as it was known on" in node.text()]
