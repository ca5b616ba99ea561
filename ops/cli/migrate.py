"""``tallystick migrate``: the durable tables, the common settings and the topics, made once and before all else.

It is the one step that changes a database's tables; no worker's start does. Run again, it finds everything done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.cli.options import Format, Home, OutputFormat
from ops.cli.output import Result, show

if TYPE_CHECKING:
    from ops.settings import Settings

Adopt = Annotated[
    bool,
    typer.Option(
        "--adopt",
        help="Make these settings the ones that every process must have. Stop all processes first, rebuild afterwards.",
    ),
]


def register(app: typer.Typer) -> None:
    app.command("migrate")(migrate)


def migrate(home: Home = None, adopt: Adopt = False, how: Format = OutputFormat.TABLE) -> None:
    """Make the durable tables on PostgreSQL and the topics on Kafka, or bring them up to date."""
    from ops.settings import load_settings

    settings = load_settings(home)
    if settings.database is None:
        told: dict[str, Any] = {"database": str(settings.home), "applied": [], "changed": {}, "topics": {}}
        notes = ["The ledger of this home is an SQLite file, which keeps its own tables: there is nothing to migrate."]
    else:
        told, notes = _migrated(settings, adopt)
    rows = [["revision", revision, "applied"] for revision in told["applied"]]
    rows += [["setting", name, f"was {value or 'unset'}"] for name, value in told["changed"].items()]
    rows += [["topic", name, f"{partitions} partitions"] for name, partitions in told["topics"].items()]
    show(Result(told, ("what", "name", "state"), rows, notes=notes), how)


def _migrated(settings: Settings, adopt: bool) -> tuple[dict[str, Any], list[str]]:
    from ops.agreeing import adopt as adopted
    from ops.agreeing import agree
    from ops.backends import durable_store, ensure_topics
    from ops.composition import system_clock
    from ops.migrations import migrate as bring_up

    applied = bring_up(settings.database_address())
    with durable_store(settings, system_clock) as store:
        changed = adopted(store, settings) if adopt else {}
        agree(store, settings)
    _make_first_views(settings)
    topics = ensure_topics(settings) if settings.broker is not None else {}
    told = {"database": settings.database_told, "applied": applied, "changed": changed, "topics": topics}
    notes = [f"{settings.database_told} is up to date." if not applied else f"{settings.database_told} was migrated."]
    if changed:
        notes.append("Views made under the other settings do not count any more: run tallystick rebuild.")
    return told, notes


def _make_first_views(settings: Settings) -> None:
    """The tables of the first generation of views, where there is none: workers make no tables."""
    from ops.composition import open_house

    with open_house(settings=settings) as house:
        if not house.generations.live():
            house.runner.prepare()
