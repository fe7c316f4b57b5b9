"""Sizes, ranges, centres, lags and fast FFT lengths: integers only.

Positions are those of the full convolution y[n] = sum_k h[k] x[n-k]. With N samples and
K taps they run from 0 to N+K-2, and every mode is a range of them.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cache

from sigconv.errors import ModeError, ShapeError

__all__ = [
    "MODES",
    "check_mode",
    "default_center",
    "fast_length",
    "full_length",
    "lag_range",
    "mode_range",
    "odd_factors",
    "regular_length",
    "valid_is_swapped",
]

MODES = ("full", "same", "valid")


def check_mode(mode: str) -> str:
    """Return `mode` when it is one of `MODES`, and say what is wrong otherwise."""
    if mode in MODES:
        return mode
    if mode in ("reflect", "mirror", "nearest", "constant", "wrap", "symmetric", "edge"):
        boundary = "symmetric" if mode == "reflect" else mode
        raise ModeError(
            f"mode is the output size ('full', 'same' or 'valid'); got {mode!r}, a boundary. "
            f"ndimage's mode={mode!r} is mode='same', boundary={boundary!r}."
        )
    raise ModeError(f"mode must be 'full', 'same' or 'valid'; got {mode!r}.")


def full_length(size: int, taps: int) -> int:
    """Return the length N+K-1 of the full convolution, 0 when either input is empty."""
    return size + taps - 1 if size and taps else 0


def default_center(taps: int) -> int:
    """Return the kernel index on the output sample in ``same``, (K-1)//2 as in SciPy."""
    return max(taps - 1, 0) // 2


def mode_range(mode: str, size: int, taps: int, center: int | None = None) -> tuple[int, int]:
    """Return the range [start, stop) of full positions that `mode` keeps.

    ``valid`` of a signal shorter than the kernel gives the positions at which the kernel
    covers the signal, as when SciPy swaps its inputs.

    >>> mode_range("full", 5, 3), mode_range("same", 5, 3), mode_range("valid", 5, 3)
    ((0, 7), (1, 6), (2, 5))
    >>> mode_range("valid", 3, 5)
    (2, 5)
    """
    if not size or not taps:
        return 0, 0
    if mode == "full":
        return 0, size + taps - 1
    if mode == "same":
        start = default_center(taps) if center is None else center
        return start, start + size
    return min(size, taps) - 1, max(size, taps)


def lag_range(wanted: tuple[int, int], taps: int, max_lag: int | None) -> tuple[int, int]:
    """Return the part of the range `wanted` whose lags lie within -max_lag..max_lag.

    Position m of the full convolution with the reversed template is the lag m - (K-1).

    >>> lag_range((0, 7), 3, 1)
    (1, 4)
    """
    if max_lag is None:
        return wanted
    start, stop = max(wanted[0], taps - 1 - max_lag), min(wanted[1], taps + max_lag)
    return start, max(start, stop)


def valid_is_swapped(sizes: tuple[int, ...], taps: tuple[int, ...]) -> bool:
    """Tell whether ``valid`` swaps its inputs, and refuse a mixture of longer and shorter.

    An axis on which either is empty is empty in the result, whatever the others are.
    """
    pairs = [(n, k) for n, k in zip(sizes, taps, strict=True) if n and k]
    if all(n >= k for n, k in pairs):
        return False
    if all(n <= k for n, k in pairs):
        return True
    raise ModeError(
        "mode='valid' needs one input at least as large as the other on every axis; "
        f"got {sizes} and {taps}. Use mode='full', or transpose the kernel."
    )


_LARGEST = 1 << 40

_FEW_ODD_FACTORS = (1, 9 / 8, 5 / 4, 3 / 2, 15 / 8)


@cache
def _smooth_numbers(limit: int) -> tuple[int, ...]:
    """Return every 2^a 3^b 5^c 7^d up to `limit`, in order."""
    numbers = [1]
    for prime in (2, 3, 5, 7):
        grown = []
        for number in numbers:
            while number <= limit:
                grown.append(number)
                number *= prime
        numbers = grown
    return tuple(sorted(numbers))


def fast_length(size: int) -> int:
    """Return the smallest 7-smooth length of at least `size` samples.

    Both FFT backends have dedicated code for the factors 2, 3, 5 and 7.

    >>> [fast_length(n) for n in (1, 11, 97, 1025, 3999)]
    [1, 12, 98, 1029, 4000]
    """
    if not 1 <= size <= _LARGEST:
        raise ShapeError(f"an FFT length lies between 1 and 2**40; got {size}.")
    limit = max(1 << 16, 1 << size.bit_length())
    numbers = _smooth_numbers(limit)
    return numbers[bisect_left(numbers, size)]


def regular_length(size: int) -> int:
    """Return the smallest length of at least `size` that is a power of two times 1, 3, 5, 9, 15.

    Where a block may be a little longer, these transform faster than other smooth lengths.

    >>> [regular_length(n) for n in (1, 11, 33, 1025)]
    [1, 12, 36, 1152]
    """
    power = 1 << max(size - 1, 0).bit_length() >> 1 or 1
    lengths = (power * factor for factor in (*_FEW_ODD_FACTORS, 2))
    return next(int(n) for n in lengths if n >= size and n == int(n))


def odd_factors(size: int) -> int:
    """Return the number of odd prime factors of a 7-smooth `size`, with multiplicity.

    >>> odd_factors(1024), odd_factors(1050)
    (0, 4)
    """
    count = 0
    for prime in (3, 5, 7):
        while size % prime == 0:
            size //= prime
            count += 1
    return count
