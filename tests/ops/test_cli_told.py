"""What a command tells people: that nothing was there, and tables that a terminal of a hundred columns can hold."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from ops.cli import output
from tests.ops.test_cli import Raw, Run, home, run  # noqa: F401 - fixtures


@pytest.mark.parametrize("content", [b"", b"\n \n", b"[]"])
@pytest.mark.parametrize("how", ["table", "json", "csv"])
def test_a_file_without_an_event_is_told_of(run: Run, home: str, tmp_path: Path, content: bytes, how: str) -> None:  # noqa: F811
    (tmp_path / "nothing.json").write_bytes(content)
    told = run("record", "nothing.json", "--home", home, "--format", how)
    assert (0, "There is no event in nothing.json, so nothing was recorded.") == (told.status, told.err.strip())


def test_standard_input_without_an_event_is_told_of(run: Run, home: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert "no event in what was sent" in run("record", "-", "--home", home).err


def test_control_a_file_with_an_event_is_not_called_empty(run: Run, home: str, tmp_path: Path, raw: Raw) -> None:  # noqa: F811
    (tmp_path / "one.json").write_bytes(raw())
    assert "no event" not in run("record", "one.json", "--home", home).err


def test_rejections_fit_a_hundred_columns_and_the_rest_is_one_command_away(
    run: Run,  # noqa: F811
    home: str,  # noqa: F811
    tmp_path: Path,
    raw: Raw,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = raw(1, data={"call": "c-1", "channel": "a telephone somewhere that nobody has ever heard of"})
    (tmp_path / "wrong.json").write_bytes(wrong)
    assert run("record", "wrong.json", "--home", home).status == 3
    monkeypatch.setattr(output, "_WIDTH_WITHOUT_TERMINAL", 100)
    shown = run("rejections", "--home", home).out
    assert max(map(len, shown.splitlines())) <= 100
    words = " ".join(shown.split())
    assert all(word in words for word in ("data_invalid", "/data/channel", "police", "e-1", "--show N"))
    one = run("rejections", "--show", "1", "--home", home).out
    assert all(word in one for word in ("hint", "raw sha256" if "raw sha256" in one else "raw_sha256"))
    assert set(run("rejections", "--home", home, "--format", "json").json()["rejections"][0]) >= {"hint", "title"}
