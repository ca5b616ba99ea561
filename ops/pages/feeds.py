"""The pages of this section: which reports are expected from whom, and who is silent.

Here so that a section's addresses and figures stand in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from contracts.faults import fault
from contracts.moments import DAY_US
from ops.pages import words
from ops.pages.asking import Asked, asked
from ops.pages.states import StateWords, by_state
from projections.feeds import FEED_STATES, FeedState, delays, feed_states, reports_of

if TYPE_CHECKING:
    from ops.composition import House
    from ops.pages.routes import Pages

Figures = dict[str, Any]
REPORTS_SHOWN = 120


STATUS_WORDS = by_state(
    (
        StateWords("silent", "Silent", "off_track", "lacks the latest report that fell due"),
        StateWords("late", "Came late", "watch", "came after its grace"),
        StateWords("on_time", "On time", "on_track", "came by its due day"),
        StateWords("waiting", "Nothing due yet", "stale", "has no report due yet"),
        StateWords("ended", "No longer expected", "no_data", "is of an agency that has left"),
    )
)


def register(router: APIRouter, pages: Pages) -> None:
    """Add this section's pages to ``router``."""
    house = pages.house

    @router.get("/feeds")
    def feeds_page(as_of: str = "", agency: str = "", status: str = "") -> Response:
        reading = asked(house, as_of)
        if status and status not in FEED_STATES:
            raise fault("request_invalid", f"{status[:50]!r} is no standing of a feed", allowed=list(FEED_STATES))
        figures = feeds_figures(house, reading, agency, status)
        return pages.page("feeds", figures, here="/feeds", nav="/feeds", reading=reading)

    @router.get("/feeds/{agency}/{feed}")
    def feed_page(agency: str, feed: str, as_of: str = "") -> Response:
        reading = asked(house, as_of)
        figures = feed_figures(house, reading, agency, feed)
        here = f"/feeds/{quote(agency, safe=':@,')}/{quote(feed, safe=':@,')}"
        return pages.page("feed", figures, here=here, nav="/feeds", reading=reading)


def feeds_figures(house: House, reading: Asked, agency: str, status: str) -> Figures:
    """Every feed with its standing, and each agency's lag between happening and reporting."""
    moment_us = reading.as_of.moment_us
    with house.reading(reading.as_of) as connection:
        found = feed_states(connection, moment_us, house.zone, agency=agency)
        lags = delays(connection)
    counts = {name: sum(one.status == name for one in found) for name in FEED_STATES}
    return {
        "tally": [
            (
                STATUS_WORDS[one],
                counts[one],
                reading.links.to("/feeds", agency=agency, status="" if one == status else one),
            )
            for one in FEED_STATES
        ],
        "status": status,
        "silent": [one for one in found if one.status == "silent"],
        "lines": [
            (one, STATUS_WORDS[one.status], _note(one, moment_us), _link(reading, one))
            for one in found
            if not status or one.status == status
        ],
        "agency": agency,
        "delays": [one for one in lags if not agency or one.agency == agency],
    }


def feed_figures(house: House, reading: Asked, agency: str, feed: str) -> Figures:
    """Every report expected of one feed. Raises ``Fault`` code ``not_found`` where none is."""
    moment_us = reading.as_of.moment_us
    with house.reading(reading.as_of) as connection:
        reports = reports_of(connection, moment_us, house.zone, agency, feed)
        state = next(
            (one for one in feed_states(connection, moment_us, house.zone, agency=agency) if one.feed == feed), None
        )
    if state is None:
        raise fault("not_found", f"no report {feed!r} is expected from {agency!r}")
    return {
        "state": state,
        "words": STATUS_WORDS[state.status],
        "reports": [
            (one, "open" if one.due_us > moment_us and one.received_us is None else _came(one.received_us, one.on_time))
            for one in reports[:REPORTS_SHOWN]
        ],
        "total": len(reports),
    }


def _came(received_us: int | None, on_time: bool) -> str:
    return "missing" if received_us is None else "on time" if on_time else "late"


def _note(one: FeedState, moment_us: int) -> str:
    if one.status == "silent" and one.latest is not None:
        days = (moment_us - one.latest.due_us) // DAY_US
        return f"for {words.count_words(days, 'day')}" if days else "since today"
    return ""


def _link(reading: Asked, one: FeedState) -> str:
    return reading.links.to(f"/feeds/{quote(one.agency, safe=':@,')}/{quote(one.feed, safe=':@,')}")
