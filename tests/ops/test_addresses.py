"""Addresses: what is one, and that no password in one is ever printed."""

from __future__ import annotations

import pytest

from ops.addresses import broker_servers, checked_database, is_database, redacted, with_password, without_secrets
from ops.cli import main


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://tally@db.example:5432/tally",
        "postgres://db.example/tally",
        "postgresql:///tally?host=/var/run/postgresql",
        "postgresql://tally:p%40ss@db.example/tally?sslmode=require",
        "postgresql://tally@[::1]:5433/tally",
    ],
)
def test_an_address_of_a_database_is_taken_as_it_is(address: str) -> None:
    assert address == checked_database(address)
    assert is_database(address)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://u:s3cr3t@h/db", "scheme"),
        ("postgresql://u:1/s3cr3t@h/db", "%2F"),
        ("postgresql://u:s3cr3t@h:99999/db", "port"),
        ("postgresql://u:s3cr3t@h:0/db", "port is 0"),
        ("postgresql://u:s3cr3t@h:abc/db", "port"),
        ("postgresql://u:s3cr3t@h/", "no database"),
        ("postgresql:///db", "no host"),
        ("postgresql://u:s3cr3t@h/db?nope=1", "postgresql://user@host"),
        ("postgresql://u@h/db?nope=1", "nope"),
        ("s3cr3t", "scheme"),
        ("", "scheme"),
    ],
)
def test_what_is_no_address_of_a_database_is_refused_without_repeating_a_secret(address: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        checked_database(address)
    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "servers"),
    [
        ("kafka://a.example:1", ("a.example:1",)),
        ("kafka://a:1,b", ("a:1", "b:9092")),
        ("kafka://[::1]:9", ("[::1]:9",)),
        ("KAFKA://a/", ("a:9092",)),
    ],
)
def test_brokers_are_read_with_their_default_port(address: str, servers: tuple[str, ...]) -> None:
    assert servers == broker_servers(address)


@pytest.mark.parametrize(
    "address",
    ["", "a:9092", "http://a:9092", "kafka://", "kafka://a:0", "kafka://a:x", "kafka://a:1/t", "kafka://a,,b"],
)
def test_what_is_no_address_of_brokers_is_refused(address: str) -> None:
    with pytest.raises(ValueError):
        broker_servers(address)


def test_brokers_carry_no_password_and_it_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="no user or password") as caught:
        broker_servers("kafka://u:s3cr3t@a:9092")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u:s3cr3t@h:5/db?sslmode=require", "postgresql://u:***@h:5/db?sslmode=require"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("postgresql://u@h/db?password=s3cr3t&sslpassword=s3cr3t", "postgresql://u@h/db?password=***&sslpassword=***"),
        ("postgresql:///db?host=/run", "postgresql:///db?host=/run"),
        ("s3cr3t", "***"),
        ("postgresql://u:1/s3cr3t@h/db", "***"),
        ("postgresql://[s3cr3t", "***"),
    ],
)
def test_an_address_is_told_without_its_passwords(address: str, shown: str) -> None:
    assert shown == redacted(address)


def test_a_drivers_sentence_is_told_without_the_password_it_repeats_however_it_is_spelled() -> None:
    address = "postgresql://u:p%40ss@h/db"
    assert "*** *** for u" == without_secrets("p%40ss p@ss for u", address, None)
    assert "at postgresql://u:***@h/db" == without_secrets(f"at {address}", address)


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("at postgresql://u:s3cr3t@h/db, twice", "at postgresql://u:***@h/db, twice"),
        ("'host=h password=s3cr3t user=u'", "'host=h password=*** user=u'"),
        ("https://h.example/a:b is no secret", "https://h.example/a:b is no secret"),
    ],
)
def test_a_sentence_is_told_without_the_passwords_of_addresses_nobody_named(sentence: str, told: str) -> None:
    assert told == without_secrets(sentence)


@pytest.mark.parametrize(
    ("address", "whole"),
    [
        ("postgresql://u@h:5/db", "postgresql://u:a%20b%2F%40@h:5/db"),
        ("postgresql://u:old@h/db?password=older", "postgresql://u:a%20b%2F%40@h/db"),
        ("postgresql:///db?host=/run", "postgresql:///db?host=/run&password=a%20b/%40"),
    ],
)
def test_a_password_from_a_file_takes_the_place_of_any_other_and_reaches_the_driver_whole(
    address: str, whole: str
) -> None:
    from psycopg.conninfo import conninfo_to_dict

    assert whole == with_password(address, "a b/@")
    assert "a b/@" == conninfo_to_dict(whole)["password"]


def test_what_nobody_expected_is_told_without_a_password_in_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(settings: object) -> None:
        raise RuntimeError("no route to postgresql://u:s3cr3t@h/db")

    monkeypatch.setattr("ops.doctor.examine", broken)
    monkeypatch.setenv("TALLYSTICK_LOG_LEVEL", "debug")
    assert 1 == main(["doctor"])
    said = capsys.readouterr().err
    assert "no route to postgresql://u:***@h/db" in said
    assert "Traceback" in said
    assert "s3cr3t" not in said
