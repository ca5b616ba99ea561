"""The few distributions the demonstration draws from, each from a generator that is handed in.

Waiting times are log-normal, as waiting times are; numbers of things a day are Poisson.
"""

from __future__ import annotations

from math import exp, log
from random import Random

from ops.demo.cast import SECOND_US


def poisson(random: Random, expected: float) -> int:
    """A Poisson number (Knuth, The Art of Computer Programming vol. 2, 3.4.1) for small expectations."""
    limit, product, count = exp(-expected), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count


def days(random: Random, median: float) -> int:
    """Log-normal days around a median, in whole seconds as microseconds."""
    return int(exp(random.gauss(log(median), 0.75)) * 86_400) * SECOND_US


def office_hour(random: Random) -> int:
    """A moment of the working day, as microseconds after midnight."""
    return int((8 + 9 * random.random()) * 3600) * SECOND_US
