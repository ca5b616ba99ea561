"""Reconciliation as it is asked for: over HTTP and on the command line, with the faults of what cannot be meant."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ops.cli import main
from ops.composition import House, open_house
from ops.http.app import create_app
from ops.settings import Settings
from tests.ops.asgi_client import Answer, call
from tests.ops.conftest import NOW_US

Get = Callable[[str], Answer]
Run = Callable[..., tuple[int, str, str]]


def _event(name: str, subject: str, agency: str, day: str, data: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"{name}-{subject}-{day}",
            "source": f"urn:agency:{agency}",
            "type": f"org.tallystick.{name}.v1",
            "subject": subject,
            "time": f"2025-{day}T10:00:00-07:00",
            "agency": agency,
            "data": data,
        }
    ).encode()


def _refer(name: str, day: str) -> bytes:
    data = {"referral": name, "requester": "county", "target": "harbor", "need": "food"}
    return _event("referral.requested", f"referral/{name}", "county", day, data)


EVENTS = (
    _refer("r-1", "05-01"),
    _refer("r-2", "05-02"),
    _refer("r-3", "06-10"),
    _event("referral.accepted", "referral/r-1", "harbor", "05-03", {"referral": "r-1"}),
    _event("referral.accepted", "referral/r-9", "harbor", "05-03", {"referral": "r-9"}),
    _event(
        "service.delivered",
        "delivery/d-1",
        "harbor",
        "05-04",
        {"delivery": "d-1", "service": "peer", "units": 4, "for_agency": "county"},
    ),
    _event("service.confirmed", "delivery/d-1", "county", "05-05", {"delivery": "d-1", "units": 3}),
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Three referrals and a delivery between two agencies, and an answer to a referral nobody made. Only read."""
    settings = Settings(home=tmp_path_factory.mktemp("halves") / "home", zone="America/Los_Angeles")
    with open_house(settings=settings, clock=lambda: NOW_US) as house:
        tally = house.record(EVENTS)
        assert tally.recorded == len(EVENTS)
        house.catch_up()
        yield house


@pytest.fixture(scope="module")
def get(filled: House) -> Get:
    app = create_app(filled)
    return lambda path: asyncio.run(call(app, "GET", path))


def _rows(answer: Answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.body.decode())))


COUNTS = {"claimed": 4, "confirmed": 1, "disputed": 1, "pending": 2, "pending_past_grace": 1, "unmatched": 1}


def test_the_sums_say_who_claims_what_of_whom_and_who_is_waited_for(get: Get) -> None:
    told = get("/v1/reconciliation").json()
    assert COUNTS == told["total"]
    assert [{"agency": "harbor", "pending": 2, "past_grace": 1, "first_halves": 0}] == told["waited_for"]
    service = next(fact for fact in told["facts"] if fact["fact"] == "service")
    assert [{"unit": "units", "claimed": 4, "confirmed": 3, "disputed": 1, "pending": 0}] == service["quantities"]
    rows = _rows(get("/v1/reconciliation.csv"))
    for name, expected in COUNTS.items():
        assert expected == sum(int(row[name]) for row in rows) == sum(line[name] for line in told["lines"])


def test_the_list_of_two_carries_both_digests_as_json_and_csv(filled: House, get: Get) -> None:
    told = get("/v1/reconciliation/county/harbor?state=disputed").json()
    (item,) = told["items"]
    assert ("d-1", "harbor", "county", "disputed") == tuple(item[k] for k in ("key", "claimer", "other", "state"))
    assert [{"about": "units", "claimed": 4, "answered": 3}] == item["differences"]
    digests = [filled.reader.at([index])[0].digest.hex() for index in (6, 7)]
    assert digests == [item["first"][0]["digest"], item["second"][0]["digest"]]
    (row,) = _rows(get("/v1/reconciliation/county/harbor.csv?state=disputed"))
    assert digests == [row["first_digest"], row["second_digest"]]
    assert "units: 4 claimed, 3 answered" == row["differences"]


