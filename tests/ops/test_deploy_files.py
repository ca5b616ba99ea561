"""The files an operator deploys with: units that systemd understands, a Compose file of pinned images, settings that
exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.settings import ENV_PREFIX, Settings
from ops.staying import END_MAX_S

DEPLOY = Path(__file__).resolve().parents[2] / "ops" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
STAYING = [unit for unit in UNITS if "migrate" not in unit.name]
VERBS = {"serve", "relay", "worker", "migrate"}


def _known(names: set[str]) -> set[str]:
    """Those that are no setting."""
    return {name for name in names if name.removeprefix(ENV_PREFIX).lower() not in Settings.model_fields}


def _values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text("utf-8"), re.M)


def test_there_is_a_unit_for_every_process() -> None:
    assert VERBS == {_values(unit, "ExecStart")[0].split()[-1] for unit in UNITS}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_setting_a_unit_or_its_example_names_exists(unit: Path) -> None:
    said = unit.read_text("utf-8") + (DEPLOY / "systemd" / "tallystick.env").read_text("utf-8")
    assert set() == _known(set(re.findall(r"\bTALLYSTICK_[A-Z_]+(?==)", said)))


@pytest.mark.parametrize("unit", STAYING, ids=lambda unit: unit.name)
def test_a_process_is_started_again_when_it_fails_and_given_longer_to_end_than_it_takes(unit: Path) -> None:
    assert ["on-failure"] == _values(unit, "Restart")
    assert END_MAX_S < float(_values(unit, "TimeoutStopSec")[0])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_password_is_in_no_environment(unit: Path) -> None:
    assert ["TALLYSTICK_DATABASE_PASSWORD_FILE=%d/database_password"] == [
        value for value in _values(unit, "Environment") if "PASSWORD" in value
    ]
    assert "@" in (DEPLOY / "systemd" / "tallystick.env").read_text("utf-8")
    assert not re.search(r"://\w+:[^@\s]+@", (DEPLOY / "systemd" / "tallystick.env").read_text("utf-8"))


def _verified(folder: Path, change: tuple[str, str] = ("", "")) -> subprocess.CompletedProcess[str]:
    """What systemd says of the units, with a program that is there in place of ours."""
    for unit in UNITS:
        text = unit.read_text("utf-8").replace("/opt/tallystick/.venv/bin/tallystick", "/bin/true")
        name = unit.name.replace("@.", "@1.")
        (folder / name).write_text(text.replace(*change) if change[0] else text, "utf-8")
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(str(path) for path in folder.iterdir())],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    found = _verified(tmp_path)
    assert ("", 0) == (found.stderr, found.returncode)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_control_a_misspelled_directive_is_noticed(tmp_path: Path) -> None:
    assert "NoNewPrivilege" in _verified(tmp_path, ("NoNewPrivileges=yes", "NoNewPrivilege=yes")).stderr


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text("utf-8"))
    return found


def test_compose_runs_the_engines_and_every_process_each_with_its_health(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {"postgres", "kafka", *VERBS} == set(services)
    for name, service in services.items():
        assert service["healthcheck"].get("test") or name == "migrate", name
    assert {name: [name] for name in VERBS} == {name: services[name]["command"] for name in VERBS}


def test_compose_pins_every_image_and_kafka_to_the_version_that_is_tested(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert re.fullmatch(r"[\w/]+:\d+\.\d+(\.\d+)?(-\w+)?(@sha256:[0-9a-f]{64})?", service["image"]), name
    pom = (DEPLOY / "kafka" / "pom.xml").read_text("utf-8")
    (version,) = re.findall(r"<kafka\.version>(.*?)</kafka\.version>", pom)
    assert f"apache/kafka:{version}" == compose["services"]["kafka"]["image"]
    (base,) = re.findall(r"^FROM (\S+)$", (DEPLOY / "compose" / "Dockerfile").read_text("utf-8"), re.M)
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", base)


def test_compose_names_settings_secrets_volumes_and_services_that_exist(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in VERBS:
        service = services[name]
        assert set() == _known(set(service["environment"])), name
        assert set(service["secrets"]) <= set(compose["secrets"]), name
        assert set(service["depends_on"]) <= set(services), name
        assert "PASSWORD" not in "".join(key for key in service["environment"] if not key.endswith("_FILE")), name
        assert END_MAX_S < int(service["stop_grace_period"].removesuffix("s")), name
        settings = {key.removeprefix(ENV_PREFIX).lower(): value for key, value in service["environment"].items()}
        assert Settings(**{**settings, "zone": "UTC"}).broker_servers == ("kafka:9092",)
    for name in ("postgres", "kafka"):
        assert services[name]["volumes"][0].partition(":")[0] in compose["volumes"]
    assert services["serve"]["ports"][0].startswith("127.0.0.1:")


def test_the_image_holds_every_package_of_the_program() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", (DEPLOY / "compose" / "Dockerfile").read_text("utf-8"), re.M))
    assert {"contracts", "domain", "streams", "projections", "ops"} == copied
