"""How results and errors are printed: results to standard output, everything else to standard error.

A command builds one ``Result`` and this module gives it as a table, JSON or CSV, so that the three never tell
different stories.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.faults import EXIT_STATUS, Problem
from ops.cli.options import OutputFormat
from ops.delivery import csv_value

_WIDTH_WITHOUT_TERMINAL = 160
STATUS_STYLE = {
    "on_track": "green",
    "watch": "yellow",
    "off_track": "red",
    "stale": "magenta",
    "unowned": "magenta",
    "no_data": "dim",
    "no_target": "dim",
    "ok": "green",
    "warning": "yellow",
    "failed": "red",
}


@dataclass(slots=True)
class Result:
    """What a command found out.

    ``json`` is the published shape; ``columns`` and ``rows`` are the same as a list, for the table and
    CSV; ``notes`` are sentences for people, printed under the table only.
    """

    json: Any
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    notes: list[str] = field(default_factory=list)


def show(result: Result, how: OutputFormat) -> None:
    """Print ``result`` to standard output."""
    if how is OutputFormat.JSON:
        sys.stdout.write(orjson.dumps(result.json, option=orjson.OPT_INDENT_2).decode())
        sys.stdout.write("\n")
    elif how is OutputFormat.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows([csv_value(value) for value in row] for row in result.rows)
    else:
        _show_table(result)


def _show_table(result: Result) -> None:
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL, highlight=False)
    if result.rows:
        table = Table(title=result.title or None, title_justify="left", header_style="bold")
        for index, column in enumerate(result.columns):
            numeric = any(isinstance(row[index], int | float) for row in result.rows)
            table.add_column(column.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
        for row in result.rows:
            table.add_row(*(_cell(value) for value in row))
        console.print(table)
    elif not result.notes:
        console.print("Nothing to show.")
    for note in result.notes:
        console.print(Text(note))


def _cell(value: Any) -> Text:
    if value is None:
        return Text("–", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, int):
        return Text(f"{value:,}" if abs(value) >= 10_000 else str(value))
    if isinstance(value, dict | list | tuple):
        return Text(_words(value) or "–")
    text = str(value)
    return Text(text.replace("_", " ") if text in STATUS_STYLE else text, style=STATUS_STYLE.get(text, ""))


def _words(value: Any) -> str:
    """What a list or an object holds, for people: no brackets, no quotes."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(held)}" for name, held in value.items())
    if isinstance(value, list | tuple):
        return ("; " if any(isinstance(held, dict) for held in value) else ", ").join(_words(held) for held in value)
    return "–" if value is None else str(value)


def leave_with(tally: Mapping[str, Any]) -> None:
    """Leave with the exit status of a run of submissions, told after its report.

    A run that brought something in (or found it there already) is a success, whatever else it kept as rejections: the
    report tells them apart. One that brought in nothing leaves as the faults of its submissions would.
    """
    if tally["recorded"] or tally["duplicate"]:
        return
    if tally["rejected"]:
        raise typer.Exit(EXIT_STATUS["rejected"])
    if tally["conflict"]:
        raise typer.Exit(EXIT_STATUS["conflict"])


def note(sentence: str) -> None:
    """One sentence to standard error, where it does not disturb a result that is piped on."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(sentence))


def show_problem(problem: Problem) -> None:
    """The one shape of an error: code, sentence, pointer, hint."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    head = Text(f"error {problem.code}: ", style="bold red")
    sentence = problem.title if problem.detail == problem.title else f"{problem.title} {problem.detail}"
    console.print(head + Text(sentence, style=""))
    if problem.pointer:
        console.print(Text(f"  at {problem.pointer}"))
    if problem.hint:
        console.print(Text(f"  hint: {problem.hint}"))


def show_usage_error(sentence: str, context: Any) -> None:
    """The same shape for a command line that could not be understood."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text("error usage: ", style="bold red") + Text(sentence, style=""))
    verb = getattr(context, "command_path", "tallystick")
    console.print(Text(f"  hint: {verb} --help shows how it is used."))
