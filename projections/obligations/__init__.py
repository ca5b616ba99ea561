"""Obligations: everything that is owed by a date, in one model.

Here because answering a referral, keeping a commitment, sending a report, following up a decision, holding a
review and closing a finding are the same question: who owes what to whom, by when, and what became of it.
"""

from projections.obligations.asking import AGES, Asking, asking
from projections.obligations.owed import KINDS, PARTNERSHIP, Obligation, Remark
from projections.obligations.reading import Survey, every, survey
from projections.obligations.states import STATES, Facts, State, state_of

__all__ = [
    "AGES",
    "KINDS",
    "PARTNERSHIP",
    "STATES",
    "Asking",
    "Facts",
    "Obligation",
    "Remark",
    "State",
    "Survey",
    "asking",
    "every",
    "state_of",
    "survey",
]
