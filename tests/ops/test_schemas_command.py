"""``tallystick schemas check``, ``release`` and ``asyncapi`` as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from contracts.asyncapi import asyncapi
from contracts.catalogue import CATALOGUE
from contracts.evolution.releases import FOLDER, chained
from contracts.oracle import oracle
from ops.cli.app import run


def narrowed_since(folder: Path) -> Path:
    """Releases in which referral.requested once took another field and a longer text, so that the working contract is
    narrower than what was released."""
    path = folder / "referral.requested.v1.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    state = told["states"][-1]
    state["schema"]["properties"]["colour"] = {"type": "string", "maxLength": 9}
    state["schema"]["properties"]["need"]["maxLength"] = 1_000
    before = told["states"][-2]["digest"] if len(told["states"]) > 1 else "0" * 64
    state["digest"] = chained(before, state["release"], state["schema"], tuple(state["samples"]))
    path.write_text(json.dumps(told), encoding="utf-8")
    return folder


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    assert run(["schemas", "release", "1.0.0", "--releases", str(tmp_path / "r")]) == 0
    return tmp_path / "r"


def test_what_was_just_released_is_the_same(releases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schemas", "check", "--releases", str(releases), "--format", "json"]) == 0
    assert {"same": len(CATALOGUE)} == json.loads(capsys.readouterr().out)["counts"]


def test_a_narrowed_contract_is_refused_with_an_instance_that_shows_it(
    releases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    narrowed_since(releases)
    assert run(["schemas", "check", "--releases", str(releases), "--format", "json"]) == 4
    printed = capsys.readouterr()
    assert "contract_incompatible" in printed.err
    found = {finding["topic"]: finding for finding in json.loads(printed.out)["findings"]}
    assert [
        ("1.0.0", "backward", "/need", "at most 128 characters are taken"),
        ("1.0.0", "backward", "/colour", "the field was removed"),
    ] == [
        (broken["release"], broken["direction"], broken["pointer"], broken["reason"])
        for broken in found["referral.requested.v1"]["breaks"]
    ]
    assert all(broken["counter_example"] for broken in found["referral.requested.v1"]["breaks"])


def test_a_refused_change_is_not_released(releases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrowed_since(releases)
    before = (releases / "referral.requested.v1.json").read_bytes()
    assert run(["schemas", "release", "1.1.0", "--releases", str(releases)]) == 4
    assert before == (releases / "referral.requested.v1.json").read_bytes()
    assert "referral.requested.v1" in capsys.readouterr().err


def test_a_folder_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schemas", "check", "--releases", str(tmp_path / "nowhere")]) == 3
    assert "nowhere is not a folder" in capsys.readouterr().err


def test_every_contract_of_this_program_is_released(capsys: pytest.CaptureFixture[str]) -> None:
    """A new type is not announced before `tallystick schemas release` has frozen it."""
    assert {entry.topic for entry in CATALOGUE} == {path.stem for path in FOLDER.glob("*.json")}


def test_the_asyncapi_document_names_every_type_with_an_example_that_keeps_its_schema(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["schemas", "asyncapi"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "3.0.0" == document["asyncapi"]
    messages = document["components"]["messages"]
    assert {entry.topic for entry in CATALOGUE if entry.status != "retired"} == set(messages)
    for message in messages.values():
        schema = message["payload"]["schema"]
        oracle(schema)  # a schema of its own: every reference in it leads somewhere
        jsonschema.Draft202012Validator(schema).validate(message["examples"][0]["payload"])
    for reference in document["operations"]["sendEvent"]["messages"]:
        assert reference["$ref"].rpartition("/")[2] in document["channels"]["events"]["messages"]


def test_control_an_example_that_breaks_its_schema_is_noticed() -> None:
    message = asyncapi("1")["components"]["messages"]["referral.requested.v1"]
    del message["examples"][0]["payload"]["data"]["need"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(message["payload"]["schema"]).validate(message["examples"][0]["payload"])
