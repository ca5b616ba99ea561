"""Exact arithmetic of shares, percentiles and rounding.

Published numbers are compared to the last digit on every machine and between two evaluators, so nothing
here is a float: counts are integers, quotients are fractions, and the one rounding is at the end, half to
even.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction


def half_even(value: Fraction, digits: int) -> Decimal:
    """``value`` rounded to ``digits`` decimal places, ties to the even neighbour (IEEE 754)."""
    scaled = round(value * 10**digits)
    return Decimal(scaled).scaleb(-digits)


def percent(numerator: int, denominator: int) -> Fraction | None:
    """``numerator`` in percent of ``denominator``; None where there is nothing to divide by."""
    return None if denominator == 0 else Fraction(100 * numerator, denominator)


def share_of(part: int, of: int) -> float | None:
    """``part`` of ``of`` in percent with one digit, for people to read; None of none.

    Never 100 where a part is missing and never 0 where there is some: what a reader takes for all or for nothing is
    all or nothing. A float only because JSON has no other number; it is exact to the digit that is shown.
    """
    exact = percent(part, of)
    if exact is None:
        return None
    shown = float(half_even(exact, 1))
    if shown == 100 and part < of:
        return 99.9
    return 0.1 if shown == 0 and part else shown


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


Z_95 = Fraction(196, 100)
"""The two-sided 95 % quantile of the standard normal distribution, to the two decimals that are customary."""


def root(value: Fraction, digits: int) -> Decimal:
    """The square root of a number that is not negative, rounded to ``digits`` decimal places, half to even."""
    with localcontext() as context:
        context.prec = 60
        found = (Decimal(value.numerator) / Decimal(value.denominator)).sqrt()
        return found.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)


def margin(histogram: Mapping[int, int], scale: int, digits: int) -> Decimal | None:
    """Half the width of the 95 % interval of a mean, 1.96 * s / sqrt(n), of values in ``1 / scale``.

    s is the sample standard deviation, with n - 1 in its denominator; None of fewer than two values.
    """
    n = sum(histogram.values())
    if n < 2:
        return None
    total = sum(value * times for value, times in histogram.items())
    squares = sum(value * value * times for value, times in histogram.items())
    variance = (Fraction(squares) - Fraction(total * total, n)) / (n - 1) / scale**2
    return root(Z_95**2 * variance / n, digits)


def wilson(met: int, of: int, digits: int) -> tuple[Decimal, Decimal]:
    """The 95 % score interval of a share, in percent: (low, high). ``of`` is at least 1.

    (p + z^2 / 2n +- z * sqrt(p * (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n) of Wilson, E. B. (1927), Probable
    Inference, the Law of Succession, and Statistical Inference, Journal of the American Statistical Association
    22(158), 209-212.
    """
    share, z2 = Fraction(met, of), Z_95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    spread = z2 * (share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of) ** 2
    half = Fraction(root(spread, 40))
    return half_even(100 * (middle - half), digits), half_even(100 * (middle + half), digits)
