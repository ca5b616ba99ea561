"""A small real partnership and its pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.composition import House, open_house
from ops.demo import ZONE, SimulatedClock, run
from ops.demo.cast import AS_OF, END_US
from ops.http.app import create_app
from ops.settings import load_settings
from tests.pages.browsing import Browser

NASTY = '<script>alert(1)</script> & "Sons"'


def event(type_: str, subject: str, agency: str, ident: str, data: dict[str, Any], **more: Any) -> bytes:
    """One event as a sender would write it."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": ident,
            "source": "urn:test:pages",
            "type": f"org.tallystick.{type_}.v1",
            "subject": subject,
            "agency": agency,
            "time": "2025-12-20T10:00:00-06:00",
            "data": data,
            **more,
        }
    ).encode()


EXTRAS = (
    event(
        "agency.joined",
        "agency/nasty",
        "nasty",
        "n-1",
        {"agency": "nasty", "name": NASTY, "sector": "housing"},
    ),
    event("call.received", "call/c-1", "nasty", "n-2", {"call": "c-1", "channel": "988", "local_code": "<b>code</b>"}),
    event(
        "call.received", "call/c-1", "nasty", "n-3", {"call": "c-1", "channel": "911", "psap": "p"}, supersedes="n-2"
    ),
    event("call.received", "call/c-2", "nasty", "n-4", {"call": "c-2", "channel": "988", "psap": "p"}),
    event("record.voided", "call/c-2", "nasty", "n-5", {"supersedes": "n-4", "reason": "entered <twice>"}),
    event("call.received", "call/c-3", "nasty", "n-6", {"call": "c-3", "chanel": "988"}),
    b'{"not": "an event", "<img src=x>": 1}',
)


@pytest.fixture(scope="session")
def nasty() -> str:
    """What one agency calls itself."""
    return NASTY


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A demonstration at a fiftieth of its size, and a few events with nasty names."""
    home: Path = tmp_path_factory.mktemp("pages-home")
    settings = load_settings(home, zone=ZONE, as_of=AS_OF)
    clock = SimulatedClock()
    with open_house(settings=settings, clock=clock) as opened:
        run(opened, scale=0.02)
        clock.now_us = END_US
        opened.record(EXTRAS)
        opened.catch_up()
        yield opened


@pytest.fixture(scope="session")
def client(house: House) -> Iterator[Browser]:
    """A browser without a screen on the house's pages."""
    with Browser(create_app(house)) as opened:
        yield opened


@pytest.fixture(scope="session")
def addresses(house: House) -> dict[str, str]:
    """One address of every kind of page, and of each kind of cell, event and agency that looks different."""
    head = house.reader.head().log_index
    replaced = house.reader.by_identity([("urn:test:pages", "n-2")], head)[0].log_index
    voiding = house.reader.by_identity([("urn:test:pages", "n-5")], head)[0].log_index
    decision = next(e for e in house.reader.after(0, 200) if e.kind == "decision").log_index
    paid = next(e for e in house.reader.after(0, head) if e.type == "funding.disbursed")
    return {
        "scorecard": "/",
        "scorecard of all time": "/?period=all",
        "scorecard by status": "/?status=on_track",
        "scorecard of the past": "/?as_of=2024-06-30",
        "kpi share": "/kpi/K06",
        "kpi percentile": "/kpi/K05",
        "kpi split": "/kpi/K02",
        "kpi of the community": "/kpi/P01",
        "kpi in the past": "/kpi/K06?as_of=2024-06-30",
        "kpi versions": "/kpi/K06/compare?versions=1,1&period=all",
        "cell": "/cell/K06/1/all/all",
        "cell of an agency": "/cell/K17/1/all/agency:larkmoor-housing",
        "cell with nothing": "/cell/K06/1/1999/all",
        "cell further on": "/cell/K06/1/all/all?offset=50",
        "event": "/events/1",
        "event replaced": f"/events/{replaced}",
        "event voiding": f"/events/{voiding}",
        "decision": f"/events/{decision}",
        "subject": "/subjects/call/c-1",
        "agencies": "/agencies",
        "agency": "/agency/larkmoor-crisis",
        "agency silent": "/agency/larkmoor-schools",
        "agency nasty": "/agency/nasty",
        "obligations": "/obligations",
        "obligations of a pair": "/obligations?debtor=larkmoor-schools&creditor=larkmoor-crisis&state=overdue",
        "obligations of an agency": "/obligations/larkmoor-schools",
        "obligations of the past": "/obligations?kind=commitment&as_of=2024-06-30",
        "actions": "/actions",
        "actions overdue in the past": "/actions?state=overdue&as_of=2025-06-30",
        "feeds": "/feeds",
        "feed silent": "/feeds/larkmoor-schools/service",
        "quality": "/quality",
        "quality of an agency": "/quality?agency=open-door",
        "reconciliation": "/reconciliation",
        "reconciliation of a year": "/reconciliation?period=2025&as_of=2025-09-30",
        "reconciliation of two": "/reconciliation/larkmoor-crisis/larkmoor-housing",
        "reconciliation of two narrowed": "/reconciliation/larkmoor-crisis/larkmoor-housing?state=pending&fact=service",
        "reconciliation with nobody": "/reconciliation/larkmoor-housing/-",
        "subject of two": f"/subjects/{paid.subject}",
        "rejections": "/rejections",
        "quarantine": "/quarantine",
        "docs": "/docs",
        "errors": "/docs/errors",
        "kpis": "/docs/kpis",
        "nothing": "/no-such-page",
    }
