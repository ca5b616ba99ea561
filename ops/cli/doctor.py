"""``tallystick doctor``: are this machine and what the settings name fit to keep a ledger, and does everything run?

It checks what goes wrong in practice and says what to do about each.
"""

from __future__ import annotations

import typer

from ops.cli.options import Format, Home, OutputFormat
from ops.cli.output import Result, show

FAILED_STATUS = 1
_COLUMNS = ("check", "status", "found", "advice")


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(home: Home = None, how: Format = OutputFormat.TABLE) -> None:
    """Check the machine, what the settings name (home, database, broker), what runs, and the views."""
    from ops.delivery import rows_of
    from ops.doctor import examine
    from ops.settings import load_settings

    findings = [finding.to_json() for finding in examine(load_settings(home))]
    ok = all(finding["status"] != "failed" for finding in findings)
    show(Result({"ok": ok, "checks": findings}, _COLUMNS, rows_of(findings, _COLUMNS)), how)
    if not ok:
        raise typer.Exit(FAILED_STATUS)
