"""The feeds of a partnership: who is expected to report what, who does, and who is silent.

Here because a number that rests on a report nobody sent must not be read as good news, and because the one who can
mend it is the agency that is silent.
"""

from projections.feeds.delays import Delays, delays
from projections.feeds.reading import FEED_STATES, FeedState, Report, feed_states, reports_of

__all__ = ["FEED_STATES", "Delays", "FeedState", "Report", "delays", "feed_states", "reports_of"]
