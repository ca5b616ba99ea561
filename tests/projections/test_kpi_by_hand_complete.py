"""No KPI of the library without its numbers worked out by hand: counted, empty, censored and corrected."""

from __future__ import annotations

import ast
from pathlib import Path

from projections.kpi.definitions import library

HERE = Path(__file__).parent
CASES = ("counted", "empty", "censored", "corrected")


def asserting(source: str) -> set[str]:
    """The names of the tests in a module that assert something."""
    return {
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and any(isinstance(inner, ast.Assert) for inner in ast.walk(node))
    }


def missing(kpis: set[str], sources: list[str]) -> set[str]:
    """The tests by hand that a set of KPIs lacks."""
    wanted = {f"test_{kpi.lower()}_{case}" for kpi in kpis for case in CASES}
    return wanted.difference(*(asserting(source) for source in sources))


def test_every_kpi_of_the_library_is_worked_out_by_hand() -> None:
    sources = [path.read_text(encoding="utf-8") for path in sorted(HERE.glob("test_kpi_by_hand_*.py"))]
    assert set() == missing(set(library()), sources)


def test_control_a_kpi_without_a_test_and_a_test_without_an_assertion_are_noticed() -> None:
    source = "def test_x1_counted(w):\n    assert w\ndef test_x1_empty(w):\n    pass\n"
    assert {"test_x1_empty", "test_x1_censored", "test_x1_corrected"} == missing({"X1"}, [source])
