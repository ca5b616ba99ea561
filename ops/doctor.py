"""Is this machine and this home fit to keep a ledger? One check a function, each with its advice.

These are the things that go wrong in practice and would otherwise show as something else, later.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from contracts.faults import Fault
from contracts.moments import format_us
from ops.addresses import without_secrets
from ops.backends import is_there
from ops.findings import Finding
from ops.settings import Settings

Check = Callable[[Settings], Finding]

_NEEDS_DATABASE = frozenset(
    {"tables", "common settings", "durability", "connections", "relay", "workers", "clock", "views"}
)

PYTHON_MIN = (3, 11)
SQLITE_MIN = (3, 37, 0)
SQLITE_WAL_RESET_FIXED = (3, 51, 3)
_ROOT = Path(__file__).resolve().parent


def examine(settings: Settings) -> list[Finding]:
    """Every check in order. Never raises: a check that cannot run says so as its finding."""
    checks: list[tuple[str, Check]] = [("python", check_python), ("import names", check_import_names)]
    checks += _of_home() if settings.database is None else _of_database(settings)
    checks += [("disk", check_disk), ("clock", check_clock), ("views", check_views), ("credentials", check_credentials)]
    findings: list[Finding] = []
    for name, check in checks:
        if name in _NEEDS_DATABASE and any(
            found.check == "database" and found.status == "failed" for found in findings
        ):
            continue  # each would wait for it again and say the same
        try:
            findings.append(check(settings))
        except Fault as fault:
            findings.append(Finding(name, "failed", fault.problem.detail, fault.problem.hint))
        except Exception as error:  # noqa: BLE001 - a check that breaks must not hide the others
            said = without_secrets(f"{type(error).__name__}: {error}", settings.database)
            findings.append(Finding(name, "failed", said, "Report this."))
    return findings


def _of_home() -> list[tuple[str, Check]]:
    return [
        ("sqlite", check_sqlite),
        ("home", check_home),
        ("durability", check_durability),
        ("journal", check_journal),
        ("writer lock", check_writer_lock),
    ]


def _of_database(settings: Settings) -> list[tuple[str, Check]]:
    from ops import doctor_scaled as scaled

    checks: list[tuple[str, Check]] = [
        ("database", scaled.check_database),
        ("tables", scaled.check_migrated),
        ("common settings", scaled.check_common),
        ("durability", scaled.check_durability),
        ("connections", scaled.check_connections),
    ]
    if settings.broker is not None:
        checks += [("broker", scaled.check_broker), ("relay", scaled.check_relay), ("workers", scaled.check_workers)]
    return checks


def check_python(settings: Settings, running: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Python must be at least 3.11."""
    text = ".".join(map(str, running))
    if running[:2] < PYTHON_MIN:
        return Finding("python", "failed", text, "Install Python 3.11 or newer.")
    return Finding("python", "ok", text)


def check_sqlite(settings: Settings, running: tuple[int, ...] = sqlite3.sqlite_version_info) -> Finding:
    """SQLite must know STRICT tables; before 3.51.3 two writing connections can damage a WAL."""
    text = ".".join(map(str, running))
    if running < SQLITE_MIN:
        return Finding("sqlite", "failed", text, "Use a Python that comes with SQLite 3.37 or newer.")
    if running < SQLITE_WAL_RESET_FIXED:
        return Finding(
            "sqlite",
            "ok",
            f"{text}; two writing connections could damage its WAL, Tallystick uses one",
            "Open the file with no other program that writes.",
        )
    return Finding("sqlite", "ok", text)


def check_import_names(settings: Settings) -> Finding:
    """The five flat packages must be ours: ``ops`` is also the name of another published package."""
    strangers = []
    for name in ("contracts", "domain", "projections", "streams", "ops"):
        spec = find_spec(name)
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not any(Path(place).resolve().parent == _ROOT.parent for place in places):
            strangers.append(f"{name} is {places[0] if places else 'missing'}")
    if strangers:
        return Finding(
            "import names",
            "failed",
            "; ".join(strangers),
            "Install Tallystick alone in an environment of its own.",
        )
    return Finding("import names", "ok", "contracts, domain, projections, streams, ops are Tallystick's")


def check_home(settings: Settings) -> Finding:
    """The home must exist, be writable, and be nobody else's to write."""
    home = settings.home
    if not home.is_dir():
        advice = "Check --home. A new home is made by the first record, import or demo."
        return Finding("home", "failed", f"{home} is not there", advice)
    if not os.access(home, os.W_OK | os.X_OK):
        return Finding("home", "failed", f"{home} cannot be written", "Give this user the right to write there.")
    mode = home.stat().st_mode
    if mode & (stat.S_IWOTH | stat.S_IROTH):
        return Finding("home", "warning", f"{home} is open to every user", f"chmod 700 {home}")
    return Finding("home", "ok", str(home))


