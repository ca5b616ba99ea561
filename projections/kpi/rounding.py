"""Exact arithmetic of shares, percentiles and rounding.

Published numbers are compared to the last digit on every machine and between two evaluators, so nothing
here is a float: counts are integers, quotients are fractions, and the one rounding is at the end, half to
even.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction


def half_even(value: Fraction, digits: int) -> Decimal:
    """``value`` rounded to ``digits`` decimal places, ties to the even neighbour (IEEE 754)."""
    scaled = round(value * 10**digits)
    return Decimal(scaled).scaleb(-digits)


def percent(numerator: int, denominator: int) -> Fraction | None:
    """``numerator`` in percent of ``denominator``; None where there is nothing to divide by."""
    return None if denominator == 0 else Fraction(100 * numerator, denominator)


def percentile(histogram: Mapping[int, int], at: int) -> Fraction | None:
    """The ``at``-th percentile of the values counted in ``histogram`` (value -> how often); None of none.

    Linear interpolation between closest ranks: type 7 of Hyndman and Fan (1996), Sample Quantiles in
    Statistical Packages, The American Statistician 50(4), 361-365. Zero-based rank h = (n - 1) * at / 100.
    """
    total = sum(histogram.values())
    if total == 0:
        return None
    whole, rest = divmod((total - 1) * at, 100)
    low = high = 0
    seen = 0
    found = False
    for value in sorted(histogram):
        if histogram[value] <= 0:
            continue
        seen += histogram[value]
        if not found and seen > whole:
            low = high = value
            found = True
            if seen > whole + 1 or rest == 0:
                break
        elif found:
            high = value
            break
    return Fraction(low) + Fraction(rest, 100) * (high - low)


def apportion(counts: Sequence[int], digits: int) -> list[Decimal] | None:
    """Shares in percent of their sum, rounded so that they sum to exactly 100; None where the sum is 0.

    Largest remainder (Hamilton): every share is rounded down, and what is missing goes, one last digit
    each, to the largest remainders; ties go to the earlier part.
    """
    total = sum(counts)
    if total == 0:
        return None
    units = 100 * 10**digits
    parts = [divmod(count * units, total) for count in counts]
    missing = units - sum(whole for whole, _ in parts)
    by_remainder = sorted(range(len(parts)), key=lambda place: (-parts[place][1], place))
    lucky = set(by_remainder[:missing])
    return [Decimal(whole + (place in lucky)).scaleb(-digits) for place, (whole, _) in enumerate(parts)]
