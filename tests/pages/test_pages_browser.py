"""The pages in a real browser: nothing overflows, no accessibility rule is broken, nothing is blocked or missing.

Needs /usr/bin/chromium, without which it is skipped; playwright and the axe-core that axe-playwright-python carries are
locked with the other tools of the tests, so where they are missing it fails.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

from ops.composition import House
from ops.http.app import create_app

CHROMIUM = Path(os.environ.get("TALLYSTICK_CHROMIUM", "/usr/bin/chromium"))
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
VIEWS = {
    "desktop": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
ALIKE = frozenset(
    (
        "scorecard of all time",
        "scorecard by status",
        "kpi in the past",
        "kpi of the community",
        "cell further on",
        "event voiding",
        "decision",
        "agency",
        "errors",
    )
)
"""Pages that look like another one, looked at on the desktop only."""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    """A server on a free loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(house), log_level="error", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium. It may be missing; playwright is among the locked requirements of the tests and may not."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} is absent")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core, as axe-playwright-python carries it."""
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=list(VIEWS))
def view(request: pytest.FixtureRequest, chromium: Any) -> Iterator[tuple[str, Any]]:
    """A tab of one size; the browser may run scripts of the test, the pages have none."""
    context = chromium.new_context(**VIEWS[request.param], bypass_csp=True)
    yield request.param, context.new_page()
    context.close()


def broken_rules(tab: Any, axe: str) -> list[str]:
    """The accessibility rules that the page in a tab breaks, with the first place of each."""
    tab.evaluate(axe)
    found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:160]}" for rule in found["violations"]]


def test_no_page_overflows_its_screen_or_breaks_an_accessibility_rule(
    view: tuple[str, Any], address: str, addresses: dict[str, str], axe: str, tmp_path: Path
) -> None:
    name, tab = view
    folder = os.environ.get("TALLYSTICK_SCREENSHOTS")
    wrong: dict[str, list[str]] = {}
    for kind, place in addresses.items():
        if name != "desktop" and kind in ALIKE:
            continue
        tab.goto(address + place)
        overflow = tab.evaluate(OVERFLOW)
        if overflow > 0:
            wrong.setdefault(kind, []).append(f"overflows by {overflow} px")
        if name == "narrow":
            continue
        picture = Path(folder or tmp_path) / f"{re.sub(r'[^a-z]+', '-', kind)}-{name}.png"
        tab.screenshot(path=picture, full_page=folder is not None)
        tab.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        rules = broken_rules(tab, axe)
        if rules:
            wrong.setdefault(kind, []).extend(rules)
    assert wrong == {}


def test_control_an_overflow_is_noticed(view: tuple[str, Any], address: str) -> None:
    _, tab = view
    tab.goto(address)
    tab.evaluate("document.querySelector('h1').style.width = '3000px'")
    assert tab.evaluate(OVERFLOW) > 0


def test_control_a_broken_accessibility_rule_is_noticed(view: tuple[str, Any], address: str, axe: str) -> None:
    _, tab = view
    tab.goto(address)
    tab.evaluate("document.querySelector('.lead').style.color = 'rgb(128 128 128 / 0.4)'")
    tab.evaluate("document.querySelector('label[for=as_of]').remove()")
    rules = {rule.partition(":")[0] for rule in broken_rules(tab, axe)}
    assert {"color-contrast", "label"} <= rules


def test_nothing_is_blocked_missing_or_run(chromium: Any, address: str, addresses: dict[str, str]) -> None:
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("response", lambda answer: complaints.append(answer.url) if answer.status >= 400 else None)
    asked: set[str] = set()
    tab.on("request", lambda request: asked.add(request.url))
    for kind, place in addresses.items():
        if kind not in ALIKE and kind != "nothing":
            tab.goto(address + place)
    context.close()
    assert complaints == []
    assert all(url.startswith(address) for url in asked)


def test_a_keyboard_reader_comes_to_the_content_first(view: tuple[str, Any], address: str) -> None:
    _, tab = view
    tab.goto(address)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"


def test_paper_shows_the_figures_and_no_navigation(chromium: Any, address: str) -> None:
    context = chromium.new_context(viewport={"width": 760, "height": 1000})
    tab = context.new_page()
    tab.emulate_media(media="print")
    tab.goto(address)
    visible = "e => e.checkVisibility()"
    assert not tab.locator("nav[aria-label=Main]").evaluate(visible)
    assert not tab.locator("form.controls").evaluate(visible)
    assert tab.locator(".line .figure").first.evaluate(visible)
    assert tab.evaluate(OVERFLOW) <= 0
    context.close()
