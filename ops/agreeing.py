"""The settings that all processes of one ledger must agree on, kept in its database.

It is here because two processes that disagree about the time zone or about who applies events would each be right by
itself and together count wrong, with nothing to show it.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import Connection

from contracts.faults import fault
from contracts.ports import Store
from ops.settings import Settings

IN_PROCESS, BY_WORKERS = "in_process", "by_workers"
"""Who applies recorded events to the views: the process that serves, or workers behind a broker."""

_READ = text("SELECT name, value FROM kept WHERE name LIKE 'setting.%'")
_KEEP = text("INSERT INTO kept (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING")
_CHANGE = text(
    "INSERT INTO kept (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_PREFIX = "setting."


def common(settings: Settings) -> dict[str, str]:
    """What these settings say of everything that must be the same in every process; "" where unset."""
    told = {
        "zone": settings.zone,
        "as_of": settings.as_of or "",
        "applied": IN_PROCESS if settings.broker is None else BY_WORKERS,
    }
    if settings.broker is not None:
        told |= {"topic_prefix": settings.topic_prefix, "events_partitions": str(settings.events_partitions)}
    return told


def agree(store: Store, settings: Settings) -> None:
    """Keep what nobody has kept yet. Raises the fault ``settings_differ`` where these settings say otherwise than what
    is kept, naming the first that does."""
    mine = common(settings)
    with store.read() as connection:
        kept = kept_settings(connection)
    if missing := mine.keys() - kept.keys():
        with store.share() as connection:
            connection.execute(_KEEP, [{"name": _PREFIX + name, "value": mine[name]} for name in sorted(missing)])
            kept = kept_settings(connection)
    for name, value in mine.items():
        if kept[name] != value:
            raise fault("settings_differ", _sentence(name, value, kept[name]), f"/{_setting(name)}")


def differences(connection: Connection, settings: Settings) -> list[str]:
    """In what these settings say otherwise than what is kept, a sentence each; keeps nothing."""
    kept = kept_settings(connection)
    return [
        _sentence(name, value, kept[name]) for name, value in common(settings).items() if kept.get(name, value) != value
    ]


def adopt(store: Store, settings: Settings) -> dict[str, str]:
    """Make these settings the ones that all must have; returns what changed, name to the value it had before."""
    mine = common(settings)
    with store.share() as connection:
        before = kept_settings(connection)
        changed = {name: before.get(name, "") for name, value in mine.items() if before.get(name) != value}
        if changed:
            connection.execute(_CHANGE, [{"name": _PREFIX + name, "value": mine[name]} for name in sorted(changed)])
    return {name: old for name, old in changed.items() if name in before}


def kept_settings(connection: Connection) -> dict[str, str]:
    """What is kept, name to value; "" for unset."""
    return {name.removeprefix(_PREFIX): value for name, value in connection.execute(_READ)}


def _setting(name: str) -> str:
    return "broker" if name == "applied" else name


def _sentence(name: str, mine: str, kept: str) -> str:
    if name == "applied":
        said = {IN_PROCESS: "by the process that serves (no broker)", BY_WORKERS: "by workers (a broker is set)"}
        return (
            f"here events would be applied {said.get(mine, mine)}; this ledger has them applied {said.get(kept, kept)}"
        )
    return f"{name} is {mine or 'unset'} here and {kept or 'unset'} in this ledger"
