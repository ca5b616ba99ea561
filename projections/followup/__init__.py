"""Following it up: actions with an owner and a day, decisions with their dissent, and what nobody answers for.

Here because a number that is off track must lead to somebody doing something by a day, and because what is left
without an owner or a source is where a partnership quietly fails.
"""

from projections.followup.actions import ACTION_STATES, Action, FollowThrough, actions, follow_through
from projections.followup.decisions import Decided, decisions
from projections.followup.orphans import Orphan, orphans

__all__ = [
    "ACTION_STATES",
    "Action",
    "Decided",
    "FollowThrough",
    "Orphan",
    "actions",
    "decisions",
    "follow_through",
    "orphans",
]
