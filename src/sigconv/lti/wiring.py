"""Delays and loops of systems."""

from __future__ import annotations

import numpy as np

from sigconv.errors import OptionError, ShapeError
from sigconv.lti.networks import alike
from sigconv.lti.numbers import multiply, padded_sum
from sigconv.lti.recursion import rational
from sigconv.lti.system import System
from sigconv.lti.taps import Taps

__all__ = ["delay", "feedback"]


def delay(samples: int | tuple[int, ...], *, fs: float | None = None) -> System:
    """Return the system whose output is its input, so many samples late.

    Parameters
    ----------
    samples : int or tuple of int
        The delay, 0 or more, on each axis.
    fs : float, optional
        Samples a second.

    Examples
    --------
    >>> delay(2)([1, 2, 3, 4])
    array([0, 0, 1, 2])
    """
    lag = samples if isinstance(samples, tuple) else (samples,)
    if not lag or any(not isinstance(n, int | np.integer) or n < 0 for n in lag):
        raise OptionError(f"a delay is a number of samples, 0 or more; got {samples!r}.")
    made = System([1], fs=fs)
    return System._of(Taps(np.ones((1,) * len(lag), int), tuple(map(int, lag))), made.fs)


def feedback(
    forward: System | complex, backward: System | complex = 1, *, sign: int = -1
) -> System:
    """Return the loop y = forward(x + sign backward(y)).

    Parameters
    ----------
    forward : System or number
        What the loop's output comes from.
    backward : System or number
        What of it comes back.
    sign : {-1, 1}
        Whether that is subtracted or added.

    Returns
    -------
    System
        H = F / (1 - sign F B).

    Raises
    ------
    KernelError
        An output that would depend on itself without a delay, by a factor of 1.

    Notes
    -----
    Computed with polynomials, as ``control.feedback`` does: for orders beyond ten or so, poles
    that are close to one another move by rounding.

    Examples
    --------
    A balance of which 5 % come back a year later:

    >>> loop = feedback(System([1.0]), 1.05 * delay(1), sign=1)
    >>> loop.impulse_response(3)
    array([1.    , 1.05  , 1.1025])
    """
    if sign not in (-1, 1):
        raise OptionError(f"sign must be -1 or 1; got {sign!r}.")
    front, back = (
        part if isinstance(part, System) else System([part]) for part in (forward, backward)
    )
    fs = front._common_fs(back)
    if front.ndim > 1 or back.ndim > 1:
        raise ShapeError(f"a loop has one axis, of time; got {front.ndim} and {back.ndim}.")
    (ahead, below), (behind, under) = (part.fraction() for part in alike([front._node, back._node]))
    below = padded_sum(multiply(below, under), multiply(ahead, behind), -sign)
    return System._of(rational(multiply(ahead, under), below), fs)
