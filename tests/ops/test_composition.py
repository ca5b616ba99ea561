"""The composition root: who may write, what is read beside a writer, and what a moment means."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import Fault
from ops.composition import House, open_house
from ops.settings import FILE_NAME, Settings, load_settings
from tests.ops.conftest import NOW_US, Clock

Raw = Callable[..., bytes]


def test_a_new_home_is_private_and_keeps_its_zone(house: House, settings: Settings) -> None:
    assert stat.S_IMODE(settings.home.stat().st_mode) & 0o077 == 0
    assert load_settings(settings.home).zone == "America/Los_Angeles"
    (settings.home / FILE_NAME).write_text('zone = "Europe/Zurich"\n')
    house.close()
    with open_house(settings.home) as again:
        assert again.zone == "Europe/Zurich"
    assert (settings.home / FILE_NAME).read_text() == 'zone = "Europe/Zurich"\n'


def test_one_writer_a_home_and_any_number_of_readers(house: House, settings: Settings, raw: Raw) -> None:
    house.record([raw(1)])
    with pytest.raises(Fault) as caught:
        open_house(settings=settings, writable=True)
    assert caught.value.problem.code == "home_in_use"
    with open_house(settings=settings, writable=None) as reader:
        assert not reader.writable
        assert reader.reader.head().log_index == 1
        assert (reader.standing().position, reader.standing().lag_events) == (0, 1)
        with pytest.raises(Fault) as refused:
            reader.record([raw(2)])
        assert refused.value.problem.code == "home_in_use"
    house.close()
    with open_house(settings=settings, writable=None) as free:
        assert free.writable


def test_reading_what_is_not_there_is_told_and_makes_nothing(tmp_path: Path) -> None:
    for writable in (False, None):
        with pytest.raises(Fault) as caught:
            open_house(tmp_path / "none", writable=writable)
        assert caught.value.problem.code == "home_missing"
    assert not (tmp_path / "none").exists()


def test_a_started_house_brings_the_views_up_to_date_by_itself(house: House, raw: Raw) -> None:
    house.start()
    house.record([raw(n) for n in range(20)])
    assert house.runner.wait_for(20, timeout_s=20)
    assert (house.writer_alive(), house.runner_alive()) == (True, True)


def test_a_moment_means_what_was_recorded_until_then(house: House, raw: Raw, clock: Clock) -> None:
    house.record([raw(1)])
    clock.now_us += 60_000_000
    house.record([raw(2)])
    assert _pair(house.as_of()) == (NOW_US + 60_000_000, None)
    assert _pair(house.as_of("1")) == (NOW_US, 1)
    assert _pair(house.as_of("2025-06-15T15:07:10Z")) == (NOW_US + 30_000_000, 1)
    assert house.as_of("2001-01-01T00:00:00Z").log_index == 0


def _pair(as_of: Any) -> tuple[int, int | None]:
    return as_of.moment_us, as_of.log_index


def test_a_fixed_moment_stands_still_whatever_the_clock_says(tmp_path: Path, clock: Clock, raw: Raw) -> None:
    fixed = load_settings(tmp_path / "home", as_of="2025-01-01T00:00:00Z")
    with open_house(settings=fixed, clock=clock) as house:
        house.record([raw(1)])
        first = house.as_of()
        clock.now_us += 10**12
        assert first == house.as_of()
        assert first.log_index is None
    assert load_settings(tmp_path / "home").as_of == "2025-01-01T00:00:00Z"


def test_an_incremental_house_and_a_rebuilt_one_show_the_same_cells(house: House, raw: Raw) -> None:
    def shown() -> list[Any]:
        return [cell.to_json() for cell in house.cells(period="all")]

    for start in range(0, 30, 7):
        house.record([raw(n) for n in range(start, start + 7)])
        house.catch_up()
    before = shown()
    assert house.rebuild() == 35
    assert before == shown()


def test_prefixes_are_kept_few_and_never_closed_while_they_are_read(house: House, raw: Raw) -> None:
    house.record([raw(n) for n in range(6)])
    house.catch_up()
    with house.reading(house.as_of("1")) as held:
        for n in ("2", "3", "4"):
            with house.reading(house.as_of(n)) as connection:
                assert connection.exec_driver_sql("SELECT count(*) FROM calls").scalar_one() == int(n)
        assert held.exec_driver_sql("SELECT count(*) FROM calls").scalar_one() == 1
    assert len(house._prefixes._kept) <= 2


def test_a_plan_with_a_kpi_that_no_read_model_can_compute_is_refused(house: House) -> None:
    from ops.composition import check_definition
    from projections.kpi.definitions import library

    good = library()["K06"].body.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert check_definition(good) is None
    found = check_definition({**good, "population": "dreams"})
    assert found is not None
    assert found.code == "definition_invalid"


def test_closing_twice_and_after_starting_is_harmless(house: House) -> None:
    house.start()
    house.close()
    house.close()
