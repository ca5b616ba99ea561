"""Who may ask: loopback only while no credentials are set up, and afterwards only what a role allows."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import Fault
from ops.composition import House
from ops.http.app import create_app
from ops.http.auth import Gate, Principal, load_credentials
from ops.settings import Settings
from tests.ops.asgi_client import EVENT, Answer, call

Raw = Callable[..., bytes]
TOKENS = {"cad": "police-token", "eyes": "reader-token", "root": "operator-token"}


def _bearer(name: str) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {TOKENS[name]}".encode()


@pytest.fixture
def guarded(house: House, tmp_path: Path) -> Any:
    """The house behind three credentials: an agency's, a reader's, an operator's."""
    path = tmp_path / "credentials.json"
    named = [("cad", "agency", "police"), ("eyes", "reader", None), ("root", "operator", None)]
    path.write_text(
        json.dumps(
            [
                {
                    "name": name,
                    "role": role,
                    "agency": agency,
                    "token_sha256": hashlib.sha256(TOKENS[name].encode()).hexdigest(),
                }
                for name, role, agency in named
            ]
        )
    )
    settings = house.settings.model_copy(update={"credentials_file": path, "host": "0.0.0.0"})
    return create_app(house, settings)


def _ask(app: Any, method: str, path: str, *headers: tuple[bytes, bytes], body: bytes = b"", **more: Any) -> Answer:
    return asyncio.run(call(app, method, path, body, headers, **more))


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "ledger.example", "::"])
def test_without_credentials_only_loopback_is_bound(house: House, host: str) -> None:
    with pytest.raises(Fault) as caught:
        create_app(house, house.settings.model_copy(update={"host": host}))
    assert caught.value.problem.code == "loopback_only"
    assert host in caught.value.problem.detail


@pytest.mark.parametrize("host", [b"evil.example", b"evil.example:8420", b"127.0.0.1.evil.example", b"", b"[fe80::1]"])
def test_without_credentials_a_rebound_name_is_refused_for_reading_and_recording(
    house: House, raw: Raw, host: bytes
) -> None:
    app = create_app(house)
    for answer in (
        _ask(app, "GET", "/v1/head", host=host),
        _ask(app, "POST", "/v1/events", EVENT, body=raw(1), host=host),
    ):
        assert (answer.status, answer.json()["code"]) == (403, "not_allowed")
    assert house.reader.head().log_index == 0


@pytest.mark.parametrize("host", [b"127.0.0.1", b"localhost:8420", b"[::1]:8420", b"LOCALHOST"])
def test_loopback_names_are_answered(house: House, host: bytes) -> None:
    assert _ask(create_app(house), "GET", "/v1/head", host=host).status == 200


def test_a_request_started_by_another_site_records_nothing(house: House, raw: Raw) -> None:
    app = create_app(house)
    foreign = _ask(app, "POST", "/v1/events", EVENT, (b"origin", b"https://evil.example"), body=raw(1))
    opaque = _ask(app, "POST", "/v1/events", EVENT, (b"origin", b"null"), body=raw(1))
    own = _ask(app, "POST", "/v1/events", EVENT, (b"origin", b"http://127.0.0.1:8420"), body=raw(1))
    assert [foreign.status, opaque.status, own.status] == [403, 403, 201]


def test_with_credentials_everything_but_health_asks_for_one(guarded: Any) -> None:
    for path in ("/v1/head", "/v1/scorecard", "/metrics", "/", "/openapi.json", "/nothing"):
        answer = _ask(guarded, "GET", path, host=b"ledger.example")
        assert (answer.status, answer.json()["code"]) == (401, "credentials_missing"), path
        assert "Bearer" in answer.headers["www-authenticate"]
    assert _ask(guarded, "GET", "/healthz", host=b"10.0.0.9").status == 200


def test_bearer_and_basic_are_both_taken_and_a_wrong_one_is_neither(guarded: Any) -> None:
    def basic(name: str, token: str) -> tuple[bytes, bytes]:
        return b"authorization", b"Basic " + base64.b64encode(f"{name}:{token}".encode())

    right = [_bearer("eyes"), basic("eyes", TOKENS["eyes"])]
    wrong = [
        (b"authorization", b"Bearer wrong"),
        (b"authorization", b"Bearer "),
        (b"authorization", b"Digest x"),
        (b"authorization", b"Basic !!!"),
        basic("root", TOKENS["eyes"]),
        basic("eyes", "wrong"),
    ]
    assert [_ask(guarded, "GET", "/v1/head", header).status for header in right] == [200, 200]
    assert [_ask(guarded, "GET", "/v1/head", h).json()["code"] for h in wrong] == ["credentials_invalid"] * 6


