"""The reading API: one row set in three forms, one error shape, paging, and the past."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from ops.composition import House, open_house
from ops.http.app import Porch, create_app, openapi
from ops.http.problem import SECURITY_HEADERS
from ops.settings import Settings
from tests.ops.asgi_client import Answer, call
from tests.ops.conftest import NOW_US

Get = Callable[[str], Answer]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Ten calls of March, seven closed in the community and one by arrest, and one rejection. Only read."""
    settings = Settings(home=tmp_path_factory.mktemp("api") / "home", zone="America/Los_Angeles")
    with open_house(settings=settings, clock=lambda: NOW_US) as house:
        house.record([*(_event(n, "call.received", "police", {"channel": "911"}) for n in range(10))])
        outcomes = [{"disposition": "arrest" if n == 7 else "remained_in_community"} for n in range(8)]
        house.record([_event(n, "encounter.closed", "crisis", data) for n, data in enumerate(outcomes)])
        house.record([b"{"])
        house.catch_up()
        yield house


@pytest.fixture(scope="module")
def app(filled: House) -> Porch:
    return create_app(filled)


@pytest.fixture
def get(app: Porch) -> Get:
    return lambda path: asyncio.run(call(app, "GET", path))


def _event(number: int, name: str, agency: str, data: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"{name}-{number}",
            "source": f"urn:agency:{agency}",
            "type": f"org.tallystick.{name}.v1",
            "subject": f"call/c-{number}",
            "time": "2025-03-01T10:00:00-08:00",
            "agency": agency,
            "data": {"call": f"c-{number}", **data},
        }
    ).encode()


def _rows(answer: Answer) -> list[dict[str, str]]:
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.body.decode())))


LISTS = {
    "/v1/scorecard": "cells",
    "/v1/kpis": "kpis",
    "/v1/kpis/K06": "cells",
    "/v1/cells?period=all": "cells",
    "/v1/cells/K06/1/all/all": "events",
    "/v1/events": "events",
    "/v1/agencies": "agencies",
    "/v1/rejections": "rejections",
    "/v1/quarantine": "quarantine",
    "/v1/contracts": "contracts",
}


@pytest.mark.parametrize("path", LISTS)
def test_every_list_is_also_there_as_csv_and_json_with_the_same_rows(filled: House, get: Get, path: str) -> None:
    bare, mark, query = path.partition("?")
    plain, as_json, as_csv = (get(f"{bare}{suffix}{mark}{query}") for suffix in ("", ".json", ".csv"))
    assert (plain.status, as_json.status, as_csv.status) == (200, 200, 200)
    assert plain.json()[LISTS[path]] == as_json.json()[LISTS[path]]
    rows = _rows(as_csv)
    assert len(plain.json()[LISTS[path]]) == len(rows)
    for row, item in zip(rows, plain.json()[LISTS[path]], strict=True):
        for name, text in row.items():
            if isinstance(item[name], int) and not isinstance(item[name], bool):
                assert str(item[name]) == text


def test_a_cell_has_the_published_shape(filled: House, get: Get) -> None:
    told = get("/v1/kpis/K06?period=all&group=all").json()
    (cell,) = told["cells"]
    assert tuple(cell[name] for name in ("kpi", "version", "period", "group", "value", "numerator", "denominator")) == (
        "K06",
        1,
        "all",
        "all",
        87.5,
        7,
        8,
    )
    assert {"target", "status", "excluded", "unit"} <= set(cell)
    assert {"moment", "log_index"} == set(told["as_of"])


def test_an_explanation_lists_the_events_and_the_same_value_computed_again(filled: House, get: Get) -> None:
    told = get("/v1/cells/K06/1/all/all").json()
    assert (told["cell"]["value"], told["recomputed"], told["agrees"]) == (87.5, 87.5, True)
    assert {"log_index", "type", "subject", "time", "recorded_at", "agency"} <= set(told["events"][0])


def test_as_of_an_earlier_log_index_reads_what_was_known_then(filled: House, get: Get) -> None:
    told = get("/v1/cells?kpi=K06&period=all&as_of=12").json()
    assert told["as_of"]["log_index"] == 12
    assert [(c["numerator"], c["denominator"]) for c in told["cells"] if c["group"] == "all"] == [(2, 2)]


