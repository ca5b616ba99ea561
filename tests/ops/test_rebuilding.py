"""``rebuild``: whatever happens on the way, what is read is whole; what differs is told before it is switched to."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import Fault
from ops.cli import main
from ops.composition import House, open_house
from ops.rebuilding import back, rebuild
from ops.settings import Settings
from tests.ops.conftest import NOW_US, Clock

Raw = Callable[..., bytes]
ZONE = "America/Los_Angeles"


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    database = request.getfixturevalue("postgres_address") if request.param == "postgresql" else None
    return Settings(home=tmp_path / "home", zone=ZONE, database=database)


@pytest.fixture
def house(settings: Settings, clock: Clock, raw: Raw) -> Iterator[House]:
    """Three calls of which two have ended; the views hold them."""
    with open_house(settings=settings, clock=clock) as opened:
        opened.record([*calls(raw, 1, 3), ended(raw, 1), ended(raw, 2)])
        opened.catch_up()
        yield opened


@pytest.fixture
def other(house: House, settings: Settings, clock: Clock) -> Iterator[House]:
    """The same home in a process that only reads."""
    with open_house(settings=settings, clock=clock, writable=False) as opened:
        yield opened


def calls(raw: Raw, first: int, last: int) -> list[bytes]:
    return [raw(number) for number in range(first, last + 1)]


def ended(raw: Raw, number: int) -> bytes:
    data = {"call": f"c-{number}", "disposition": "remained_in_community"}
    return raw(f"ended-{number}", type="org.tallystick.encounter.closed.v1", subject=f"call/c-{number}", data=data)


def counted(house: House) -> int:
    with house.viewing() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM calls").scalar_one())


def shown(house: House) -> list[Any]:
    return [cell.to_json() for cell in house.cells()]


def damage(house: House, statement: str) -> None:
    with house.store.write() as connection:
        assert connection.exec_driver_sql(statement).rowcount > 0


def states(house: House) -> dict[int, str]:
    return {one.number: one.state for one in house.generations.list()}


def test_what_was_built_is_compared_switched_to_and_the_old_one_kept(house: House, other: House) -> None:
    before = shown(house)
    with other.viewing() as reading:
        built = rebuild(other)
        assert 3 == reading.exec_driver_sql("SELECT count(*) FROM calls").scalar_one()
    assert built.audit is not None
    assert (True, (), 1, 2, 5) == (built.switched, built.audit.differences, built.before, built.number, built.position)
    assert built.audit.rows > 3
    assert built.audit.cells
    assert {1: "kept", 2: "live"} == states(house)
    assert before == shown(house) == shown(other)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE calls SET disposition = NULL WHERE call = 'c-1'", "calls c-1: disposition"),
        ("DELETE FROM calls WHERE call = 'c-3'", "calls c-3: missing"),
        ("UPDATE kpi_cell SET value = '12' WHERE kpi = 'K06' AND period = 'all' AND grp = 'all'", "kpi_cell K06/1/all"),
    ],
)
def test_a_difference_is_named_and_nothing_is_switched_unless_it_is_accepted(
    house: House, other: House, statement: str, named: str
) -> None:
    right = shown(house)
    damage(house, statement)
    built = rebuild(other)
    assert built.audit is not None
    assert not built.switched
    assert [named] == [str(found)[: len(named)] for found in built.audit.differences]
    assert {1: "live"} == states(house)
    accepted = rebuild(other, accept_differences=True)
    assert (True, 3) == (accepted.switched, other.generations.live())
    assert right == shown(house)


def test_events_that_come_meanwhile_are_in_what_is_compared_or_follow(house: House, other: House, raw: Raw) -> None:
    came = iter((calls(raw, 4, 9), calls(raw, 10, 12)))

    def moment(name: str) -> None:
        if name in ("built", "level"):
            house.record(next(came))
            house.catch_up()

    built = rebuild(other, moment=moment)
    assert built.audit is not None
    assert ((), 14, 14) == (built.audit.differences, built.position, built.head)
    assert 12 == counted(other)


def test_the_line_that_follows_changes_over_and_goes_on(house: House, other: House, raw: Raw) -> None:
    house.start()
    rebuild(other)
    house.record(calls(raw, 4, 8))
    assert house.runner.wait_for(10, timeout_s=20)
    assert house.runner_alive()
    assert 2 == house.generations.live()
    assert 8 == counted(other)


def test_going_back_reads_what_was_read_before_which_then_catches_up(house: House, other: House, raw: Raw) -> None:
    rebuild(other)
    house.record(calls(raw, 4, 8))
    house.catch_up()
    assert (2, 1) == back(other)
    assert (3, 5) == (counted(other), other.runner.position())
    house.catch_up()
    assert (8, 10) == (counted(other), other.runner.position())
    with pytest.raises(Fault) as none:
        back(other)
    assert "generation_unknown" == none.value.problem.code


def test_as_many_are_kept_as_asked_for(house: House) -> None:
    for _ in range(3):
        rebuild(house, keep=2)
    assert {2: "kept", 3: "kept", 4: "live"} == states(house)
    rebuild(house, keep=0)
    house.catch_up()
    assert {5: "live"} == {number: state for number, state in states(house).items() if state != "kept"}
    assert 3 == counted(house)


def test_views_of_another_log_are_noticed_and_made_again(
    house: House, settings: Settings, clock: Clock, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streams.tables import POSITIONS

    with house.store.write() as connection:
        connection.execute(POSITIONS.update().values(digest="00" * 32))
    house.close()
    with open_house(settings=settings, clock=clock, writable=False) as reading, pytest.raises(Fault) as told:
        counted(reading)
    assert "views_behind" == told.value.problem.code
    with open_house(settings=settings, clock=clock) as again:
        again.record(calls(raw, 4, 4))
        again.catch_up()
        assert (4, 2, 6) == (counted(again), again.generations.live(), again.runner.position())


# A kill behind every step

MOMENTS = ("begun", "built", "level", "caught up", "switched")


def build_and_die(settings: Settings, dies_at: str) -> None:
    def moment(name: str) -> None:
        if name == dies_at:
            os._exit(9)

    with open_house(settings=settings, clock=lambda: NOW_US, writable=False) as house:
        rebuild(house, moment=moment)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_rebuild_leaves_what_is_read_and_the_next_one_sweeps(
    house: House, settings: Settings, clock: Clock, moment: str
) -> None:
    before = shown(house)
    house.close()
    process = multiprocessing.get_context("fork").Process(target=build_and_die, args=(settings, moment))
    process.start()
    process.join()
    assert 9 == process.exitcode
    with open_house(settings=settings, clock=clock) as after:
        assert (2 if moment == "switched" else 1) == after.generations.live()
        assert before == shown(after)
        built = swept(after)
        assert () == built.audit.differences
        assert before == shown(after)
        assert "building" not in states(after).values()


def swept(house: House) -> Any:
    """A rebuild, once the database has noticed that the one before it is gone."""
    until_s = time.monotonic() + 20
    while True:
        try:
            return rebuild(house)
        except Fault as held:
            if held.problem.code != "views_in_use" or time.monotonic() > until_s:
                raise
            time.sleep(0.05)


def test_the_command_tells_what_differs_and_leaves_with_the_status_of_a_conflict(
    house: House, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if settings.database is not None:
        monkeypatch.setenv("TALLYSTICK_DATABASE", settings.database)
    asked = ["rebuild", "--home", str(settings.home), "--format", "json"]
    monkeypatch.setenv("TALLYSTICK_ZONE", ZONE)
    damage(house, "DELETE FROM calls WHERE call = 'c-3'")
    assert 4 == main(asked)
    told = json.loads(capsys.readouterr().out)
    assert (False, ["calls c-3: missing"]) == (told["switched"], told["differences"])
    assert 0 == main([*asked, "--accept-differences"])
    assert json.loads(capsys.readouterr().out)["switched"]
    assert 3 == counted(house)
    assert 0 == main([*asked, "--list"])
    assert ["kept", "live"] == [one["state"] for one in json.loads(capsys.readouterr().out)]
    assert 0 == main([*asked, "--back"])
    assert {"generation": 1, "before": 3} == json.loads(capsys.readouterr().out)


def test_what_is_remembered_of_a_scorecard_is_not_told_of_other_views(house: House, other: House) -> None:
    # Both generations stand at the same event and have counted their cells as often.
    from ops.pages.remembering import Scorecards

    kept = Scorecards(other)
    damage(house, "UPDATE kpi_cell SET value = '12' WHERE kpi = 'K06'")
    wrong = kept.read(other.as_of())
    rebuild(other, accept_differences=True)
    assert wrong != kept.read(other.as_of())
    fresh = Scorecards(other).read(other.as_of())
    assert fresh == kept.read(other.as_of())


def test_that_test_notices_a_state_that_does_not_name_its_store(
    house: House, other: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Negative control.
    from projections.dialect import Dialect

    monkeypatch.setattr(Dialect, "store_of", lambda *_: "")
    with pytest.raises(AssertionError):
        test_what_is_remembered_of_a_scorecard_is_not_told_of_other_views(house, other)
