"""The reconciliation pages: figures that agree with the interface, both halves with their digests, and no markup of
an agency's making."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.both_halves import sums, walked
from ops.composition import House, open_house
from ops.http.app import create_app
from ops.pages.reconciliation import STATE_WORDS, amount_words, difference_words, money_words, pair_address
from ops.settings import Settings
from projections.halves.evidence import Difference
from projections.halves.sums import Amounts
from projections.halves.walk import WANTED
from tests.pages.browsing import Browser
from tests.pages.conftest import NASTY, event

NOW_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
PAYMENT = {"transaction": "x-1", "funding": "f", "amount_minor": 125_050, "currency": "USD", "receiver": "nasty"}
EVENTS = (
    event("agency.joined", "agency/nasty", "nasty", "j-1", {"agency": "nasty", "name": NASTY, "sector": "housing"}),
    event("funding.disbursed", "transaction/x-1", "county", "p-1", PAYMENT),
    event(
        "funding.disputed", "transaction/x-1", "nasty", "p-2", {"transaction": "x-1", "reason": "<b>Half</b> & less"}
    ),
    event("funding.disbursed", "transaction/x-2", "county", "p-3", {**PAYMENT, "transaction": "x-2"}),
    event(
        "funding.received",
        "transaction/x-9",
        "nasty",
        "p-4",
        {k: PAYMENT[k] for k in ("amount_minor", "currency")} | {"transaction": "x-9"},
    ),
)


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two payments, one of them disputed, and one received that nobody made."""
    home: Path = tmp_path_factory.mktemp("paid") / "home"
    with open_house(settings=Settings(home=home, zone="America/Chicago"), clock=lambda: NOW_US) as opened:
        assert opened.record(EVENTS).recorded == len(EVENTS)
        opened.catch_up()
        yield opened


@pytest.fixture(scope="module")
def look(paid: House) -> Iterator[Browser]:
    with Browser(create_app(paid)) as opened:
        yield opened


def test_the_page_says_what_the_sums_say(paid: House, look: Browser) -> None:
    page = look.get("/reconciliation").text
    total = sums(paid, paid.as_of()).total()
    assert (2, 1, 1, 1) == (total.claimed, total.disputed, total.pending, total.unmatched)
    assert "Of 2 facts that one agency claims of another, 0 are confirmed, 1 disputed and 1 pending" in page
    assert "2,501.00 USD claimed: 0.00 USD confirmed, 1,250.50 USD disputed, 1,250.50 USD pending" in page
    assert '/reconciliation/county/nasty?state=disputed"' in page
    assert '/reconciliation/nasty/-?state=unmatched"' in page


def test_the_list_shows_both_statements_and_no_markup_of_an_agencys_making(paid: House, look: Browser) -> None:
    page = look.get("/reconciliation/county/nasty").text
    for item in walked(paid, paid.as_of(), "county", "nasty").items:
        for half in (*item.halves.first, *item.halves.second):
            assert half.event.digest.hex() in page
            assert half.event.id in page
    assert "&lt;b&gt;Half&lt;/b&gt; &amp; less" in page
    assert "<b>Half" not in page
    assert "<script>" not in page
    assert "Waiting for <strong>&lt;script&gt;" in page
    assert 1 == page.count("Not stated by &lt;script&gt;")


def test_the_list_narrows_by_what_its_address_says(look: Browser) -> None:
    def shown(query: str) -> list[str]:
        return re.findall(r"<h3><a href=\"/subjects/transaction/([^?\"]+)", look.get(query).text)

    assert ["x-1", "x-2", "x-9"] == shown("/reconciliation/county/nasty")
    assert ["x-1"] == shown("/reconciliation/county/nasty?state=disputed")
    assert ["x-2"] == shown("/reconciliation/nasty/county?state=pending&fact=funding")
    assert [] == shown("/reconciliation/county/nasty?period=2024")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/reconciliation/county/nobody-knows", 404),
        ("/reconciliation/county/nasty?state=odd", 400),
        ("/reconciliation/county/nasty?fact=odd", 400),
        ("/reconciliation/county/nasty?offset=x", 400),
        ("/reconciliation?period=soon", 400),
        ("/reconciliation/county/county", 400),
    ],
)
def test_what_cannot_be_meant_is_a_friendly_page(look: Browser, path: str, status: int) -> None:
    answer = look.get(path)
    assert (status, "text/html; charset=utf-8") == (answer.status_code, answer.headers["content-type"])


def test_the_page_of_a_shared_fact_shows_its_state_and_both_halves(look: Browser) -> None:
    page = look.get("/subjects/transaction/x-1").text
    assert "Both halves" in page
    assert "Disputed" in page
    assert f'href="{pair_address("county", "nasty")}"' in page
    assert "Both halves" not in look.get("/subjects/agency/nasty").text


def test_every_state_a_list_can_be_narrowed_to_has_words() -> None:
    assert set(WANTED) == set(STATE_WORDS)


def test_money_is_written_as_people_write_it() -> None:
    assert ["1,250.50 USD", "125,050 JPY", "125.050 KWD"] == [
        money_words(125_050, currency) for currency in ("USD", "JPY", "KWD")
    ]
    assert amount_words(Amounts(5.5, 2, 1, 2.5), "seats") == "5.5 seats claimed: 2 confirmed, 1 disputed, 2.5 pending"


def test_each_side_tells_its_sum_in_its_own_currency() -> None:
    differences = [Difference("amount_minor", 100, 90), Difference("currency", "USD", "CAD")]
    assert ["Amount: 1.00 USD claimed, 0.90 CAD answered", "Currency: USD claimed, CAD answered"] == difference_words(
        differences, "USD"
    )