def test_events_are_paged_without_a_gap_and_filtered(filled: House, get: Get) -> None:
    seen, path = [], "/v1/events?limit=7"
    while path:
        told = get(path).json()
        seen += [event["log_index"] for event in told["events"]]
        path = told["next"]
    assert list(range(1, 19)) == seen
    assert len(get("/v1/events?agency=crisis").json()["events"]) == 8
    assert len(get("/v1/events?type=call.received").json()["events"]) == 10
    assert len(get("/v1/events?type=org.tallystick.call.received.v1").json()["events"]) == 10
    assert len(get("/v1/events?subject=call/c-3").json()["events"]) == 2
    assert len(get("/v1/events?subject=call/c-3&agency=crisis").json()["events"]) == 1
    assert get("/v1/events?type=no.such").json()["events"] == []
    link = get("/v1/events.csv?limit=7").headers["link"]
    assert link == '</v1/events.csv?limit=7&after=7>; rel="next"'


def test_one_event_comes_with_the_bytes_that_were_hashed(filled: House, get: Get) -> None:
    import hashlib

    told = get("/v1/events/1").json()
    assert told["digest"] == hashlib.sha256(told["body"].encode()).hexdigest()
    assert told["id"] == "call.received-0"


def test_head_says_where_log_and_views_stand_and_its_totals_add_up(filled: House, get: Get) -> None:
    told = get("/v1/head").json()
    assert (told["log_index"], told["position"], told["lag_events"]) == (18, 18, 0)
    assert (told["totals"]["recorded"], told["totals"]["rejected"]) == (18, 1)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/nothing", 404, "not_found"),
        ("/v1/events/999", 404, "not_found"),
        ("/v1/events/abc", 400, "request_invalid"),
        ("/v1/events?limit=0", 400, "request_invalid"),
        ("/v1/events?limit=100000000", 400, "request_invalid"),
        ("/v1/kpis/K99", 404, "kpi_unknown"),
        ("/v1/cells?period=2025-13", 400, "period_invalid"),
        ("/v1/cells/K06/1/March/all", 400, "period_invalid"),
        ("/v1/scorecard?as_of=tomorrow", 400, "as_of_invalid"),
        ("/v1/scorecard?as_of=19", 400, "as_of_invalid"),
        ("/v1/scorecard?as_of=0", 400, "as_of_invalid"),
        ("/v1/contracts/no.such.v1", 404, "not_found"),
        ("/v1/head.csv", 404, "not_found"),
        ("/v1/events/1.csv", 404, "not_found"),
    ],
)
def test_every_error_has_one_shape(filled: House, get: Get, path: str, status: int, code: str) -> None:
    answer = get(path)
    told = answer.json()
    assert (status, code, "application/problem+json") == (
        answer.status,
        told["code"],
        answer.headers["content-type"],
    )
    assert {"type", "title", "status", "detail", "code", "pointer", "hint"} <= set(told)
    assert status == told["status"]


def test_a_method_that_is_not_taken_is_405_in_the_same_shape(app: Porch) -> None:
    answer = asyncio.run(call(app, "DELETE", "/v1/events"))
    assert (answer.status, answer.json()["code"]) == (405, "method_not_allowed")