def check_disk(settings: Settings) -> Finding:
    """Enough room for the log to grow and for SQLite's write-ahead log."""
    place = settings.home if settings.home.is_dir() else Path.cwd()
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.1f} GB free"
    if free < settings.min_free_disk_bytes:
        return Finding("disk", "failed", text, f"Free some space: less than {settings.min_free_disk_bytes:,} bytes.")
    return Finding("disk", "ok", text)


def check_durability(settings: Settings) -> Finding:
    """``synchronous`` must be FULL on the writing connection, read back from SQLite itself."""
    from domain.ledger import Ledger

    if not _database(settings).exists():
        return Finding("durability", "warning", "no ledger yet")
    try:
        ledger = Ledger.open(settings.home, clock=lambda: 0, writable=True)
    except Fault as fault:
        if fault.problem.code == "home_in_use":
            # Ledger.open refuses to write unless it read FULL back, so the process that holds the lock has
            # it.
            return Finding("durability", "ok", "synchronous=FULL is held to by the process that writes")
        raise
    with closing(ledger), ledger.store().write() as connection:
        level = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    if level != 2:
        return Finding("durability", "failed", f"synchronous={level}", "It must be FULL (2): report this.")
    return Finding("durability", "ok", "synchronous=FULL, read back")


def check_journal(settings: Settings) -> Finding:
    """The file must be in WAL mode and pass SQLite's quick check."""
    if not _database(settings).exists():
        return Finding("journal", "warning", "no ledger yet")
    with _looking(settings) as connection:
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        told = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if told != "ok":
        return Finding("journal", "failed", f"quick_check: {told}", "Stop writing and restore from a backup.")
    if mode != "wal":
        return Finding("journal", "failed", f"journal_mode={mode}", "Another program changed it; set it to WAL.")
    return Finding("journal", "ok", "WAL, quick check passed")


def check_writer_lock(settings: Settings) -> Finding:
    """Says whether another process writes to this home; that is well, but good to know."""
    from domain.ledger import Ledger

    if not _database(settings).exists():
        return Finding("writer lock", "ok", "no ledger yet")
    try:
        Ledger.open(settings.home, clock=lambda: 0, writable=True).close()
    except Fault as fault:
        if fault.problem.code != "home_in_use":
            raise
        return Finding("writer lock", "ok", "held by another process")
    return Finding("writer lock", "ok", "free")


def check_clock(settings: Settings, now_us: int | None = None) -> Finding:
    """The last event must not be recorded far ahead of the clock: until then every new one gets its recorded_at."""
    from ops.composition import open_house
    from ops.health import HEAD_AHEAD_MAX_S

    if not is_there(settings):
        return Finding("clock", "ok", "no ledger yet")
    with open_house(writable=False, settings=settings) as house:
        recorded_at_us = house.reader.head().recorded_at_us
    ahead_s = (recorded_at_us - (time.time_ns() // 1_000 if now_us is None else now_us)) / 1_000_000
    if ahead_s > HEAD_AHEAD_MAX_S:
        found = f"the last event was recorded at {format_us(recorded_at_us)}, {ahead_s:,.0f} s ahead of this clock"
        advice = "Set the clock; if it once ran ahead, recorded_at stands still until the true time has caught up."
        return Finding("clock", "warning", found, advice)
    return Finding("clock", "ok", "not behind the last event")


def check_views(settings: Settings) -> Finding:
    """The views must be of this version and built in the zone the settings name."""
    if not is_there(settings):
        return Finding("views", "warning", "no ledger yet")
    from ops.composition import open_house

    with open_house(writable=False, settings=settings) as house:
        stale = house.views_mismatch()
        standing = house.standing()
    if stale:
        return Finding("views", "warning", stale, "tallystick rebuild")
    if standing.brake:
        return Finding("views", "failed", "the runner has stopped the line", "tallystick quarantine list")
    if standing.quarantined:
        return Finding("views", "warning", f"{standing.quarantined} events in quarantine", "tallystick quarantine list")
    return Finding("views", "ok", standing.sentence())


def check_credentials(settings: Settings) -> Finding:
    """A credentials file must be readable, well formed and closed to other users."""
    from ops.http.auth import load_credentials, refuse_open_house

    path = settings.credentials_path
    if path is None:
        refuse_open_house(settings)
        return Finding("credentials", "ok", "none set up: this machine only")
    named = load_credentials(path)
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_IROTH):
        return Finding("credentials", "warning", f"{path} is open to other users", f"chmod 600 {path}")
    return Finding("credentials", "ok", f"{len(named)} credentials")


def _database(settings: Settings) -> Path:
    return settings.home / "tallystick.db"


@contextmanager
def _looking(settings: Settings) -> Iterator[sqlite3.Connection]:
    uri = f"file:{quote(str(_database(settings)))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        yield connection
