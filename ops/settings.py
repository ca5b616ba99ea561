"""Everything an operator may set, in one documented class.

Each setting names its unit, states its default and says what it changes, so that the reference page is
rendered from here and cannot drift. A value given to a command wins over the environment
(``TALLYSTICK_…``), which wins over ``tallystick.toml`` in the home directory, which wins over the default.
"""

from __future__ import annotations

import ipaddress
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from contracts.faults import fault
from contracts.limits import BATCH_BYTES_MAX, EVENT_BYTES_MAX
from contracts.moments import parse_us
from ops.addresses import broker_servers, checked_database, redacted, with_password

ENV_PREFIX = "TALLYSTICK_"
FILE_NAME = "tallystick.toml"
DEFAULT_HOME = Path("tallystick-home")

LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """The settings of one home; load them with ``load_settings``, which also reads the home's file."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

    home: Path = Field(
        default=DEFAULT_HOME,
        description="The directory that holds the ledger, its lock and its tallystick.toml.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="The address to listen on. Anything but loopback is refused until credentials_file is set.",
    )
    port: int = Field(default=8420, ge=0, le=65535, description="The TCP port to listen on; 0 takes a free one.")
    zone: str = Field(
        default="UTC",
        description="The partnership's IANA time zone: it decides which local day, month and quarter an "
        "event falls in. Fixed when the home is created; changing it needs a rebuild.",
    )
    credentials_file: Path | None = Field(
        default=None,
        description="A JSON file of credentials (name, role, agency, token_sha256). Without it the server "
        "listens on loopback only and asks nobody who they are. A relative path is taken from the home.",
    )
    as_of: str | None = Field(
        default=None,
        description="A fixed moment (RFC 3339) for everything that depends on the clock: overdue, lapsed, "
        "stale. For demonstration homes, so that the same seed shows the same scorecard next year. "
        "Unset: now.",
    )
    max_queue_events: int = Field(
        default=20_000,
        ge=1,
        description="Submissions that may wait for the writer. When it is full, senders get 429 with Retry-After.",
    )
    max_commit_events: int = Field(
        default=1_000, ge=1, description="Submissions the writer puts into one durable transaction at most."
    )
    max_body_bytes: int = Field(
        default=BATCH_BYTES_MAX,
        ge=EVENT_BYTES_MAX,
        le=BATCH_BYTES_MAX,
        description="The largest request body read; a longer one is answered with 413 without reading the rest.",
    )
    body_timeout_s: float = Field(
        default=30.0, gt=0, description="How long one request body may take to arrive before it is given up."
    )
    retry_after_s: int = Field(default=1, ge=1, description="What Retry-After says when the queue is full.")
    keep_alive_s: int = Field(default=30, ge=1, description="How long an idle connection is kept open.")
    max_connections: int = Field(default=1_024, ge=1, description="Connections served at once; more get 503.")
    runner_batch_events: int = Field(
        default=2_000, ge=1, description="Events the runner applies in one transaction of the views."
    )
    poll_interval_s: float = Field(
        default=1.0, gt=0, description="How often the runner looks at the log even when nothing woke it."
    )
    apply_interval_s: float = Field(
        default=0.2,
        gt=0,
        description="The shortest pause between two transactions of the views while events pour in. Then the views "
        "also rest nine times as long as they worked (10 s at most), so that senders are not held up.",
    )
    refresh_interval_s: float = Field(
        default=0.5,
        gt=0,
        description="The shortest pause between two refreshes of the KPI cells while events arrive.",
    )
    quarantine_brake_keys: int = Field(
        default=100,
        ge=1,
        description="When this many keys are in quarantine the runner stops the line instead of parking "
        "more: then it is the projection that is broken, not the events.",
    )
    ready_lag_max_events: int = Field(
        default=50_000,
        ge=0,
        description="/readyz answers 503 while the views are further behind the log than this.",
    )
    ready_stall_max_s: float = Field(
        default=30.0,
        gt=0,
        description="/readyz answers 503 when events wait and the position has not moved for this long.",
    )
    page_rows: int = Field(
        default=100, ge=1, le=1_000, description="Rows of one page of a list, unless asked for less."
    )
    database: str | None = Field(
        default=None,
        repr=False,
        description="Where the log and the views live: postgresql://user@host:5432/name. Give its password in "
        "database_password_file or in a PGPASSFILE; one in the address works and is never printed. "
        "Unset: SQLite in the home.",
    )
    database_password_file: Path | None = Field(
        default=None,
        description="A file that holds the database's password and nothing else, such as a secret that the service "
        "manager hands over. A relative path is taken from the home.",
    )
    database_pool_max: int = Field(
        default=10,
        ge=4,
        le=1_000,
        description="Connections to PostgreSQL that one process holds at most. All processes together must stay "
        "below the server's max_connections.",
    )
    database_connect_timeout_s: float = Field(
        default=5.0, gt=0, description="How long one attempt to reach PostgreSQL may take."
    )
    statement_timeout_s: float = Field(
        default=60.0,
        gt=0,
        description="How long PostgreSQL may work on one statement before it gives up; rebuilds are exempt.",
    )
    lock_timeout_s: float = Field(
        default=10.0, gt=0, description="How long a transaction on PostgreSQL may wait for another's lock."
    )
    broker: str | None = Field(
        default=None,
        description="The Kafka brokers by which recorded events reach the workers: kafka://host:9092, several "
        "joined by commas. Unset: the process that serves applies them itself.",
    )
    broker_user: str | None = Field(
        default=None,
        min_length=1,
        description="The name under which this ledger's processes log in to the brokers (SASL SCRAM-SHA-512). "
        "Unset: they do not log in.",
    )
    broker_password_file: Path | None = Field(
        default=None,
        description="A file that holds that name's password and nothing else. A relative path is taken from the home.",
    )
    broker_tls: bool = Field(
        default=False,
        description="Whether the brokers are spoken to over TLS, with the authorities this machine trusts.",
    )
    topic_prefix: str = Field(
        default="tallystick",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="What the names of this ledger's topics begin with; two ledgers on one broker differ in it.",
    )
    events_partitions: int = Field(
        default=8,
        ge=1,
        le=1_024,
        description="Partitions of the topic of recorded events: the most workers that can share the work. Chosen "
        "once; another number needs another topic_prefix.",
    )
    lease_s: float = Field(
        default=10.0,
        ge=1,
        description="How long the relay, or the worker that keeps the cells, may be silent before another takes over.",
    )
    worker_batch_events: int = Field(
        default=2_000, ge=1, description="Events a worker applies in one transaction of the views at most."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Where a worker or a relay answers /metrics, /healthz and /readyz; 0 takes a free port. "
        "Unset: nowhere. `serve` answers them on its own port.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="The address on which a worker or a relay answers /metrics."
    )
    min_free_disk_bytes: int = Field(
        default=256 * 1024 * 1024,
        ge=0,
        description="doctor warns when the home's disk has less free than this.",
    )
    log_level: LogLevel = Field(default="info", description="The least severe message written to standard error.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment. The home's file is merged below both by ``load_settings``."""
        return (init_settings, env_settings)

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is not an IANA time zone such as America/Los_Angeles") from error
        return value

    @field_validator("as_of")
    @classmethod
    def _as_of_is_a_moment(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                parse_us(value)
            except ValueError as error:
                raise ValueError("as_of is a moment such as 2026-01-01T00:00:00Z") from error
        return value

    @field_validator("database")
    @classmethod
    def _database_is_an_address(cls, value: str | None) -> str | None:
        return None if value is None else checked_database(value)

    @field_validator("broker")
    @classmethod
    def _broker_is_an_address(cls, value: str | None) -> str | None:
        if value is not None:
            broker_servers(value)
        return value

    @property
    def database_told(self) -> str | None:
        """``database`` as it may be printed: without its password."""
        return None if self.database is None else redacted(self.database)

    @property
    def broker_servers(self) -> tuple[str, ...]:
        """The brokers as ``host:port``; empty where no broker is set."""
        return () if self.broker is None else broker_servers(self.broker)

    def database_address(self) -> str:
        """The database's address with its password, read now: for those who connect, never to be printed.

        Raises the fault ``settings_invalid`` where the password's file cannot be read; ValueError where no database
        is set.
        """
        if self.database is None:
            raise ValueError("no database is set")
        if self.database_password_file is None:
            return self.database
        password = self._secret(self.database_password_file, "database_password_file")
        return with_password(self.database, password)

    def broker_password(self) -> str | None:
        """The password of ``broker_user``, read now; None without one. Raises the fault ``settings_invalid``."""
        if self.broker_user is None:
            return None
        if self.broker_password_file is None:
            raise fault(
                "settings_invalid", "broker_user is set and broker_password_file is not", "/broker_password_file"
            )
        return self._secret(self.broker_password_file, "broker_password_file")

    def _secret(self, path: Path, name: str) -> str:
        """What stands in a secret's file, taken from the home when relative."""
        place = self.home / path
        try:
            return place.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or type(error).__name__
            raise fault("settings_invalid", f"{place} cannot be read: {said}", f"/{name}") from error

    @property
    def as_of_us(self) -> int | None:
        """The fixed moment in UTC microseconds since the Unix epoch, or None for now."""
        return None if self.as_of is None else parse_us(self.as_of)

    @property
    def credentials_path(self) -> Path | None:
        """``credentials_file``, taken from the home when relative."""
        return None if self.credentials_file is None else self.home / self.credentials_file


def load_settings(home: Path | None = None, **given: Any) -> Settings:
    """Settings of ``home``: ``given`` over the environment over ``home/tallystick.toml`` over the defaults.

    Raises ``Fault`` with code ``settings_invalid`` naming the setting that is wrong.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    if home is not None:
        asked["home"] = home
    try:
        where = Settings(**asked).home
        found = Settings(**_below_environment(_read_file(where), asked))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise fault("settings_invalid", f"{name}: {first['msg']}", f"/{name}") from error
    if found.broker is not None and found.database is None:
        raise fault(
            "settings_invalid",
            "broker is set and database is not: workers beside each other need PostgreSQL",
            "/broker",
            hint="Set database as well, or leave broker unset.",
        )
    return found


def _below_environment(filed: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    # Arguments win over the environment in pydantic-settings, so a value from the file is passed only
    # where the environment is silent.
    spoken = {name[len(ENV_PREFIX) :].lower() for name in os.environ if name.upper().startswith(ENV_PREFIX)}
    return {**{k: v for k, v in filed.items() if k.lower() not in spoken}, **asked}


def _read_file(home: Path) -> dict[str, Any]:
    path = home / FILE_NAME
    try:
        filed = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise fault("settings_invalid", f"{path} cannot be read: {error}") from error
    filed.pop("home", None)  # the file lives in the home, so it cannot say where the home is
    return filed


def write_settings(home: Path, values: Mapping[str, Any]) -> Path:
    """Write ``tallystick.toml`` for a new home; an existing file is left as it is. Values are text,
    numbers or booleans.
    """
    path = home / FILE_NAME
    if path.exists():
        return path
    lines = ["# The settings of this home. `tallystick doctor` checks them; the settings reference has them all.\n"]
    for name, value in values.items():
        lines.append(f"{name} = {_toml(value)}\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value))  # a JSON string is a TOML basic string


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """One row of the settings reference."""

    name: str
    env: str
    type: str
    default: str
    description: str


def describe_settings() -> list[SettingDoc]:
    """Every setting in declaration order, for the reference page and ``doctor``."""
    rows = []
    for name, field in Settings.model_fields.items():
        kind = str(field.annotation).replace("typing.", "")
        if isinstance(field.annotation, type):
            kind = field.annotation.__name__
        kind = kind.replace("pathlib.", "").replace("pathlib._local.", "")
        default = "unset" if field.default is None else str(field.default)
        rows.append(SettingDoc(name, f"{ENV_PREFIX}{name.upper()}", kind, default, field.description or ""))
    return rows


def render_settings() -> str:
    """The settings reference as a Markdown table."""
    lines = ["| setting | environment | type | default | what it does |", "|---|---|---|---|---|"]
    for row in describe_settings():
        kind = row.type.replace("|", "\\|")
        lines.append(f"| `{row.name}` | `{row.env}` | {kind} | {row.default} | {row.description} |")
    return "\n".join(lines) + "\n"
