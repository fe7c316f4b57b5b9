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

# Lags beyond the largest that is looked at, which tell a peak from a slope.
_BESIDE = 16


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
    weighting : {None, "phat"}
        None, or ``"phat"``: every frequency counts alike, as in `estimate_delay`.

    Attributes
    ----------
    correlation : ndarray
        The sums of products so far, for the lags from -max_lag to max_lag.

    Raises
    ------
    OptionError
        A `max_lag` that is no whole number, an `fs` or a `half_life` that is not positive, another
        `weighting`.

    See Also
    --------
    estimate_delay : The same for signals that are there.
    StreamCorrelator : A matched filter.

    Notes
    -----
    The correlation of all that came is kept, for the lags up to `max_lag` and a few beyond, and
    its highest peak is the estimate, found as in `estimate_delay`. Levels stay as they are, since
    nobody knows the median of what is to come: signals should be about 0. With a `half_life` the
    sums are multiplied by 2**(-chunk/half_life) with each chunk. The interpolation between lags
    takes those that are kept for a period, so that its fractions differ from those of
    `estimate_delay` by some thousandths of a sample.

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
        weighting: str | None = None,
    ) -> None:
        self._max_lag = whole("max_lag", max_lag, 0)
        for name, value in (("fs", fs), ("half_life", 1.0 if half_life is None else half_life)):
            if not isinstance(value, int | float | np.number) or not 0 < float(value) < np.inf:
                raise OptionError(f"{name} must be a positive number; got {value!r}.")
        if weighting not in (None, "phat"):
            raise OptionError(f"weighting must be None or 'phat'; got {weighting!r}.")
        self._fs, self._half_life, self._weighting = float(fs), half_life, weighting
        self._reach = self._max_lag + _BESIDE
        self._turns = Turns()
        self._forget()

    def _forget(self) -> None:
        self._sums = np.zeros(2 * self._reach + 1)
        self._before = [np.zeros(self._reach), np.zeros(self._reach)]

    def reset(self) -> None:
        """Forget all that has been heard."""
        with self._turns:
            self._forget()

    @property
    def correlation(self) -> Array:
        """The sums of products so far, for the lags from -max_lag to max_lag."""
        inside: Array = self._sums[_BESIDE:-_BESIDE]
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
        past = [np.concatenate(pair) for pair in zip(self._before, (x, r), strict=True)]
        if self._half_life is not None:
            self._sums *= 2.0 ** (-len(x) / self._half_life)
        # Pairs whose later sample is new: earlier ones of the signal with the reference's, and
        # samples of the signal with all of the reference up to then.
        ahead = correlate(past[0], r, "valid")
        behind = correlate(past[1], x, "valid")
        self._sums[: self._reach] += ahead[:-1]
        self._sums[self._reach :] += behind[::-1]
        self._before = [part[len(x) :] for part in past]

    def _estimate(self) -> Delay:
        reach, beside = self._reach, _BESIDE
        surface = np.roll(self._sums, -reach)
        cross = np.fft.rfft(surface)
        if self._weighting == "phat":
            magnitudes = np.abs(cross)
            cross = np.where(magnitudes > 0, cross / np.where(magnitudes > 0, magnitudes, 1), 0)
            surface = np.fft.irfft(cross, surface.size)
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
