"""The delay between two signals that come in chunks, as it is known so far."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric
from sigconv.core.nonfinite import is_finite
from sigconv.correlation.peaks import best_lag
from sigconv.correlation.registration import Delay
from sigconv.correlation.sums import correlate
from sigconv.errors import DTypeError, NonFiniteError, OptionError, ShapeError
from sigconv.streaming.arguments import whole
from sigconv.streaming.turns import Turns

__all__ = ["StreamDelayEstimator"]

# Lags beyond the largest that is looked at, as a share of it and at least: the correlation ends in
# them without a step, which would ring between samples.
_SHARE, _LEAST = 4, 16


class StreamDelayEstimator:
    """A running estimate of the time by which a signal lags a reference.

    Parameters
    ----------
    max_lag : int
        The largest lag to look at, either way, in samples.
    fs : float
        The sampling frequency, in Hz for a delay in seconds.
    half_life : float, optional
        After so many samples what has been heard counts half: delays may change. Without it all
        counts alike.

    Attributes
    ----------
    correlation : ndarray
        The sums of products so far, for the lags from -max_lag to max_lag.

    Raises
    ------
    OptionError
        A `max_lag` that is no whole number, an `fs` or a `half_life` that is not positive.

    See Also
    --------
    estimate_delay : The same for signals that are there.
    StreamCorrelator : A matched filter.

    Notes
    -----
    The correlation of all that came is kept, for the lags up to `max_lag` and a few beyond, and
    its highest peak is the estimate, found as in `estimate_delay`. Levels stay as they are, since
    nobody knows the median of what is to come: signals should be about 0. With a `half_life` the
    sums are multiplied by 2**(-chunk/half_life) with each chunk. Beyond `max_lag` they are faded
    out over a quarter as many lags, and what is left is taken for a period, so that fractions of a
    sample differ a little from those of `estimate_delay`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sound = rng.standard_normal(1000)
    >>> estimator = StreamDelayEstimator(20, fs=1000)
    >>> for start in range(5, 1000, 199):
    ...     now = slice(start, start + 199)
    ...     estimate = estimator.process(np.roll(sound, 5)[now], sound[now])
    >>> round(estimate.delay, 4)
    0.005
    """

    def __init__(
        self,
        max_lag: int,
        *,
        fs: float = 1.0,
        half_life: float | None = None,
    ) -> None:
        self._max_lag = whole("max_lag", max_lag, 0)
        for name, value in (("fs", fs), ("half_life", 1.0 if half_life is None else half_life)):
            if not isinstance(value, int | float | np.number) or not 0 < float(value) < np.inf:
                raise OptionError(f"{name} must be a positive number; got {value!r}.")
        self._fs, self._half_life = float(fs), half_life
        self._beside = max(_LEAST, self._max_lag // _SHARE)
        self._reach = self._max_lag + self._beside
        fading = np.cos(np.pi / 2 * np.arange(1, self._beside + 1) / (self._beside + 1)) ** 2
        inside = np.ones(2 * self._max_lag + 1)
        self._window = np.concatenate([fading[::-1], inside, fading])
        self._turns = Turns()
        self._forget()

    def _forget(self) -> None:
        silence = np.zeros(self._reach)
        # The sums, and the last samples of both: replaced together.
        self._heard = np.zeros(2 * self._reach + 1), (silence, silence)

    def reset(self) -> None:
        """Forget all that has been heard."""
        with self._turns:
            self._forget()

    @property
    def correlation(self) -> Array:
        """The sums of products so far, for the lags from -max_lag to max_lag."""
        inside: Array = self._heard[0][self._beside : -self._beside]
        return inside.copy()

    def process(self, signal: npt.ArrayLike, reference: npt.ArrayLike) -> Delay:
        """Return the delay, in units of 1/fs, after the next samples of both.

        Parameters
        ----------
        signal, reference : array_like
            As many real finite samples of each, in one dimension.

        Returns
        -------
        Delay
            As from `estimate_delay`: ``delay`` and ``confidence``.

        Raises
        ------
        ShapeError, DTypeError, NonFiniteError
            Chunks of different lengths or more dimensions; complex ones; NaN or infinity. The
            estimate is as before.
        """
        x, r = _checked(signal, "signal"), _checked(reference, "reference")
        if x.shape != r.shape:
            raise ShapeError(
                f"as many samples of both come at a time; got {x.size} and {r.size}. Pass chunks "
                "of one length."
            )
        with self._turns:
            if x.size:
                self._hear(x, r)
            return self._estimate()

    def _hear(self, x: Array, r: Array) -> None:
        sums, before = self._heard
        past = [np.concatenate(pair) for pair in zip(before, (x, r), strict=True)]
        # Pairs whose later sample is new: earlier ones of the signal with the reference's, and
        # samples of the signal with all of the reference up to then.
        with np.errstate(all="ignore"):
            ahead = correlate(past[0], r, "valid")
            behind = correlate(past[1], x, "valid")
            sums = sums * (1.0 if self._half_life is None else 2.0 ** (-len(x) / self._half_life))
            sums[: self._reach] += ahead[:-1]
            sums[self._reach :] += behind[::-1]
        if not is_finite(sums):
            raise NonFiniteError(
                "the sums of products of these samples overflow float64. Scale both signals down."
            )
        self._heard = sums, (past[0][len(x) :], past[1][len(x) :])

    def _estimate(self) -> Delay:
        reach, beside = self._reach, self._beside
        surface = np.roll(self._heard[0] * self._window, -reach)
        cross = np.fft.rfft(surface)
        lags = np.arange(-self._max_lag, self._max_lag + 1)
        near = np.roll(surface, reach)[beside - 1 : surface.size - beside + 1]
        delay, confidence = best_lag(cross, surface, near, lags)
        return Delay(delay / self._fs, confidence)


def _checked(value: npt.ArrayLike, name: str) -> Array:
    array = as_numeric(value, name)
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"a delay is estimated from real numbers; the {name} is {array.dtype}.")
    if array.ndim != 1:
        raise ShapeError(f"the {name} comes in chunks of one dimension; got shape {array.shape}.")
    if not is_finite(array):
        raise NonFiniteError(f"NaN and infinity would reach every lag; the {name} holds one.")
    return array.astype(float)
