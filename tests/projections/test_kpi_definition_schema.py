"""The published schema of a KPI definition says what the model says, and does not drift from it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from contracts.kpi import KpiDefinition, kpi_schema, kpi_schema_text

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = sorted((ROOT / "projections/kpi/library").glob("*.json"))


def verdicts(document: object) -> tuple[bool, bool]:
    """(the model's verdict, the published schema's verdict)."""
    try:
        KpiDefinition.model_validate_json(json.dumps(document))
        model = True
    except ValidationError:
        model = False
    return model, jsonschema.Draft202012Validator(kpi_schema()).is_valid(document)


def test_the_committed_schema_is_the_models_schema() -> None:
    assert kpi_schema_text() == (ROOT / "contracts/schemas/kpi-definition.json").read_text()


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_every_library_definition_keeps_both_contracts(path: Path) -> None:
    assert verdicts(json.loads(path.read_text())) == (True, True)


BROKEN: list[tuple[str, object]] = [
    ("/version", 0),
    ("/version", "1"),
    ("/kpi", "k06"),
    ("/empty", "zero"),
    ("/rounding/mode", "half_up"),
    ("/measure/kind", "sql"),
    ("/measure/numerator/op", "like"),
    ("/measure/numerator/column", "disposition; drop table calls"),
    ("/period/grain", "week"),
    ("/surprise", 1),
]


@pytest.mark.parametrize(("pointer", "value"), BROKEN)
def test_the_operator_set_is_closed_for_both(pointer: str, value: object) -> None:
    document = json.loads((ROOT / "projections/kpi/library/K06.json").read_text())
    assert verdicts(document) == (True, True)
    *way, last = pointer.strip("/").split("/")
    place = document
    for step in way:
        place = place[step]
    place[last] = value
    assert verdicts(document) == (False, False)