def test_an_unexpected_failure_is_told_with_a_reference_and_no_traceback(
    filled: House, get: Get, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(filled, "scorecard", lambda *_: 1 / 0)
    answer = get("/v1/scorecard")
    assert (answer.status, answer.json()["code"]) == (500, "internal_error")
    reference = answer.json()["detail"].split()[-1]
    assert reference in caplog.text
    assert "ZeroDivisionError" not in answer.body.decode()


def test_every_answer_carries_the_security_headers_and_no_inline_script_is_allowed(filled: House, get: Get) -> None:
    for path in ("/v1/head", "/v1/nothing", "/healthz", "/metrics", "/v1/events.csv"):
        headers = get(path).headers
        for name, value in SECURITY_HEADERS:
            assert value.decode() == headers[name.decode()], path
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert (
        policy["default-src"],
        policy["script-src"],
        policy["frame-ancestors"],
    ) == ("'none'", "'self'", "'none'")


def test_the_openapi_document_names_every_route_and_the_intake(get: Get) -> None:
    document = json.loads(get("/v1/openapi.json").body)
    assert document == openapi()
    assert {"201", "200", "409", "413", "415", "422", "429"} <= set(
        document["paths"]["/v1/events"]["post"]["responses"]
    )
    assert {"/v1/head", "/v1/scorecard", "/v1/kpis/{kpi}", "/v1/contracts/{topic}"} <= set(document["paths"])
    assert all(operation["summary"] for path in document["paths"].values() for operation in path.values())


def test_metrics_follow_what_happened(filled: House, get: Get) -> None:
    text = get("/metrics").body.decode()
    assert "tallystick_head_log_index 18.0" in text
    assert "tallystick_lag_events 0.0" in text
    again = get("/metrics").body.decode()
    assert 'tallystick_http_requests_total{method="GET",route="/metrics",status="200"}' in again


def _series(get: Get) -> int:
    return len(get("/metrics").body.splitlines())


def test_a_path_that_somebody_made_up_makes_no_new_time_series(get: Get) -> None:
    before = _series(get)
    for n in range(5):
        get(f"/made/up/{n}")
    assert _series(get) - before <= 4  # one for all of them, one for /metrics itself, each with its birth
    text = get("/metrics").body.decode()
    assert "made" not in text


def test_ready_while_views_are_current_and_alive_always(filled: House, get: Get) -> None:
    assert get("/healthz").json() == {"status": "alive"}
    answer = get("/readyz")
    assert (answer.status, answer.json()["ready"]) == (200, True)


def test_csv_text_that_a_spreadsheet_would_run_is_defused() -> None:
    from ops.delivery import csv_text

    assert csv_text(["a"], [["=1+1"], [-5]]) == "a\r\n'=1+1\r\n-5\r\n"


def test_a_person_who_mistypes_a_pages_address_gets_a_page_and_a_program_a_problem(app: Porch) -> None:
    browser = (b"accept", b"text/html,application/xhtml+xml")
    page = asyncio.run(call(app, "GET", "/nowhere", headers=[browser]))
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    for path, headers in (("/nowhere", []), ("/v1/nowhere", [browser])):
        program = asyncio.run(call(app, "GET", path, headers=headers))
        assert program.headers["content-type"] == "application/problem+json"


BEYOND = ("9" * 20, "9" * 5_000, str(2**63), "-1", "\u0663")


@pytest.mark.parametrize("odd", BEYOND)
@pytest.mark.parametrize(
    "path",
    [
        "/v1/scorecard?as_of={}",
        "/v1/kpis/K06?as_of={}",
        "/v1/events?after={}",
        "/v1/rejections?after={}",
        "/v1/quarantine?after={}",
        "/v1/cells/K06/1/all/all?offset={}",
        "/?as_of={}",
        "/kpi/K06?as_of={}",
    ],
)
def test_a_number_no_ledger_can_hold_is_the_senders_mistake(get: Get, path: str, odd: str) -> None:
    assert get(path.format(quote(odd))).status == 400
    assert get(path.format("1")).status == 200


@pytest.mark.parametrize("odd", [*BEYOND, "0"])
def test_an_event_no_ledger_can_hold_is_not_found(get: Get, odd: str) -> None:
    assert get(f"/v1/events/{odd}").json()["code"] in ("not_found", "request_invalid")


@pytest.mark.parametrize(
    "period",
    ["0000-01", "0000-Q1", "0000", "1899", "2200-01", "9999-12", "9999", "\u0662\u0660\u0662\u0665", "9" * 5_000],
)
@pytest.mark.parametrize("path", ["/v1/kpis/K06?period={}", "/v1/cells?period={}", "/v1/cells/K06/1/{}/all"])
def test_a_period_outside_the_years_of_events_is_none(get: Get, path: str, period: str) -> None:
    asked = path.format(quote(period) if "?" in path else period)
    assert (get(asked).status, get(asked).json()["code"]) == (400, "period_invalid")
    for edge in ("1900-01", "1900-Q1", "1900", "2199-12", "2199-Q4", "2199"):
        assert get(path.format(edge)).status == 200


def test_a_group_a_kpi_does_not_have_is_unknown_wherever_it_is_asked_for(get: Get) -> None:
    for path in ("/v1/kpis/K06?group=nosuch", "/v1/kpis/K06?period=all&group=nosuch", "/v1/cells/K06/1/all/nosuch"):
        assert (get(path).status, get(path).json()["code"]) == (404, "group_unknown")
    assert len(get("/v1/kpis/K06?period=all&group=agency:crisis").json()["cells"]) == 1
    assert get("/v1/cells?group=nosuch").json()["cells"] == []


def test_an_address_with_a_slash_too_many_is_answered_and_not_redirected(app: Porch) -> None:
    for method, path in (("POST", "/v1/events/"), ("GET", "/v1/kpis/")):
        answer = asyncio.run(call(app, method, path, b"{}"))
        assert (answer.status, answer.json()["code"]) == (404, "not_found")
