"""What is shown says up to which event it is complete, on the page, in its JSON and on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from ops.cli import main
from ops.completeness import complete
from ops.composition import House
from ops.http.app import create_app
from tests.ops.asgi_client import Answer, call

Raw = Callable[..., bytes]


def test_recorded_and_not_counted_yet_is_told_and_a_reading_of_the_past_is_whole(house: House, raw: Raw) -> None:
    house.record([raw(1)])
    house.catch_up()
    house.record([raw(2), raw(3)])
    assert "complete up to event 1 of 3" == complete(house, house.as_of()).sentence()
    assert {"position": 2, "head": 2} == complete(house, house.as_of("2")).to_json()
    app = create_app(house)

    def get(path: str) -> Answer:
        return asyncio.run(call(app, "GET", path))

    assert b"complete up to event 1 of 3" in get("/").body
    told = get("/v1/scorecard").json()
    assert (1, 3) == (told["position"], told["head"])
    assert b"complete up to event 1 of 3" in get("/quarantine").body
    house.catch_up()
    assert b"complete up to event 3 of 3" in get("/").body


def test_the_command_says_it_too(house: House, raw: Raw, capsys: pytest.CaptureFixture[str]) -> None:
    house.record([raw(1)])
    house.close()
    assert 0 == main(["scorecard", "--home", str(house.home)])
    assert "complete up to event 1 of 1" in capsys.readouterr().out
