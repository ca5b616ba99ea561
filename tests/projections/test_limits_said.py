"""What docs/limits.md says of K17 and K39 is what they do; whoever mends it changes both."""

from __future__ import annotations

from typing import Any

from tests.projections.kpi_world import World

SIGNED: dict[str, Any] = {
    "agreement": "mou",
    "kind": "mou",
    "parties": ["lakeside", "harbor"],
    "effective": "2025-01-01",
    "terms": {"answer_within": {"limit": 20, "unit": "days"}},
}


def share(found: World, kpi: str, now: str) -> tuple[float | None, int, int]:
    found.plan(kpi)
    cell = found.cell(kpi, "2025-03", now=now)
    return cell.value, cell.numerator or 0, cell.denominator or 0


def test_k17_takes_five_days_whatever_the_agreement_allows() -> None:
    found = World()
    found.say("agreement.signed", SIGNED, "2024-12-20", agency="harbor")
    found.refer("r1", "2025-03-03")
    assert (None, 0, 0) == share(found, "K17", "2025-03-08T11:59:59Z")
    assert (0, 0, 1) == share(found, "K17", "2025-03-08T12:00:00Z")


def test_k17_counts_an_answer_that_is_dated_after_the_reading() -> None:
    found = World()
    found.refer("r1", "2025-03-03", accepted="2025-03-20")
    assert (100, 1, 1) == share(found, "K17", "2025-03-10")


def promised(*, ended: str | None = None, waived: str | None = None, delivered: str | None = None) -> World:
    found = World()
    found.say("agreement.signed", {**SIGNED, "terms": None}, "2024-12-20", agency="harbor")
    promise = {"commitment": "beds", "agreement": "mou", "clause": "1", "obligor": "lakeside", "obligee": "harbor"}
    found.say("commitment.made", {**promise, "deliverable": "Beds", "due": "2025-03-10"}, "2024-12-21")
    if ended is not None:
        found.say("agreement.ended", {"agreement": "mou", "kind": "terminated"}, ended, agency="harbor")
    if waived is not None:
        found.say("commitment.waived", {"commitment": "beds", "reason": "agreed"}, waived, agency="harbor")
    if delivered is not None:
        done = {"commitment": "beds", "quantity": 1, "evidence_ref": "memo"}
        found.say("commitment.evidenced", done, delivered, agency="lakeside")
    return found


def test_k39_counts_what_was_said_whenever_it_is_dated() -> None:
    now = "2025-03-15"
    assert (0, 0, 1) == share(promised(), "K39", now)
    assert (None, 0, 0) == share(promised(waived="2025-03-20"), "K39", now)
    assert (0, 0, 1) == share(promised(ended="2025-03-20"), "K39", now)  # it was in force on the tenth
    assert (None, 0, 0) == share(promised(ended="2025-03-09"), "K39", now)
    assert (0, 0, 1) == share(promised(delivered="2025-03-20"), "K39", now)  # late, whenever it is read
    assert (100, 1, 1) == share(promised(delivered="2025-03-10"), "K39", now)