def test_an_agency_speaks_for_itself_only(guarded: Any, raw: Raw, house: House) -> None:
    own = _ask(guarded, "POST", "/v1/events", EVENT, _bearer("cad"), body=raw(1))
    other = _ask(guarded, "POST", "/v1/events", EVENT, _bearer("cad"), body=raw(2, agency="housing"))
    unnamed = json.loads(raw(3))
    del unnamed["agency"]
    filled = _ask(guarded, "POST", "/v1/events", EVENT, _bearer("cad"), body=json.dumps(unnamed).encode())
    assert [own.status, other.status, filled.status] == [201, 403, 201]
    assert other.json()["code"] == "agency_not_entitled"
    assert [event.agency for event in house.reader.after(0, 10)] == ["police", "police"]
    assert _ask(guarded, "POST", "/v1/events", EVENT, _bearer("root"), body=raw(2, agency="housing")).status == 201


ADOPTED = {
    "type": "org.tallystick.plan.adopted.v1",
    "subject": "plan/p1",
    "data": {"plan": "p1", "version": 1, "period": {"from": "2025-01-01", "to": "2027-12-31"}},
}


def _withdrew(agency: str) -> dict[str, Any]:
    data = {"agency": agency, "reason": "closed"}
    return {"type": "org.tallystick.agency.withdrew.v1", "subject": f"agency/{agency}", "data": data}


@pytest.mark.parametrize("media", [b"application/cloudevents+json", b"application/cloudevents-batch+json"])
@pytest.mark.parametrize(
    ("what", "code"),
    [(ADOPTED, "not_allowed"), (_withdrew("housing"), "agency_not_entitled"), (_withdrew("police"), None)],
)
def test_an_agency_neither_decides_nor_says_that_another_left(
    guarded: Any, raw: Raw, house: House, what: dict[str, Any], code: str | None, media: bytes
) -> None:
    body = json.dumps({**json.loads(raw(1)), **what}).encode()
    if b"batch" in media:
        body = b"[" + body + b"]"
    _ask(guarded, "POST", "/v1/events", (b"content-type", media), _bearer("cad"), body=body)
    assert ([code] if code else []) == [kept.problem.code for kept in house.rejections(9, 0)]
    assert house.reader.head().log_index == (0 if code else 1)
    _ask(guarded, "POST", "/v1/events", (b"content-type", media), _bearer("root"), body=body)
    assert house.reader.head().log_index == 1, "an operator may"


def test_a_reader_records_nothing(guarded: Any, raw: Raw, house: House) -> None:
    answer = _ask(guarded, "POST", "/v1/events", EVENT, _bearer("eyes"), body=raw(1))
    assert (answer.status, answer.json()["code"]) == (403, "not_allowed")
    assert house.reader.head().log_index == 0


def test_rejections_are_shown_to_who_sent_them_and_to_operators(guarded: Any, raw: Raw) -> None:
    _ask(guarded, "POST", "/v1/events", EVENT, _bearer("cad"), body=b"{")
    _ask(guarded, "POST", "/v1/events", EVENT, _bearer("root"), body=b"[")
    assert [
        len(_ask(guarded, "GET", "/v1/rejections", _bearer(name)).json()["rejections"]) for name in ("cad", "root")
    ] == [1, 2]
    assert _ask(guarded, "GET", "/v1/rejections", _bearer("eyes")).status == 403


def test_quarantine_is_for_operators(guarded: Any) -> None:
    assert [_ask(guarded, "GET", "/v1/quarantine", _bearer(name)).status for name in ("cad", "eyes", "root")] == [
        403,
        403,
        200,
    ]


@pytest.mark.parametrize(
    "written",
    [
        "",
        "[]",
        "{}",
        '[{"name": "a", "role": "king", "token_sha256": "' + "0" * 64 + '"}]',
        '[{"name": "a", "role": "agency", "token_sha256": "' + "0" * 64 + '"}]',
        '[{"name": "a", "role": "reader", "agency": "x", "token_sha256": "' + "0" * 64 + '"}]',
        '[{"name": "a", "role": "reader", "token_sha256": "secret"}]',
        '[{"name": "a", "role": "reader", "token": "secret", "token_sha256": "' + "0" * 64 + '"}]',
        json.dumps([{"name": "a", "role": "reader", "token_sha256": "0" * 64}] * 2),
    ],
)
def test_a_credentials_file_that_breaks_its_rules_is_refused_without_showing_secrets(
    tmp_path: Path, written: str
) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(written)
    with pytest.raises(Fault) as caught:
        load_credentials(path)
    assert caught.value.problem.code == "settings_invalid"
    assert "secret" not in caught.value.problem.detail


def test_a_missing_credentials_file_is_refused_and_does_not_leave_the_house_open(house: House, tmp_path: Path) -> None:
    with pytest.raises(Fault) as caught:
        create_app(house, Settings(home=house.home, credentials_file=tmp_path / "none.json"))
    assert caught.value.problem.code == "settings_invalid"


def test_remembered_verdicts_are_bounded_and_hold_no_refusals() -> None:
    gate = Gate([])
    for n in range(3_000):
        gate.admit(b"localhost", b"Bearer %d" % n, b"")
    assert gate._known == {}
    open_gate = Gate(None).admit(b"localhost", b"", b"")
    assert isinstance(open_gate, Principal)
