"""What an agency says about another one's statement is shown, and never as if it had counted."""

from __future__ import annotations

from pathlib import Path

from ops.composition import open_house
from ops.http.app import create_app
from ops.settings import load_settings
from tests.pages.browsing import Browser
from tests.pages.conftest import event
from tests.pages.reading_html import parse

NOW_US = 1_767_225_600_000_000


def texts(home: Path, speaker: str) -> tuple[str, str, str]:
    """The pages of a statement, of what withdraws it under the same source, and of their subject."""
    stated = event("call.received", "call/c1", "county", "s-1", {"call": "c1", "channel": "911"})
    void = event("record.voided", "call/c1", "county", "s-2", {"supersedes": "s-1", "reason": "not theirs"})
    void = void.replace(b'"agency": "county"', f'"agency": "{speaker}"'.encode())
    with open_house(settings=load_settings(home), clock=lambda: NOW_US) as house:
        assert ["recorded"] * 2 == [outcome.status for outcome in house.record_batch([stated, void])]
        house.catch_up()
        with Browser(create_app(house)) as client:
            one, two, about = (
                parse(client.get(at).text).text() for at in ("/events/1", "/events/2", "/subjects/call/c1")
            )
    return one, two, about


def test_a_withdrawal_by_another_agency_is_shown_as_changing_nothing(tmp_path: Path) -> None:
    stated, void, subject = texts(tmp_path / "home", "rival")
    assert "counts for nothing" not in stated + subject
    assert "still counts" in void


def test_control_a_withdrawal_by_the_same_agency_counts(tmp_path: Path) -> None:
    stated, void, subject = texts(tmp_path / "home", "county")
    assert "counts for nothing" in stated
    assert "counts for nothing" in subject
    assert "still counts" not in void
