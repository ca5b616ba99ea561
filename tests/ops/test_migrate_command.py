"""``tallystick migrate``: tables, common settings and topics once; every process that disagrees is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import Fault
from ops.agreeing import adopt, agree, common
from ops.backends import durable_store, open_parts
from ops.cli import main
from ops.composition import system_clock
from ops.settings import Settings


def _run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *line: str, **given: Any) -> Any:
    for name, value in given.items():
        monkeypatch.setenv(f"TALLYSTICK_{name.upper()}", str(value))
    status = main([*line, "--format", "json"])
    told = capsys.readouterr()
    return status, json.loads(told.out) if told.out else told.err


def test_on_sqlite_there_is_nothing_to_migrate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    status, told = _run(capsys, monkeypatch, "migrate", home=tmp_path / "home")
    assert (0, []) == (status, told["applied"])
    assert not (tmp_path / "home").exists()


def test_the_tables_are_made_once_and_the_second_time_nothing_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bare_postgres_address: str
) -> None:
    given = {"home": tmp_path, "database": bare_postgres_address}
    status, told = _run(capsys, monkeypatch, "migrate", **given)
    assert (0, "0001") == (status, told["applied"][0])
    assert (0, []) == ((again := _run(capsys, monkeypatch, "migrate", **given))[0], again[1]["applied"])


def test_before_it_a_ledger_cannot_be_opened(bare_postgres_address: str, tmp_path: Path) -> None:
    with pytest.raises(Fault) as caught:
        open_parts(Settings(home=tmp_path, database=bare_postgres_address), system_clock, True)
    assert "not_migrated" == caught.value.problem.code


def test_a_database_that_cannot_be_reached_is_one_fault_without_its_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = "postgresql://u:s3cr3t@127.0.0.1:1/db"
    status, said = _run(capsys, monkeypatch, "migrate", home=tmp_path, database=address)
    assert (5, True) == (status, said.startswith("error database_unavailable: "))
    assert "s3cr3t" not in said
    assert "Traceback" not in said


def test_a_topic_is_made_for_everything_and_one_of_another_size_is_refused(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    postgres_address: str,
    broker: str,
    topic_prefix: str,
) -> None:
    credentials = tmp_path / "credentials.json"
    credentials.write_text(
        json.dumps(
            [
                {"name": "cad", "role": "agency", "agency": "police", "token_sha256": "0" * 64}
                | {"kafka_topic": f"{topic_prefix}.from.police", "kafka_principal": "User:cad"},
                {"name": "it", "role": "operator", "token_sha256": "1" * 64},
            ]
        )
    )
    given = {
        "home": tmp_path,
        "database": postgres_address,
        "broker": f"kafka://{broker}",
        "topic_prefix": topic_prefix,
        "credentials_file": credentials,
    }
    status, told = _run(capsys, monkeypatch, "migrate", **given, events_partitions=4)
    assert (0, 4) == (status, told["topics"][f"{topic_prefix}.events"])
    assert {"events", "intake", "receipts", "rejections", "from.police"} == {
        name.removeprefix(f"{topic_prefix}.") for name in told["topics"]
    }
    status, said = _run(capsys, monkeypatch, "migrate", **given, events_partitions=5)
    assert (4, True) == (status, "events_partitions is 5 here and 4 in this ledger" in said)
    status, said = _run(capsys, monkeypatch, "migrate", "--adopt", **given, events_partitions=5)
    assert (5, True) == (status, said.startswith("error topic_unsuitable: "))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"zone": "America/Los_Angeles"}, "/zone"),
        ({"as_of": "2026-01-01T00:00:00Z"}, "/as_of"),
        ({"broker": "kafka://127.0.0.1:1"}, "/broker"),
    ],
)
def test_a_process_that_differs_is_refused_and_told_in_what(
    postgres_address: str, tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    settings = Settings(home=tmp_path, database=postgres_address)
    open_parts(settings, system_clock, True).close()
    with pytest.raises(Fault) as caught:
        open_parts(settings.model_copy(update=change), system_clock, True)
    assert ("settings_differ", named) == (caught.value.problem.code, caught.value.problem.pointer)
    open_parts(settings, system_clock, True).close()  # control: the same settings still fit


def test_what_is_adopted_holds_for_all_and_says_what_it_replaced(postgres_address: str, tmp_path: Path) -> None:
    before = Settings(home=tmp_path, database=postgres_address)
    after = before.model_copy(update={"zone": "Asia/Tokyo", "broker": "kafka://127.0.0.1:1"})
    with durable_store(before, system_clock) as store:
        agree(store, before)
        assert {"zone": "UTC", "applied": "in_process"} == adopt(store, after)
        agree(store, after)
        with pytest.raises(Fault):
            agree(store, before)
        assert {} == adopt(store, after)


def test_a_setting_that_matters_only_with_a_broker_is_not_fixed_before_there_is_one() -> None:
    assert {"zone", "as_of", "applied"} == set(common(Settings(database="postgresql://u@h/db")))
