"""The pages of reviews and the as-of picker in a real browser: nothing overflows, no accessibility rule is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.composition import House
from tests.pages.reviewed_house import reviewed
from tests.pages.test_pages_browser import OVERFLOW, address, axe, broken_rules, chromium
from tests.pages.test_pages_reviews import ADDRESSES

pytestmark = pytest.mark.slow
__all__ = ["address", "axe", "chromium"]
SIZES = {"desktop": (1280, 900, "light"), "phone": (390, 844, "dark")}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with reviewed(tmp_path_factory.mktemp("reviewed") / "home") as opened:
        opened.start()
        yield opened


@pytest.mark.parametrize("size", list(SIZES))
def test_no_page_of_reviews_overflows_or_breaks_an_accessibility_rule(
    size: str,
    chromium: Any,
    address: str,
    axe: str,
    tmp_path: Path,
) -> None:
    width, height, scheme = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True)
    tab = context.new_page()
    wrong: dict[str, list[str]] = {}
    for place in (*ADDRESSES, "/reviews/q1?as_of=2025-03-31", "/agencies?as_of=2025-03-31"):
        tab.goto(address + place)
        if tab.evaluate(OVERFLOW) > 0:
            wrong.setdefault(place, []).append("overflows")
        tab.screenshot(path=tmp_path / f"{re.sub(r'[^a-z0-9]+', '-', place)}.png")
        rules = broken_rules(tab, axe)
        if rules:
            wrong.setdefault(place, []).extend(rules)
    context.close()
    assert wrong == {}


def test_the_picker_leads_to_the_page_as_it_was_known(chromium: Any, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{address}/reviews/q1?kpi=K06")
    tab.fill("#known-on", "2025-02-28")
    tab.click("form.picker button")
    assert tab.url.endswith("/reviews/q1?as_of=2025-02-28&kpi=K06")
    assert "as it was known on 28 February 2025" in tab.inner_text(".notice.past")
    tab.click("form.picker a")
    assert tab.url.endswith("/reviews/q1?kpi=K06")
    context.close()
