"""How far one signal lags another: phase_correlation, estimate_shift, estimate_delay."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric
from sigconv.core.nonfinite import is_finite
from sigconv.core.shapes import fast_length
from sigconv.correlation.peaks import best_lag, confidence_of, highest, refined
from sigconv.correlation.spectra import Spectra
from sigconv.errors import DTypeError, NonFiniteError, OptionError, ShapeError

__all__ = ["Delay", "Shift", "estimate_delay", "estimate_shift", "phase_correlation"]


class Shift(NamedTuple):
    """The shift along each axis, in samples, and how far its peak stands out."""

    shift: tuple[float, ...]
    confidence: float


class Delay(NamedTuple):
    """The delay, in units of 1/fs, and how far its peak stands out."""

    delay: float
    confidence: float


def phase_correlation(signal: npt.ArrayLike, reference: npt.ArrayLike) -> Array:
    """Correlate the phases of two periodic signals: the inverse DFT of ``X R* / |X R*|``.

    Parameters
    ----------
    signal, reference : array_like
        Real finite samples of one shape, in any number of dimensions. Their means do not count.

    Returns
    -------
    ndarray of float64
        The surface, in that shape: index n belongs to the shift n, and to n - N. Where
        ``signal`` is ``reference`` moved round by a whole number of samples, it is 1.

    Raises
    ------
    ShapeError
        Inputs of different shapes, or without samples.
    DTypeError
        Complex or non-numeric input.
    NonFiniteError
        NaN or infinity, which would reach every frequency.

    See Also
    --------
    estimate_shift : The place of the peak between samples.
    circular_convolve : With the reversed reference, the correlation with magnitudes kept.

    Notes
    -----
    Kuglin and Hines (1975): the mean of exp(2 pi i k n / N) ``X R* / |X R*|`` over the
    frequencies k. Frequency 0 and those at which either input has nothing but rounding are left
    out; where that is all of them, the surface is 0. An inverted signal has -1 at its shift.

    Examples
    --------
    Moved by one sample to the right; the three frequencies other than 0 agree on that:

    >>> phase_correlation([5, 1, 2, 2], [1, 2, 2, 5]).round(3)
    array([-0.333,  1.   , -0.333, -0.333])
    """
    spectra = Spectra.of(*_pair(signal, reference))
    return spectra.surface(spectra.whitened())


def estimate_shift(
    signal: npt.ArrayLike, reference: npt.ArrayLike, *, weighting: str | None = None
) -> Shift:
    """Estimate by how many samples a periodic signal is moved against a reference.

    Parameters
    ----------
    signal, reference : array_like
        Real finite samples of one shape, in any number of dimensions.
    weighting : {None, "phat"}
        None: the peak of the circular correlation, which is best in white noise. ``"phat"``:
        that of `phase_correlation`, for pictures whose brightness or contents differ.

    Returns
    -------
    Shift
        ``shift``: one float per axis, positive where the signal lags, signal(n) = reference(n -
        shift), between -N/2 and N/2. ``confidence``: the highest value of the correlation over
        the highest outside the main lobe; 1 if nothing tells one shift from another, inf if
        nothing else is positive.

    Raises
    ------
    ShapeError, DTypeError, NonFiniteError
        As in `phase_correlation`.
    OptionError
        Another `weighting`.

    See Also
    --------
    estimate_delay : For signals that do not repeat, of any lengths, in one dimension.

    Notes
    -----
    The correlation is a trigonometric polynomial. From its highest sample, Newton's method finds
    its maximum to rounding, by products of the spectrum with matrices of exponentials and their
    derivatives: the matrix-multiply DFT of Guizar-Sicairos, Thurman and Fienup (2008), without
    its grid. The main lobe is a box around the peak: along each axis and either way it ends
    where the correlation, once below half its peak, begins to rise.

    What leaves a picture on one side does not enter it on the other; a window that falls off
    towards the edges makes up for that. Only positive peaks count: if one input is inverted,
    negate it.

    Examples
    --------
    >>> estimate_shift([5, 1, 2, 2, 0, 0], [0, 5, 1, 2, 2, 0]).shift
    (-1.0,)
    """
    _check_weighting(weighting, (None, "phat"))
    spectra = Spectra.of(*_pair(signal, reference))
    cross = spectra.weighted(weighting)
    surface = spectra.surface(cross)
    peak = highest(surface, [np.minimum(i := np.arange(n), n - i) for n in surface.shape])
    if not surface[peak] > 0:
        return Shift((0.0,) * surface.ndim, 1.0)
    place = refined(cross, surface, peak)
    wrapped = (p - n if p > n / 2 else p for p, n in zip(place, surface.shape, strict=True))
    return Shift(tuple(wrapped), confidence_of(surface, peak, circular=True))


def estimate_delay(
    signal: npt.ArrayLike,
    reference: npt.ArrayLike,
    *,
    fs: float = 1.0,
    max_lag: int | None = None,
    weighting: str | None = None,
) -> Delay:
    """Estimate by how much time a signal lags a reference, from the peak of their correlation.

    Parameters
    ----------
    signal, reference : array_like
        Real finite samples in one dimension, of any lengths, from the same instant on.
    fs : float
        The sampling frequency, in Hz for a delay in seconds.
    max_lag : int, optional
        The largest lag to look at, either way, in samples; all at which the two meet by default.
        The delay never lies beyond it.
    weighting : {None, "phat", "scot"}
        What the cross-spectrum is divided by. None: nothing, which is best for white signals in
        white noise. ``"phat"``: its magnitude, so that every frequency counts alike and echoes
        part from the direct sound. ``"scot"``: the amplitudes of both inputs, smoothed over
        frequency; as PHAT, but what is weak beside its neighbours keeps less weight.

    Returns
    -------
    Delay
        ``delay``: in units of 1/fs, to a fraction of a sample; positive where the signal lags,
        signal(t) = reference(t - delay). ``confidence``: the value of the peak over the highest
        outside its main lobe, among the lags that are looked at and the one next to either end;
        inf if nothing else there is positive. Below 1, the correlation rises higher towards a
        limit, beyond which its cause must lie. Without any peak, the lag with the highest value,
        or 0 if none is positive, and a confidence of 1.

    Raises
    ------
    ShapeError
        Inputs that are not 1-D or have no samples, or a negative or fractional `max_lag`.
    DTypeError, NonFiniteError
        Complex or non-numeric input; NaN or infinity.
    OptionError
        Another `weighting`, or an `fs` that is not positive.

    See Also
    --------
    estimate_shift : For periodic signals, images and volumes.

    Notes
    -----
    Knapp and Carter, "The generalized correlation method for estimation of time delay" (1976),
    on the whole of both inputs, padded with zeros. The smoothed amplitudes of SCOT are root
    means of ``|X|^2`` over about sqrt(nfft) frequencies.

    A peak is a positive sample with no higher neighbour; neighbours outside `max_lag` count, so
    that a slope that the limit cuts is none. The highest peak wins, among equals the one nearest
    to lag 0. Its maximum between samples is found as in `estimate_shift`, and moved to the limit
    if it lies beyond. The main lobe ends, on either side, where the correlation, once below half
    the peak, begins to rise, or where it rises above the peak. Where the signal is inverted, its
    delay is a trough, and troughs do not count: negate one input.

    What is padded with zeros should be about 0: a constant gives a triangle with its peak at lag
    0. So each input loses its median, which is the ground of a pulse and the offset of a sound;
    its mean would tilt the peaks of pulses. Inputs that rest elsewhere than at their median
    should be levelled, and then padded with as many zeros, to keep their median at 0.

    PHAT and SCOT hear the steps at the ends of signals whose high frequencies are weak: let such
    signals fade in and out, about 0.

    Examples
    --------
    A click, and the same click three samples later at 1000 samples per second:

    >>> estimate_delay([0, 0, 0, 0, 1, -1, 0, 0], [0, 1, -1, 0], fs=1000)
    Delay(delay=0.003, confidence=inf)
    """
    _check_weighting(weighting, (None, "phat", "scot"))
    x, r = _real(signal, "signal"), _real(reference, "reference")
    if x.ndim != 1 or r.ndim != 1 or not x.size or not r.size:
        raise ShapeError(
            f"estimate_delay takes two 1-D signals with samples; got shapes {x.shape} and "
            f"{r.shape}. For images and volumes use estimate_shift."
        )
    if not isinstance(fs, int | float | np.number) or not 0 < float(fs) < np.inf:
        raise OptionError(f"fs must be a positive sampling frequency; got {fs!r}.")
    lags = _lags(x.size, r.size, max_lag)
    around = np.arange(lags[0] - 1, lags[-1] + 2)
    # Far lags may wrap round, up to those beside the ones looked at.
    reach = max(x.size, r.size) + int(np.abs(around).max())
    nfft = fast_length(min(x.size + r.size - 1, reach))
    spectra = Spectra.of(x, r, (nfft,))
    cross = spectra.weighted(weighting)
    surface = spectra.surface(cross)
    near = np.take(surface, around, mode="wrap")
    near[(around <= -r.size) | (around >= x.size)] = 0
    delay, confidence = best_lag(cross, surface, near, lags)
    return Delay(delay / fs, confidence)


def _lags(size: int, other: int, max_lag: int | None) -> npt.NDArray[np.intp]:
    """Return the lags to look at, in increasing order."""
    first, last = 1 - other, size - 1
    if max_lag is not None:
        if not hasattr(max_lag, "__index__") or isinstance(max_lag, bool) or max_lag < 0:
            raise ShapeError(f"max_lag must be a number of samples, 0 or more; got {max_lag!r}.")
        first, last = max(first, -max_lag), min(last, max_lag)
    return np.arange(first, last + 1)


def _check_weighting(weighting: str | None, known: tuple[str | None, ...]) -> None:
    if weighting not in known:
        raise OptionError(f"weighting must be {' or '.join(map(repr, known))}; got {weighting!r}.")


def _pair(signal: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[Array, Array]:
    """Return two arrays of one shape."""
    x, r = _real(signal, "signal"), _real(reference, "reference")
    if x.shape != r.shape or not x.ndim or not x.size:
        raise ShapeError(
            f"signal and reference need one shape, with samples; got {x.shape} and {r.shape}. "
            "Crop or pad one of them; estimate_delay takes two lengths."
        )
    return x, r


def _real(value: npt.ArrayLike, name: str) -> Array:
    array = as_numeric(value, name)
    if array.dtype.kind not in "biuf":
        raise DTypeError(
            f"a shift is estimated from real numbers; the {name} is {array.dtype}. "
            "Convert exact numbers with x.astype(float); of complex ones, pass abs(x)."
        )
    if not is_finite(array):
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise NonFiniteError(
            f"NaN and infinity would reach every frequency; the {name} holds {array[index]} at "
            f"{index}. Replace it first: np.nan_to_num(x)."
        )
    return array
