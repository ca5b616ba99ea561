"""The reference pages, written from the code: events, KPIs, commands, HTTP, settings, metrics, error codes, limits.

What is generated cannot drift: a test writes the pages again and compares. ``make docs`` runs it.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from contracts import limits
from contracts.catalogue import CATALOGUE, Entry
from contracts.faults import FAULTS
from ops.metrics import render_metrics
from ops.settings import render_settings

_GENERATED = "<!-- Written from the code by `make docs`; change the code, not this page. -->\n\n"


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(heads)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def events_page() -> str:
    """Every event type of the catalogue: what it says, its fields, an example to send and one that is refused."""
    parts = [
        "# Events\n\nEvery event is a CloudEvents 1.0 event. The envelope is the same for all of them; `data` is what"
        " differs. The JSON Schemas are published at `/v1/contracts` and printed by `tallystick schemas`.\n",
        "## The envelope\n",
        _fields(CATALOGUE.schema(next(iter(CATALOGUE))), skip=("data",)),
    ]
    for family in CATALOGUE.families:
        parts.append(f"\n## {family.title}\n")
        parts += [_event(entry) for entry in CATALOGUE if entry.family == family.name]
    return "\n".join(parts)


def _event(entry: Entry) -> str:
    subject = entry.subject_prefix + "/".join(f"{{{name}}}" for name in entry.subject_fields) or "any"
    schema = _resolve(CATALOGUE.schema(entry))
    example = json.dumps(entry.example_event(), indent=2, ensure_ascii=False)
    text = (
        f"### {entry.name} (version {entry.version})\n\n{entry.summary}\n\n"
        f"`{entry.wire_type}` · {entry.kind} · subject `{subject}`\n\n"
        f"{_fields(schema['properties']['data'], schema)}\n```json\n{example}\n```\n"
    )
    if entry.bad:
        rows = [(f"`{json.dumps(bad.data)}`", f"`{bad.code}`", f"`{bad.pointer}`") for bad in entry.bad]
        text += "\nRefused:\n\n" + _table(("data", "code", "pointer"), rows)
    return text


def _resolve(schema: dict[str, Any]) -> dict[str, Any]:
    data = schema["properties"]["data"]
    if "$ref" in data:
        properties = {**schema["properties"], "data": _target(data["$ref"], schema)}
        return {**schema, "properties": properties}
    return schema


def _target(reference: str, schema: Mapping[str, Any]) -> Any:
    found: Any = schema
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def _fields(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, skip: tuple[str, ...] = ()) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            f"`{name}`",
            "yes" if name in required else "",
            _kind(field, root or schema),
            field.get("description", ""),
        )
        for name, field in schema.get("properties", {}).items()
        if name not in skip
    ]
    return _table(("field", "required", "value", "meaning"), rows)


def _kind(field: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return _kind(_target(field["$ref"], root), root)
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return " or ".join(f"`{json.dumps(value)}`" for value in field["enum"] if value is not None)
    for choice in ("anyOf", "oneOf"):
        if choice in field:
            kinds = [_kind(option, root) for option in field[choice] if option.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    kind = str(field.get("type", "any"))
    if kind == "array":
        return f"list of {_kind(field.get('items', {}), root)}"
    return str(field.get("format", "text")) if kind == "string" else kind


def kpis_page() -> str:
    """Every KPI of the library: its sentence, its parts, and the definition as data."""
    from projections.kpi import Definitions, explanation, sentence

    parts = [
        "# KPIs\n\nThe definitions that come with Tallystick. A plan may define its own, and newer versions of these;"
        " a definition is data, so that it can be read, compared and computed by anyone.\n"
    ]
    for definition in Definitions.library():
        data = json.dumps(definition.model_dump(mode="json", by_alias=True, exclude_none=True), indent=2)
        parts.append(
            f"## {definition.kpi}: {definition.title}\n\n{sentence(definition)}\n\n"
            + "".join(f"- {line}\n" for line in explanation(definition)[1:])
            + f"\nSource: {definition.source}\n\n"
            f"<details><summary>As data</summary>\n\n```json\n{data}\n```\n\n</details>\n"
        )
    return "\n".join(parts)


def cli_page() -> str:
    """Every command's help, as the terminal prints it."""
    import typer
    from typer.testing import CliRunner

    from ops.cli.app import app

    runner = CliRunner()
    commands = typer.main.get_group(app).commands
    names = [[name] for name in sorted(commands)]
    for (name,) in list(names):
        names += [[name, below] for below in sorted(getattr(commands[name], "commands", ()))]
    parts = ["# Commands\n\nEvery command takes `--home DIR`; those that print a result take `--format`.\n"]
    for arguments in ([], *sorted(names)):
        printed = runner.invoke(
            app, [*arguments, "--help"], env={"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
        ).stdout
        title = " ".join(("tallystick", *arguments))
        lines = "\n".join(line.rstrip() for line in printed.strip().splitlines())
        parts.append(f"## {title}\n\n```text\n{lines}\n```\n")
    return "\n".join(parts)


def http_page() -> str:
    """Every route of the HTTP interface, from its OpenAPI document."""
    from ops.http.app import openapi

    rows = [
        (f"`{method.upper()} {path}`", operation.get("summary", ""))
        for path, operations in sorted(openapi()["paths"].items())
        for method, operation in operations.items()
    ]
    return (
        "# HTTP\n\nThe OpenAPI document is served at `/openapi.json`. Every list is also there as `.csv` and `.json`;"
        " every error is `application/problem+json` with `code`, `pointer` and `hint`.\n\n"
        + _table(("route", "what"), rows)
    )


def errors_page() -> str:
    """The fault table."""
    parts = ["# Error codes\n\nA code is stable. The family says what to do: mend the input, look again, or wait.\n"]
    parts += [
        f"## {spec.code}\n\n{spec.title} {spec.hint}\n\n"
        f"{spec.family} · HTTP {spec.http_status} · exit status {spec.exit_status} · from {spec.room}\n"
        for spec in FAULTS.values()
    ]
    return "\n".join(parts)


def limits_page() -> str:
    """The table of limits, with the sentence beside each in the source."""
    tree = ast.parse(inspect.getsource(limits))
    notes: dict[str, str] = {}
    for node, following in zip(tree.body, tree.body[1:], strict=False):
        is_note = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and is_note:
            notes[node.target.id] = str(following.value.value)  # type: ignore[attr-defined]
    rows = [(f"`{name}`", f"{value:,}", notes.get(name, "")) for name, value in limits.LIMITS.items()]
    return "# Limits\n\nEverything that crosses the wall is bounded.\n\n" + _table(("limit", "value", "of"), rows)


PAGES: dict[str, Callable[[], str]] = {
    "events": events_page,
    "kpis": kpis_page,
    "cli": cli_page,
    "http": http_page,
    "settings": lambda: "# Settings\n\n" + render_settings(),
    "metrics": lambda: "# Metrics\n\n" + render_metrics(),
    "errors": errors_page,
    "limits": limits_page,
}


def render(name: str) -> str:
    """One page as Markdown, ending with a newline."""
    return _GENERATED + PAGES[name]().rstrip() + "\n"


def main(folder: Path) -> None:
    """Write every page into ``folder``."""
    os.environ["COLUMNS"] = "100"
    folder.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        (folder / f"{name}.md").write_text(render(name), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
