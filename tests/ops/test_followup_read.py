"""Actions, decisions, orphans, feeds, delays and quality over the interface and the command line: the same values."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import EXIT_STATUS
from contracts.moments import parse_us
from ops.composition import House, open_house
from ops.http.app import Porch, create_app
from ops.settings import write_settings
from tests.ops.asgi_client import Answer, call
from tests.ops.test_cli import Ran, Run, run  # noqa: F401 - fixture
from tests.pages.reviewed_house import ZONE, Watch, closed, planned, said

NOW = "2025-06-15T15:00:00Z"
EARLY = "2025-01-12T18:00:00Z"
LATE = "2025-05-20T18:00:00Z"

Get = Callable[[str], Answer]
Ask = Callable[..., Ran]


def action(name: str, owner: str, due: str, time: str, **about: str) -> bytes:
    data: dict[str, Any] = {"action": name, "plan": "care", "owner": owner, "due": due, "what": f"Do {name}."}
    data |= {"about": about} if about else {}
    return said(f"o-{name}", "action.opened", f"action/{name}", time, "crisis", data)


def early() -> list[bytes]:
    """A plan, a feed of one agency, four of its reports two days old, and two actions."""
    feed = {"agency": "crisis", "feed": "encounter", "cadence": "monthly", "grace_days": 5, "since": "2025-01-01"}
    return [
        *planned(),
        said("f-1", "report.expected", "feed/crisis/encounter", "2025-01-02T10:00:00Z", "crisis", feed),
        *(closed(number, "remained_in_community") for number in range(4)),
        action("a-1", "county", "2025-05-01", "2025-01-11T10:00:00Z"),
        action("a-2", "crisis", "2025-07-01", "2025-01-11T11:00:00Z", kpi="K06"),
    ]


def late() -> list[bytes]:
    """A report nineteen days old, a referral accepted before it was made, an action opened and closed, a decision with
    dissent, and a mistake."""
    met = {"meeting": "m-1", "plan": "care", "attendees_by_agency": {"crisis": 2, "county": 1}, "quorum": True}
    motion = {"decision": "d-1", "plan": "care", "meeting": "m-1", "motion": "Answer within two days."}
    votes = {"votes": {"crisis": "for", "county": "against"}}
    dissent = {"dissent": [{"agency": "county", "reason": "=We lack the staff"}]}
    evidence = {"action": "a-3", "evidence_ref": "minutes-4"}
    wanted = {"referral": "r-1", "requester": "crisis", "target": "county", "need": "housing"}
    return [
        closed(4, "arrest", day="2025-05-01"),
        said("r-1", "referral.requested", "referral/r-1", "2025-05-20T10:00:00Z", "crisis", wanted),
        said("y-1", "referral.accepted", "referral/r-1", "2025-05-19T10:00:00Z", "county", {"referral": "r-1"}),
        action("a-3", "crisis", "2025-06-01", "2025-05-10T10:00:00Z"),
        said("x-3", "action.closed", "action/a-3", "2025-05-20T10:00:00Z", "crisis", evidence),
        said("m-1", "meeting.held", "meeting/m-1", "2025-05-19T10:00:00Z", "crisis", met),
        said("d-1", "decision.recorded", "decision/d-1", "2025-05-19T11:00:00Z", "crisis", motion | votes | dissent),
        said("c-9", "encounter.closed", "call/c-9", "2025-05-20T10:00:00Z", "crisis", {"call": "c-9"}),
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was recorded in January and in May, read as of a moment in June."""
    place: Path = tmp_path_factory.mktemp("followed") / "home"
    place.mkdir()
    write_settings(place, {"zone": ZONE, "as_of": NOW})
    clock = Watch(EARLY)
    with open_house(place, clock=clock) as house:
        assert (len(early()), 0) == recorded(house, early())
        clock.now_us = parse_us(LATE)
        assert (len(late()) - 1, 1) == recorded(house, late())
        house.catch_up()
    return place


def recorded(house: House, events: list[bytes]) -> tuple[int, int]:
    told = house.record(events).to_json()
    return told["recorded"], told["rejected"]


