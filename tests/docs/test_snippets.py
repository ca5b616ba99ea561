"""The commands printed in the README and the docs do what is printed below them.

A ``console`` block holds commands (``$ …``) with their output; ``…`` stands for any text, on one line or over several.
A comment ``<!-- file: NAME -->`` before a block writes that block to NAME first. Blocks of one page share a folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.S | re.M)


def steps(text: str) -> list[tuple[str, str, str]]:
    """``("file", name, body)`` and ``("run", command, expected output)`` in the order of the page."""
    found: list[tuple[str, str, str]] = []
    for block in _BLOCK.finditer(text):
        if block["file"]:
            found.append(("file", block["file"], block["body"]))
        elif block["kind"] == "console":
            for part in re.split(r"^\$ ", block["body"], flags=re.M)[1:]:
                command, _, expected = part.partition("\n")
                found.append(("run", command, expected))
    return found


def matches(expected: str, printed: str) -> bool:
    """Whether the output is what the page shows, ``…`` standing for any text."""
    pattern = ".*".join(re.escape(piece) for piece in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.S) is not None


def test_a_page_that_shows_another_output_is_noticed() -> None:
    assert matches('{"a": 1, …}\n', '{"a": 1, "b": 2}\n')
    assert not matches('{"a": 1}', '{"a": 2}')
    assert [("file", "x.json", "{}\n"), ("run", "tallystick verify", "ok\n")] == steps(
        "<!-- file: x.json -->\n```json\n{}\n```\n\n```console\n$ tallystick verify\nok\n```\n"
    )


@pytest.mark.parametrize(
    "page", [p for p in PAGES if steps(p.read_text("utf-8"))], ids=lambda p: str(p.relative_to(ROOT))
)
def test_what_a_page_shows_is_what_happens(page: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "110",
        "TALLYSTICK_ROOT": str(ROOT),
    }
    for kind, name, body in steps(page.read_text("utf-8")):
        if kind == "file":
            (tmp_path / name).write_text(body, "utf-8")
            continue
        done = subprocess.run(
            name, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )
        printed = done.stdout + done.stderr
        assert matches(body, printed), f"$ {name}\n--- the page shows\n{body}\n--- it printed\n{printed}"
