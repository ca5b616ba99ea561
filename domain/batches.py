"""One batch of submissions, written to one open transaction: each ends as recorded, duplicate, conflict or rejected.

It is here so that how a submission ends is decided in one place, whatever keeps the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence

from eventsourcing.application import Application

from contracts.faults import Fault, Problem, UnavailableFault, problem
from contracts.recorded import Accepted, Outcome, Receipt, Rejected, Submission
from domain import rejections
from domain.appending import Appending
from domain.governance import Governance


class Batch:
    """The submissions of one transaction: statements in runs, decisions one by one between them."""

    def __init__(self, application: Application[str], page: Appending, governance: Governance) -> None:
        """``application`` is the ledger as the library knows it: decisions are saved through it."""
        self._page = page
        self._decisions = governance.session(application)

    def outcomes(self, submissions: Sequence[Submission]) -> list[Outcome]:
        """How each submission ended, in order, written to the page's transaction."""
        outcomes: list[Outcome | None] = [None] * len(submissions)
        run: list[int] = []
        for place, submission in enumerate(submissions):
            if isinstance(submission, Rejected):
                outcomes[place] = self._refused(submission, submission.problem)
            elif submission.kind == "statement":
                run.append(place)
            else:
                # log_index follows the order of sending, so what stands before a decision is appended first.
                self._end_run(submissions, run, outcomes)
                outcomes[place] = self._decided(submission)
        self._end_run(submissions, run, outcomes)
        return [outcome for outcome in outcomes if outcome is not None]

    def _end_run(self, submissions: Sequence[Submission], run: list[int], outcomes: list[Outcome | None]) -> None:
        if not run:
            return
        events = [submission for submission in map(submissions.__getitem__, run) if isinstance(submission, Accepted)]
        for place, event, receipt, new in zip(run, events, *self._page.statements(events), strict=True):
            if new:
                outcomes[place] = Outcome("recorded", event.source, event.id, receipt)
            else:
                outcomes[place] = self._repeated(event, receipt)
        run.clear()

    def _repeated(self, event: Accepted, first: Receipt) -> Outcome:
        if first.digest == event.digest:
            self._page.count("duplicate")
            return Outcome("duplicate", event.source, event.id, first)
        self._page.count("conflict")
        found = problem(
            "identity_conflict",
            f"{event.source} {event.id} was recorded as event {first.log_index} "
            f"with digest {first.digest.hex()}; this one has digest {event.digest.hex()}.",
            "/id",
            log_index=first.log_index,
            recorded_digest=first.digest.hex(),
            submitted_digest=event.digest.hex(),
        )
        rejections.keep(self._page.writing, "conflict", event, found, self._page.recorded_at_us)
        return Outcome("conflict", event.source, event.id, first, found)

    def _decided(self, event: Accepted) -> Outcome:
        first = self._page.recorded_before(event)
        if first is not None:
            return self._repeated(event, first)
        try:
            receipt = self._decisions.decide(event, self._page)
        except Fault as fault:
            if isinstance(fault, UnavailableFault):
                raise
            return self._refused(event, fault.problem)
        return Outcome("recorded", event.source, event.id, receipt)

    def _refused(self, submission: Submission, found: Problem) -> Outcome:
        self._page.count("rejected")
        rejections.keep(self._page.writing, "rejected", submission, found, self._page.recorded_at_us)
        return Outcome("rejected", submission.source, submission.id, None, found)
