"""Kills the recording process and cuts its power, thousands of times, and counts what went missing.

Here because the first law of the house (an acknowledged event is durable) is a claim about the worst moment,
and the worst moment does not turn up in ordinary tests.
"""
