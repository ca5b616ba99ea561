"""The settings: where a value comes from, what is refused, and that the reference is rendered from the
class.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path

import pytest

from contracts.faults import Fault
from ops.cli import main
from ops.settings import (
    FILE_NAME,
    Settings,
    describe_settings,
    is_loopback,
    load_settings,
    render_settings,
    write_settings,
)


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for row in describe_settings():
        monkeypatch.delenv(row.env, raising=False)


def test_an_argument_wins_over_the_environment_over_the_file_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(tmp_path).port == 8420
    (tmp_path / FILE_NAME).write_text("port = 1001\n")
    assert load_settings(tmp_path).port == 1001
    monkeypatch.setenv("TALLYSTICK_PORT", "1002")
    assert load_settings(tmp_path).port == 1002
    assert load_settings(tmp_path, port=1003).port == 1003


def test_the_home_may_come_from_the_environment_but_not_from_its_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYSTICK_HOME", str(tmp_path / "there"))
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / FILE_NAME).write_text('home = "/elsewhere"\nport = 1001\n')
    settings = load_settings()
    assert settings.home == tmp_path / "there"
    assert settings.port == 1001


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("port = 70000\n", "/port"),
        ('zone = "Mars/Olympus"\n', "/zone"),
        ('as_of = "yesterday"\n', "/as_of"),
        ("colour = 3\n", "/colour"),
        ('database = "mysql://u:s3cr3t@h/db"\n', "/database"),
        ('database = "postgresql://u:s3cr3t@h:70000/db"\n', "/database"),
        ('broker = "kafka://u:s3cr3t@h:9092"\n', "/broker"),
        ('broker = "localhost:9092"\n', "/broker"),
        ('broker = "kafka://localhost:9092"\n', "/broker"),
        ('topic_prefix = "two words"\n', "/topic_prefix"),
        ("events_partitions = 0\n", "/events_partitions"),
        ("database_pool_max = 1\n", "/database_pool_max"),
        ("lease_s = 0\n", "/lease_s"),
        ("metrics_port = 70000\n", "/metrics_port"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(Fault) as caught:
        load_settings(tmp_path)
    assert caught.value.problem.code == "settings_invalid"
    assert caught.value.problem.pointer == named
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))


def test_a_file_that_is_no_toml_is_a_fault_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("zone: UTC\n")
    with pytest.raises(Fault) as caught:
        load_settings(tmp_path)
    assert caught.value.problem.code == "settings_invalid"


def test_what_is_written_for_a_new_home_is_read_back_and_never_overwritten(tmp_path: Path) -> None:
    write_settings(tmp_path, {"zone": "America/Los_Angeles", "as_of": "2026-01-01T00:00:00Z", "port": 9})
    settings = load_settings(tmp_path)
    assert (settings.zone, settings.as_of, settings.port) == (
        "America/Los_Angeles",
        "2026-01-01T00:00:00Z",
        9,
    )
    write_settings(tmp_path, {"zone": "UTC"})
    assert load_settings(tmp_path).zone == "America/Los_Angeles"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_loopback_is_told_from_everything_else(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_every_setting_says_what_it_does_and_names_its_unit() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        if field.annotation in (int, float) and name != "port":
            assert name.endswith(
                ("_s", "_events", "_bytes", "_keys", "_connections", "_rows", "_partitions", "_pool_max")
            ), name
    rendered = render_settings()
    assert all(f"`{name}`" in rendered for name in Settings.model_fields)


def test_a_password_is_taken_from_its_file_and_printed_by_nothing(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cr3t\n")
    (tmp_path / FILE_NAME).write_text(
        'database = "postgresql://tally:old-one@db.example/tally"\ndatabase_password_file = "password"\n'
    )
    settings = load_settings(tmp_path)
    assert settings.database_address() == "postgresql://tally:s3cr3t@db.example/tally"
    assert settings.database_told == "postgresql://tally:***@db.example/tally"
    assert not {"s3cr3t", "old-one"} & set(re.split(r"[:@/']", repr(settings) + str(settings)))


def test_a_password_file_that_is_missing_is_a_fault_that_names_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database="postgresql://u@h/db", database_password_file=Path("nowhere"))
    with pytest.raises(Fault) as caught:
        settings.database_address()
    assert caught.value.problem.pointer == "/database_password_file"
    assert str(tmp_path / "nowhere") in caught.value.problem.detail


def test_without_a_database_or_a_broker_there_is_none_to_reach() -> None:
    settings = Settings()
    assert (settings.database_told, settings.broker_servers) == (None, ())
    with pytest.raises(ValueError):
        settings.database_address()


def test_whoever_logs_in_to_the_brokers_has_a_password_in_a_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, broker_user="tally")
    with pytest.raises(Fault) as caught:
        settings.broker_password()
    assert caught.value.problem.pointer == "/broker_password_file"
    (tmp_path / "password").write_text("s3cr3t\n")
    assert "s3cr3t" == Settings(home=tmp_path, broker_user="tally", broker_password_file="password").broker_password()
    assert Settings(home=tmp_path).broker_password() is None


def test_the_demonstration_never_fills_a_ledger_that_others_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TALLYSTICK_DATABASE", "postgresql://u@127.0.0.1:1/d")
    assert 3 == main(["demo", "--no-serve", "--home", str(tmp_path / "home")])
    assert "the demonstration fills a home of its own" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()