@pytest.fixture(scope="module")
def house(home: Path) -> Iterator[House]:
    with open_house(home, writable=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def app(house: House) -> Porch:
    return create_app(house)


@pytest.fixture
def get(app: Porch) -> Get:
    return lambda path: asyncio.run(call(app, "GET", path))


@pytest.fixture
def ask(run: Run, home: Path) -> Ask:  # noqa: F811
    return lambda *line: run(*line, "--home", str(home))


def rows(answer: Answer | Ran) -> list[dict[str, str]]:
    """The lines of a CSV, by column."""
    text = answer.body.decode() if isinstance(answer, Answer) else answer.out
    return list(csv.DictReader(io.StringIO(text)))


AT_FIRST = str(len(early()))
"""The log_index of January's last event."""


def test_actions_are_listed_with_their_states_and_the_follow_through(get: Get, ask: Ask) -> None:
    told = get("/v1/actions").json()
    assert [("a-1", "overdue"), ("a-2", "open"), ("a-3", "met")] == [
        (one["action"], one["state"]) for one in told["actions"]
    ]
    through = {"due": 2, "closed_in_time": 1, "closed_late": 0, "overdue": 1, "open": 1, "share": 50.0}
    assert through == told["follow_through"]
    assert {"moment": NOW, "log_index": None} == told["as_of"]
    assert ("2025-05-20T10:00:00Z", "minutes-4") == (told["actions"][2]["closed"], told["actions"][2]["evidence_ref"])
    assert told == ask("actions", "list", "--format", "json").json()


@pytest.mark.parametrize(
    ("query", "option", "expected"),
    [
        ("owner=crisis", ("--owner", "crisis"), ["a-2", "a-3"]),
        ("state=overdue", ("--state", "overdue"), ["a-1"]),
        ("about=K06", ("--about", "K06"), ["a-2"]),
        ("owner=nobody", ("--owner", "nobody"), []),
        (f"as_of={AT_FIRST}", ("--as-of", AT_FIRST), ["a-1", "a-2"]),
        ("as_of=2025-05-10T09:00:00Z", ("--as-of", "2025-05-10T09:00:00Z"), ["a-1", "a-2"]),
    ],
)
def test_actions_are_narrowed_alike_and_read_as_they_were_known(
    get: Get, ask: Ask, query: str, option: tuple[str, ...], expected: list[str]
) -> None:
    told = get(f"/v1/actions?{query}").json()
    assert expected == [one["action"] for one in told["actions"]]
    assert told == ask("actions", "list", *option, "--format", "json").json()


def test_an_action_that_is_overdue_now_was_open_in_january(get: Get) -> None:
    (was,) = get(f"/v1/actions?owner=county&as_of={AT_FIRST}").json()["actions"]
    assert "open" == was["state"]


def test_decisions_are_told_with_votes_dissent_and_quorum(get: Get, ask: Ask) -> None:
    told = get("/v1/decisions").json()
    (found,) = told["decisions"]
    assert ("d-1", "m-1", True, "2025-05-19T11:00:00Z") == (
        found["decision"],
        found["meeting"],
        found["quorum"],
        found["decided"],
    )
    assert {"crisis": "for", "county": "against"} == found["votes"]
    assert [{"agency": "county", "reason": "=We lack the staff"}] == found["dissent"]
    assert told == ask("actions", "decisions", "--format", "json").json()
    assert [] == get(f"/v1/decisions?as_of={AT_FIRST}").json()["decisions"]
    assert [] == ask("actions", "decisions", "--as-of", AT_FIRST, "--format", "json").json()["decisions"]
    assert [] == get("/v1/decisions?plan=other").json()["decisions"]
    shown = ask("actions", "decisions").out
    assert "agency county, reason =We lack the staff" in shown
    assert "{" not in shown


def test_orphans_are_told_with_what_they_lack(get: Get, ask: Ask) -> None:
    told = get("/v1/orphans").json()
    unowned = ("objective", "o1", "no owner is named")
    assert [unowned, ("action", "a-1", "its owner is no partner: county")] == [
        (one["kind"], one["id"], one["lacks"]) for one in told["orphans"]
    ]
    assert told == ask("actions", "orphans", "--format", "json").json()
    six = str(len(planned()))
    assert [unowned] == [
        (one["kind"], one["id"], one["lacks"]) for one in get(f"/v1/orphans?as_of={six}").json()["orphans"][:1]
    ]
    assert {"objective", "kpi"} == {one["kind"] for one in get(f"/v1/orphans?as_of={six}").json()["orphans"]}


def test_a_feed_tells_what_fell_due_and_what_came(get: Get, ask: Ask) -> None:
    told = get("/v1/feeds").json()
    (feed,) = told["feeds"]
    # January to May fell due by the middle of June; January and May came, both before their due moments.
    assert ("on_time", 5, 2, 2, 3, ["K06"]) == tuple(
        feed[name] for name in ("status", "due", "received", "on_time", "missing", "kpis")
    )
    # The fifth of June ends at 07:00 UTC in Los Angeles.
    assert ("2025-05", "2025-06-06T07:00:00Z") == (feed["latest"]["period"], feed["latest"]["due"])
    assert told == ask("feeds", "--format", "json").json()
    assert [] == get("/v1/feeds?agency=county").json()["feeds"]
    assert [] == ask("feeds", "--agency", "county", "--format", "json").json()["feeds"]
    silent = ask("feeds", "--as-of", "2025-03-10T00:00:00Z", "--format", "json").json()
    assert ["silent"] == [one["status"] for one in silent["feeds"]]
    assert silent == get("/v1/feeds?as_of=2025-03-10T00:00:00Z").json()
    assert "0 of 1 feeds are silent." in ask("feeds").out


def test_the_reports_of_one_feed_are_listed_the_latest_first(get: Get) -> None:
    told = get("/v1/feeds/crisis/encounter").json()["reports"]
    assert ["2025-06", "2025-05", "2025-04", "2025-03", "2025-02", "2025-01"] == [one["period"] for one in told]
    assert [None, "2025-05-20T18:00:00Z", None, None, None, "2025-01-12T18:00:00Z"] == [one["received"] for one in told]
    assert 404 == get("/v1/feeds/crisis/nothing").status
    assert "not_found" == get("/v1/feeds/nobody/encounter").json()["code"]


def test_delays_count_statements_by_days_of_lag(get: Get) -> None:
    county, crisis = get("/v1/delays").json()["delays"]
    assert ("county", 1, 100.0) == (county["agency"], county["total"], county["within_three_days"])
    # Two days late: the four reports of January. Ten: the feed. Nineteen and 42: May's report and the joining. The
    # same day: the referral. Five of the eight within three days.
    lags = {"0": 1, "1-3": 4, "4-6": 0, "7-10": 1, "11+": 2, "undated": 0}
    assert ("crisis", lags, 62.5) == (crisis["agency"], crisis["counts"], crisis["within_three_days"])
    (before,) = get(f"/v1/delays?as_of={AT_FIRST}").json()["delays"]
    assert {**lags, "0": 0, "11+": 1} == before["counts"]


def test_quality_is_a_share_of_checks_by_agency_and_dimension(get: Get, ask: Ask) -> None:
    told = get("/v1/quality").json()
    assert [
        ("county", "correct", 1, 1, 100.0),
        ("county", "complete", 1, 1, 100.0),
        ("county", "consistent", 2, 1, 50.0),  # accepted before it was requested; not declined as well
        ("county", "timely", 1, 1, 100.0),
        ("crisis", "correct", 9, 8, 88.9),  # eight statements and one that broke its contract
        ("crisis", "complete", 5, 2, 40.0),  # the reports that fell due
        ("crisis", "consistent", 0, 0, None),
        ("crisis", "timely", 13, 7, 53.8),  # five of eight statements and two of five reports
    ] == [tuple(one[name] for name in ("agency", "dimension", "checked", "held", "share")) for one in told["scores"]]
    assert told == ask("quality", "--format", "json").json()
    assert {"county"} == {one["agency"] for one in get("/v1/quality?agency=county").json()["scores"]}
    assert {"county"} == {
        one["agency"] for one in ask("quality", "--agency", "county", "--format", "json").json()["scores"]
    }
    # In January nothing had been refused yet.
    (correct,) = [one for one in get(f"/v1/quality?as_of={AT_FIRST}").json()["scores"] if one["dimension"] == "correct"]
    assert (6, 6) == (correct["checked"], correct["held"])


def test_a_rule_that_was_broken_comes_first_with_an_example(get: Get, ask: Ask) -> None:
    told = get("/v1/quality/rules").json()["rules"]
    assert ("accepted_before_requested", "county", 1, 1, ["referral/r-1"]) == tuple(
        told[0][name] for name in ("rule", "agency", "checked", "broken", "examples")
    )
    assert [0, 0] == [one["broken"] for one in told[1:]]
    assert told == ask("quality", "--rules", "--format", "json").json()["rules"]
    assert [] == get("/v1/quality/outliers").json()["outliers"]
    assert [] == ask("quality", "--outliers", "--format", "json").json()["outliers"]
    assert "[" not in ask("quality", "--rules").out


@pytest.mark.parametrize(
    ("path", "line", "key"),
    [
        ("/v1/actions", ("actions", "list"), "action"),
        ("/v1/decisions", ("actions", "decisions"), "decision"),
        ("/v1/orphans", ("actions", "orphans"), "id"),
        ("/v1/feeds", ("feeds",), "feed"),
        ("/v1/quality", ("quality",), "share"),
        ("/v1/quality/rules", ("quality", "--rules"), "rule"),
        ("/v1/quality/outliers", ("quality", "--outliers"), "kpi"),
        ("/v1/delays", None, "within_three_days"),
        ("/v1/feeds/crisis/encounter", None, "period"),
    ],
)
def test_every_list_is_also_a_csv_with_the_same_rows(
    get: Get, ask: Ask, path: str, line: tuple[str, ...] | None, key: str
) -> None:
    answer = get(f"{path}.csv")
    assert (200, "text/csv; charset=utf-8") == (answer.status, answer.headers["content-type"])
    told = get(path).json()
    items = next(told[name] for name in ("scores", *told) if name != "as_of" and isinstance(told.get(name), list))
    expected = ["" if item[key] is None else str(item[key]) for item in items]
    assert expected == [row[key] for row in rows(answer)]
    if line is not None:
        assert expected == [row[key] for row in rows(ask(*line, "--format", "csv"))]


def test_what_somebody_wrote_is_no_formula_in_a_spreadsheet(get: Get) -> None:
    (found,) = rows(get("/v1/decisions.csv"))
    assert found["dissent"].startswith('[{"agency":"county"')
    assert not any(value.startswith("=") for value in found.values())


LONG = "x" * 201


@pytest.mark.parametrize(
    ("path", "status", "code", "pointer"),
    [
        ("/v1/actions?state=done", 400, "request_invalid", "/state"),
        (f"/v1/actions?owner={LONG}", 400, "request_invalid", "/owner"),
        (f"/v1/actions?plan={LONG}", 400, "request_invalid", "/plan"),
        ("/v1/actions?as_of=soon", 400, "as_of_invalid", ""),
        (f"/v1/decisions?plan={LONG}", 400, "request_invalid", "/plan"),
        ("/v1/decisions?as_of=0", 400, "as_of_invalid", ""),
        ("/v1/orphans?as_of=999", 400, "as_of_invalid", ""),
        (f"/v1/feeds?agency={LONG}", 400, "request_invalid", "/agency"),
        ("/v1/feeds?as_of=2025-13-01T00:00:00Z", 400, "as_of_invalid", ""),
        ("/v1/feeds/a/b", 404, "not_found", ""),
        ("/v1/delays?as_of=-1", 400, "as_of_invalid", ""),
        (f"/v1/quality?agency={LONG}", 400, "request_invalid", "/agency"),
        (f"/v1/quality/rules?agency={LONG}", 400, "request_invalid", "/agency"),
        ("/v1/quality/outliers?as_of=x", 400, "as_of_invalid", ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_read_is_refused_with_its_code_and_place(
    get: Get, path: str, status: int, code: str, pointer: str
) -> None:
    answer = get(path)
    told = answer.json()
    assert (status, code, pointer) == (answer.status, told["code"], told["pointer"])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("actions", "list", "--state", "done"), "request_invalid"),
        (("actions", "list", "--as-of", "soon"), "as_of_invalid"),
        (("actions", "orphans", "--as-of", "999"), "as_of_invalid"),
        (("actions", "decisions", "--as-of", "0"), "as_of_invalid"),
        (("feeds", "--as-of", "x"), "as_of_invalid"),
        (("quality", "--as-of", "x"), "as_of_invalid"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_command_refuses_the_same(ask: Ask, line: tuple[str, ...], code: str) -> None:
    found = ask(*line)
    assert (EXIT_STATUS["rejected"], True) == (found.status, found.err.startswith(f"error {code}: "))
    assert not found.out


def test_a_state_that_is_none_is_told_with_its_place(ask: Ask) -> None:
    assert "at /state" in ask("actions", "list", "--state", "done").err