def test_the_list_is_paged_without_a_gap_in_either_direction(get: Get) -> None:
    whole = [item["key"] for item in get("/v1/reconciliation/harbor/county").json()["items"]]
    assert ["r-1", "r-2", "r-9", "d-1", "r-3"] == whole
    paged, after = [], 0
    while True:
        answer = get(f"/v1/reconciliation/county/harbor?limit=2&after={after}")
        paged += [item["key"] for item in answer.json()["items"]]
        after += 2
        assert ("link" in answer.headers) == (after < 5)
        if after >= 5:
            break
    assert whole == paged


def test_as_of_an_earlier_event_the_answer_is_not_known_yet(get: Get) -> None:
    assert {"claimed": 3, "pending": 3, "confirmed": 0} == {
        name: n
        for name, n in get("/v1/reconciliation?as_of=3").json()["total"].items()
        if name in ("claimed", "pending", "confirmed")
    }


FAULTS = [
    ("/v1/reconciliation?period=soon", 400, "period_invalid"),
    ("/v1/reconciliation?as_of=99999", 400, "as_of_invalid"),
    ("/v1/reconciliation/county/nobody-knows", 404, "agency_unknown"),
    ("/v1/reconciliation/nobody-knows/county", 404, "agency_unknown"),
    ("/v1/reconciliation/-/county", 404, "agency_unknown"),
    ("/v1/reconciliation/county/county", 400, "request_invalid"),
    ("/v1/reconciliation/county/harbor?state=odd", 400, "request_invalid"),
    ("/v1/reconciliation/county/harbor?fact=odd", 400, "request_invalid"),
    ("/v1/reconciliation/county/harbor?limit=0", 400, "request_invalid"),
    ("/v1/reconciliation/county/harbor?after=-1", 400, "request_invalid"),
    ("/v1/reconciliation/county/harbor?after=99999999999", 400, "request_invalid"),
]


@pytest.mark.parametrize(("path", "status", "code"), FAULTS)
def test_what_cannot_be_meant_is_told_in_the_one_shape(get: Get, path: str, status: int, code: str) -> None:
    answer = get(path)
    assert (status, code) == (answer.status, answer.json()["code"])
    assert answer.json()["hint"]


def test_an_agency_that_others_name_and_that_sent_nothing_is_known(get: Get) -> None:
    assert 200 == get("/v1/reconciliation/county/-").status
    # Of a third agency that nobody names there is no list, though the first is known.
    assert 404 == get("/v1/reconciliation/county/lakeside").status


@pytest.fixture
def run(filled: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command over the same house as of its last event: what it prints must not depend on today."""
    monkeypatch.setenv("NO_COLOR", "1")

    def go(*given: str) -> tuple[int, str, str]:
        status = main(("reconciliation", *given, "--home", str(filled.home), "--as-of", str(len(EVENTS))))
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return status, told.out, told.err

    return go


def test_the_command_gives_the_sums_in_every_format(run: Run) -> None:
    assert COUNTS == json.loads(run("--format", "json")[1])["total"]
    rows = list(csv.DictReader(io.StringIO(run("--format", "csv")[1])))
    assert COUNTS["claimed"] == sum(int(row["claimed"]) for row in rows)
    assert "harbor: 2 unanswered, 1 of them past their grace" in run()[1]


def test_the_command_lists_two_agencies_and_narrows(run: Run) -> None:
    told = json.loads(run("county", "harbor", "--state", "past_grace", "--format", "json")[1])
    assert [["r-2", True, "harbor"]] == [[i["key"], i["past_grace"], i["waits_for"]] for i in told["items"]]
    rows = list(csv.DictReader(io.StringIO(run("county", "harbor", "--format", "csv")[1])))
    assert [5, 64] == [len(rows), len(rows[0]["first_digest"])]
    assert "3 more are not shown" in run("county", "harbor", "--limit", "2")[1]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("county",), "usage"),
        (("--state", "disputed"), "usage"),
        (("county", "harbor", "--state", "odd"), "request_invalid"),
        (("county", "harbor", "--fact", "odd"), "request_invalid"),
        (("county", "nobody-knows"), "agency_unknown"),
        (("county", "harbor", "--period", "soon"), "period_invalid"),
    ],
)
def test_a_command_that_cannot_be_meant_fails_and_says_why(run: Run, given: tuple[str, ...], code: str) -> None:
    status, out, err = run(*given)
    assert (True, "") == (status != 0, out)
    assert f"error {code}: " in err
