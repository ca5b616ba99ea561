"""The settings that go with a ledger when it is copied: the zone in which it counts, and a fixed moment of reading.

They are here because a copy that counted in another zone would be the same ledger and show other numbers.
"""

from __future__ import annotations

from pathlib import Path

from contracts.faults import fault
from ops.addresses import checked_database, is_database
from ops.agreeing import kept_settings
from ops.backends import durable_store, is_there
from ops.composition import system_clock
from ops.settings import FILE_NAME, Settings, load_settings, write_settings

_GO_WITH_IT = ("zone", "as_of")


def settings_of(place: str, option: str) -> Settings:
    """The settings of a home, or of a database given by its address; a password it lacks comes from
    ``database_password_file``. Raises the fault ``settings_invalid`` naming the option."""
    if "://" not in place:
        # What the environment says of a database is not about this place.
        return load_settings(Path(place)).model_copy(update={"database": None, "broker": None})
    if not is_database(place):
        raise fault("settings_invalid", f"--{option} is neither a directory nor postgresql://…", f"/{option}")
    try:
        address = checked_database(place)
    except ValueError as error:
        raise fault("settings_invalid", f"--{option}: {error}", f"/{option}") from None
    return load_settings(database=address).model_copy(update={"broker": None})


def take_over_settings(source: Settings, target: Settings) -> None:
    """Give the target what goes with the ledger, where it has nothing of its own yet.

    Raises the fault ``settings_differ`` where it has, and says otherwise; ``home_missing`` where the source is no home.
    """
    if not is_there(source):
        raise fault("home_missing", f"there is no ledger in {source.home}", "/from")
    going = _known(source)
    there = _known(target) if target.database is not None or (target.home / FILE_NAME).exists() else {}
    for name, value in going.items():
        if there.get(name, value) != value:
            raise fault(
                "settings_differ",
                f"{name} is {value or 'unset'} where the ledger comes from and {there[name] or 'unset'} where it goes",
                f"/{name}",
                hint=f"Set {name} of the target to that of the source, with tallystick migrate --adopt for a database.",
            )
    if target.database is None and not (target.home / FILE_NAME).exists():
        target.home.mkdir(parents=True, exist_ok=True)
        write_settings(target.home, {name: value for name, value in going.items() if value})


def _known(settings: Settings) -> dict[str, str]:
    """What a place says of itself; nothing where a database has never been told."""
    if settings.database is not None:
        with durable_store(settings, system_clock) as store, store.read() as connection:
            found = kept_settings(connection)
        return {name: value for name, value in found.items() if name in _GO_WITH_IT}
    return {"zone": settings.zone, "as_of": settings.as_of or ""}
