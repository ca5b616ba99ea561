"""A home whose views were never made, and errors as people and programs meet them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from contracts.faults import UnavailableFault
from domain.ledger import Ledger
from ops.composition import House, open_house
from ops.http.app import create_app
from ops.settings import Settings
from tests.ops.asgi_client import call
from tests.ops.conftest import Clock

Raw = Callable[..., bytes]
PAGES = (
    "/",
    "/kpi/K06",
    "/cell/K06/1/all/all",
    "/agencies",
    "/rejections",
    "/quarantine",
    "/docs",
    "/docs/errors",
    "/docs/kpis",
)
LISTS = ("/v1/scorecard", "/v1/kpis", "/v1/cells", "/v1/cells/K06/1/all/all", "/v1/agencies", "/v1/events")
PERSON = ((b"accept", b"text/html,*/*"),)


@pytest.fixture
def bare(settings: Settings, clock: Clock) -> Settings:
    """Settings of a home that has a ledger and no views."""
    Ledger.open(settings.home, clock=clock).close()
    return settings


def ask(house: House, path: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> tuple[int, str, str]:
    """(status, content type, body) of a GET."""
    answer = asyncio.run(call(create_app(house), "GET", path, b"", headers=headers))
    return answer.status, answer.headers["content-type"].partition(";")[0], answer.body.decode()


def test_opening_to_write_makes_the_views(bare: Settings, clock: Clock) -> None:
    with open_house(settings=bare, clock=clock) as house:
        assert {200} == {ask(house, path, PERSON)[0] for path in PAGES}
        assert {200} == {ask(house, path)[0] for path in LISTS}


def test_opening_to_read_says_that_there_are_no_views(bare: Settings, clock: Clock) -> None:
    with open_house(settings=bare, clock=clock, writable=False) as house:
        answers = {path: ask(house, path, PERSON) for path in PAGES}
        needs_views = {"/", "/kpi/K06", "/cell/K06/1/all/all", "/agencies", "/docs/kpis"}
        assert needs_views == {path for path, answer in answers.items() if answer[0] == 503}
        assert {"text/html"} == {answer[1] for answer in answers.values()}
        assert "the views have never been made" in answers["/"][2]
        assert "views_behind" == json.loads(ask(house, "/v1/scorecard")[2])["code"]
        with pytest.raises(UnavailableFault, match="never been made"):
            house.definitions()


def test_a_reader_sees_the_views_as_soon_as_a_writer_has_made_them(bare: Settings, clock: Clock) -> None:
    with open_house(settings=bare, clock=clock, writable=False) as house:
        assert 503 == ask(house, "/v1/kpis")[0]
        open_house(settings=bare, clock=clock).close()
        assert 200 == ask(house, "/v1/kpis")[0]


def test_a_fault_of_ours_is_a_page_for_a_person_and_a_problem_for_a_program(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(house, "as_of", broken)
    monkeypatch.setattr(house, "now_us", broken)
    status, kind, body = ask(house, "/", PERSON)
    assert (500, "text/html") == (status, kind)
    assert "reference " in body
    assert "ZeroDivisionError" not in body
    assert (500, "application/problem+json") == ask(house, "/")[:2]
    assert (500, "application/problem+json") == ask(house, "/v1/agencies", PERSON)[:2]


def test_who_is_turned_away_gets_a_page_where_a_person_asked_for_one(house: House) -> None:
    stranger = ((b"host", b"evil.example"),)
    assert (403, "application/problem+json") == ask(house, "/", stranger)[:2]
    status, kind, body = ask(house, "/", (*stranger, *PERSON))
    assert (403, "text/html") == (status, kind)
    assert "not open to you" in body


def test_rejections_of_one_agency(house: House, raw: Raw) -> None:
    for number, agency in enumerate(("police", "police", "housing")):
        house.record_batch([raw(number, data={}, agency=agency)])
    mine = json.loads(ask(house, "/v1/rejections?agency=police")[2])["rejections"]
    assert ["police", "police"] == [one["agency"] for one in mine]
    assert 3 == len(json.loads(ask(house, "/v1/rejections")[2])["rejections"])
    page = json.loads(ask(house, f"/v1/rejections?agency=police&after={mine[0]['number']}")[2])["rejections"]
    assert [mine[1]["number"]] == [one["number"] for one in page]
