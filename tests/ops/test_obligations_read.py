"""Obligations over the interface and the command line: the same lists, the same filters, the same refusals."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.cli import main
from ops.composition import House, open_house
from ops.http.app import Porch, create_app
from ops.obligation_gauge import EVERY_S, SHARE, ObligationGauge
from ops.settings import Settings, describe_settings
from tests.ops.asgi_client import Answer, call
from tests.ops.conftest import NOW_US

Get = Callable[[str], Answer]
PACT = {
    "agreement": "pact",
    "kind": "mou",
    "parties": ["county", "harbor"],
    "effective": "2025-01-01",
    "terms": {"answer_within": {"limit": 2, "unit": "days"}},
}
DUE = "2025-06-04T06:59:59.999999Z"
"""Two days after the first of June in Los Angeles."""


def _event(ident: str, name: str, agency: str, subject: str, data: dict[str, Any], time: str) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": ident,
            "source": "urn:test:owed",
            "type": f"org.tallystick.{name}.v1",
            "subject": subject,
            "agency": agency,
            "time": time,
            "data": data,
        }
    ).encode()


def _asked(name: str, day: str) -> bytes:
    data = {"referral": name, "requester": "county", "target": "harbor", "need": "housing"}
    return _event(f"q-{name}", "referral.requested", "county", f"referral/{name}", data, f"{day}T19:00:00Z")


EVENTS = (
    _event("a-1", "agreement.signed", "county", "agreement/pact", PACT, "2024-12-20T00:00:00Z"),
    *(_asked(f"r{n}", f"2025-06-{n:02}") for n in range(1, 8)),
    *(
        _event(f"y-{n}", "referral.accepted", "harbor", f"referral/r{n}", {"referral": f"r{n}"}, "2025-06-09T00:00:00Z")
        for n in (6, 7)
    ),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven requests on the first seven days of June; the last two were answered on the 8th."""
    home: Path = tmp_path_factory.mktemp("owed") / "home"
    settings = Settings(home=home, zone="America/Los_Angeles")
    with open_house(settings=settings, clock=lambda: NOW_US) as house:
        told = house.record(EVENTS).to_json()
        assert (len(EVENTS), 0) == (told["recorded"], told["rejected"])
        house.catch_up()
    return home


@pytest.fixture(scope="module")
def house(home: Path) -> Iterator[House]:
    settings = Settings(home=home, zone="America/Los_Angeles")
    with open_house(settings=settings, clock=lambda: NOW_US, writable=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def app(house: House) -> Porch:
    return create_app(house)


@pytest.fixture
def get(app: Porch) -> Get:
    return lambda path: asyncio.run(call(app, "GET", path))


def test_the_list_says_what_is_owed_by_whom_to_whom_by_when(get: Get) -> None:
    found = get("/v1/obligations?state=overdue").json()
    assert (5, 5) == (found["total"], len(found["obligations"]))
    assert {"overdue": 5, "disputed": 0, "open": 0, "late": 0, "met": 0, "waived": 0} == found["states"]
    first = found["obligations"][-1]
    assert ("referral", "r1", "harbor", "county", DUE, None, "referral/r1") == tuple(
        first[name] for name in ("kind", "key", "debtor", "creditor", "due", "met", "subject")
    )
    # Due on the 3rd to the 7th, read on the morning of the 15th.
    assert {"0-7": 1, "8-30": 4, "31-90": 0, "90+": 0} == found["overdue_days"]


def test_the_state_follows_the_moment_that_is_asked_for(get: Get) -> None:
    def at(moment: str) -> dict[str, int]:
        states: dict[str, int] = get(f"/v1/obligations?as_of={moment}").json()["states"]
        return {state: n for state, n in states.items() if n}

    # Everything was recorded at once on the 15th: later, silence goes on; earlier, nobody knew.
    assert {"overdue": 5, "met": 2} == at("2025-07-01T00:00:00Z")
    assert {} == at("2025-06-01T00:00:00Z")


def test_the_matrix_counts_by_debtor_and_creditor(get: Get) -> None:
    (row,) = get("/v1/obligations/matrix").json()["matrix"]
    assert {"debtor": "harbor", "creditor": "county", "overdue": 5, "met": 2, "total": 7} == {
        name: row[name] for name in ("debtor", "creditor", "overdue", "met", "total")
    }
    told = list(csv.DictReader(io.StringIO(get("/v1/obligations/matrix.csv").body.decode())))
    assert [("harbor", "5")] == [(line["debtor"], line["overdue"]) for line in told]


def test_pages_of_the_list_follow_one_another(get: Get) -> None:
    keys, path = [], "/v1/obligations?limit=3"
    for _ in range(3):
        answer = get(path)
        keys += [one["key"] for one in answer.json()["obligations"]]
        link = answer.headers.get("link", "")
        path = link.partition("<")[2].partition(">")[0]
    assert [f"r{n}" for n in (5, 4, 3, 2, 1, 7, 6)] == keys
    assert path == ""


@pytest.mark.parametrize(
    "query", ["state=lost", "kind=favour", "age=4", "since=2025-02-30", "due_from=x", "after=-1", "limit=0", "after=٣"]
)
def test_a_filter_that_means_nothing_is_refused(get: Get, query: str) -> None:
    answer = get(f"/v1/obligations?{query}")
    assert answer.status in (400, 422)
    assert {"type", "title", "status"} <= set(answer.json())


def test_the_gauge_counts_by_state_and_kind(get: Get) -> None:
    families = text_string_to_metric_families(get("/metrics").body.decode())
    (family,) = [found for found in families if found.name == "tallystick_obligations"]
    counted = {(s.labels["state"], s.labels["kind"]): s.value for s in family.samples}
    assert (5, 2, 0) == (counted["overdue", "referral"], counted["met", "referral"], counted["overdue", "action"])


def test_the_gauge_counts_once_a_minute_and_rests_in_proportion(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    now, takes, counts = [0.0], [0.1], [0]
    gauge = ObligationGauge(house, lambda: now[0])

    def count() -> dict[tuple[str, ...], float]:
        counts[0] += 1
        now[0] += takes[0]
        return {("overdue", "referral"): float(counts[0])}

    monkeypatch.setattr(gauge, "_count", count)
    gauge()
    now[0] = EVERY_S
    assert {("overdue", "referral"): 1.0} == gauge()
    now[0] = EVERY_S + 0.2
    takes[0] = 3.0
    assert {("overdue", "referral"): 2.0} == gauge()
    now[0] += SHARE * 3.0 - 0.1
    assert {("overdue", "referral"): 2.0} == gauge()
    now[0] += 0.2
    assert {("overdue", "referral"): 3.0} == gauge()


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    for row in describe_settings():
        monkeypatch.delenv(row.env, raising=False)
    monkeypatch.setenv("TALLYSTICK_ZONE", "America/Los_Angeles")
    monkeypatch.setenv("NO_COLOR", "1")

    def go(*line: str, status: int = 0) -> str:
        assert status == main(("obligations", "--home", str(home), *line))
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return told.out + told.err if status else told.out

    return go


def test_the_command_shows_the_same_list(run: Callable[..., str], get: Get) -> None:
    moment = "2025-06-15T15:06:40Z"
    told = json.loads(run("--as-of", moment, "--format", "json"))
    assert get(f"/v1/obligations?as_of={moment}").json()["obligations"] == told["obligations"]
    lines = list(csv.DictReader(io.StringIO(run("--as-of", moment, "--state", "met", "--format", "csv"))))
    assert ["r7", "r6"] == [line["key"] for line in lines]
    table = run("--as-of", moment, "--agency", "harbor", "--limit", "1")
    assert "2025-06-07" in table
    assert "1 of 7 are shown" in table
    assert "5 overdue, 2 met" in table


def test_the_command_counts_the_matrix(run: Callable[..., str]) -> None:
    told = run("--as-of", "2025-06-15T15:06:40Z", "--matrix", "--format", "csv")
    assert ["debtor,creditor,overdue,disputed,open,late,met,waived,total", "harbor,county,5,0,0,0,2,0,7"] == (
        told.splitlines()
    )


def test_the_command_refuses_what_means_nothing(run: Callable[..., str]) -> None:
    told = run("--state", "lost", status=3)
    assert "error request_invalid" in told
    assert "overdue" in told
