"""FIR filters by the window method: low-pass, high-pass, band-pass."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from sigconv.errors import KernelError
from sigconv.kernels.checks import (
    COUNT,
    POSITIVE,
    Kernel,
    cast,
    element_type,
    limit_size,
    number,
    quoted,
    shown,
)

Window: TypeAlias = str | float | tuple[Any, ...]
Band: TypeAlias = Literal["lowpass", "highpass", "bandpass"]

#: Taps of the longest filter that is designed: 87 s at 48 kHz.
MAX_TAPS = 2**22


def lowpass(
    cutoff: float,
    taps: int,
    *,
    fs: float,
    window: Window = "hamming",
    dtype: DTypeLike = float,
) -> Kernel:
    """Linear-phase low-pass FIR filter: gain 1 at 0, about one half (-6 dB) at `cutoff`.

    Parameters
    ----------
    cutoff : float
        Frequency between 0 and fs/2, in the unit of `fs`.
    taps : int
        Length in samples; odd for a delay of a whole number of samples.
    fs : float
        Sampling rate, usually in Hz.
    window : str, float or tuple
        As for `scipy.signal.get_window`: ``"hamming"``, ``"hann"``, ``"blackman"``,
        ``("kaiser", beta)``, ...
    dtype : dtype
        Floating element type; weights are computed in float64 and rounded.

    Returns
    -------
    ndarray
        Shape (taps,), symmetric, sum 1.

    Raises
    ------
    KernelError
        A cutoff outside 0 .. fs/2, taps that are not a whole number of 1 to 2**22, an unknown
        window, or one that leaves nothing of so few taps.
    DTypeError
        A dtype that cannot hold the weights.

    Notes
    -----
    The design is `scipy.signal.firwin`. The delay is (taps - 1)/2 samples: ``mode="same"`` removes
    it for odd `taps`; ``center=0`` keeps it, as a causal filter has it.

    Examples
    --------
    >>> from sigconv.kernels import lowpass
    >>> # sin(pi k / 2) / (pi k) for k = -1, 0, 1 is (1/pi, 1/2, 1/pi); over its sum, 1.137:
    >>> lowpass(250.0, 3, fs=1000.0, window="boxcar").round(3)
    array([0.28, 0.44, 0.28])
    """
    edges = {"cutoff": cutoff}
    return _windowed("lowpass", edges, taps, fs, window, dtype)


def highpass(
    cutoff: float,
    taps: int,
    *,
    fs: float,
    window: Window = "hamming",
    dtype: DTypeLike = float,
) -> Kernel:
    """Linear-phase high-pass FIR filter: gain 1 at fs/2, about one half (-6 dB) at `cutoff`.

    Parameters
    ----------
    cutoff : float
        Frequency between 0 and fs/2, in the unit of `fs`.
    taps : int
        Length in samples, odd: a symmetric filter of even length has gain 0 at fs/2.
    fs : float
        Sampling rate, usually in Hz.
    window : str, float or tuple
        As in `lowpass`.
    dtype : dtype
        Floating element type.

    Returns
    -------
    ndarray
        Shape (taps,), symmetric.

    Raises
    ------
    KernelError
        As in `lowpass`, and for an even number of taps.
    DTypeError
        A dtype that cannot hold the weights.

    Notes
    -----
    The design is `scipy.signal.firwin`; delay as in `lowpass`. The gain at 0 is small, not 0: how
    small depends on the window (about -50 dB for ``"hamming"``) and on enough taps.

    Examples
    --------
    >>> from sigconv.kernels import highpass
    >>> # The low-pass of the same taps with every other sign changed:
    >>> highpass(250.0, 3, fs=1000.0, window="boxcar").round(3)
    array([-0.28,  0.44, -0.28])
    """
    edges = {"cutoff": cutoff}
    return _windowed("highpass", edges, taps, fs, window, dtype)


def bandpass(
    low: float,
    high: float,
    taps: int,
    *,
    fs: float,
    window: Window = "hamming",
    dtype: DTypeLike = float,
) -> Kernel:
    """Linear-phase band-pass FIR filter: gain 1 in mid-band, about one half at `low` and `high`.

    Parameters
    ----------
    low, high : float
        Band edges, 0 < low < high < fs/2, in the unit of `fs`.
    taps : int
        Length in samples; odd for a delay of a whole number of samples.
    fs : float
        Sampling rate, usually in Hz.
    window : str, float or tuple
        As in `lowpass`.
    dtype : dtype
        Floating element type.

    Returns
    -------
    ndarray
        Shape (taps,), symmetric. The gain at (low + high)/2 is exactly 1.

    Raises
    ------
    KernelError
        As in `lowpass`, and for band edges out of order.
    DTypeError
        A dtype that cannot hold the weights.

    Notes
    -----
    The design is `scipy.signal.firwin`; delay as in `lowpass`. A band much narrower than fs / taps
    is not resolved: the edges then lie above one half.

    Examples
    --------
    >>> from sigconv.kernels import bandpass
    >>> # (-1/pi, 0, 1/2, 0, -1/pi) over its gain at 250 Hz, 1/2 + 2/pi = 1.137:
    >>> (bandpass(125.0, 375.0, 5, fs=1000.0, window="boxcar") + 0.0).round(2)
    array([-0.28,  0.  ,  0.44,  0.  , -0.28])
    """
    edges = {"low": low, "high": high}
    return _windowed("bandpass", edges, taps, fs, window, dtype)


def _windowed(
    band: Band,
    edges: dict[str, float],
    taps: int,
    fs: float,
    window: Window,
    dtype: DTypeLike,
) -> Kernel:
    kind = element_type(dtype)
    rate = number("fs", fs, POSITIVE)
    limits = _band_edges(edges, rate)
    count = _tap_count(band, taps)
    from scipy.signal import firwin  # here: importing scipy.signal takes most of a second

    try:
        with np.errstate(all="ignore"):
            weights = np.asarray(firwin(count, limits, window=window, pass_zero=band, fs=rate))
    except (ValueError, TypeError, IndexError) as error:
        raise KernelError(
            f"window must name a window of scipy.signal, with its parameters; got "
            f"{quoted(window)} ({error}). Use 'hamming', 'hann', 'blackman' or ('kaiser', 8.6)."
        ) from error
    if not np.isfinite(weights).all():
        raise KernelError(
            f"the window must leave something of the taps; {quoted(window)} is 0 on all {count}. "
            "Use more taps, or another window."
        )
    return cast(weights, kind)


def _band_edges(edges: dict[str, float], fs: float) -> list[float]:
    """Edges in rising order, strictly between 0 and fs/2."""
    limits = [number(name, value) for name, value in edges.items()]
    for name, limit in zip(edges, limits, strict=True):
        if not 0 < limit < fs / 2:
            turn = "Lower" if limit > 0 else "Raise"
            raise KernelError(
                f"{name} must lie between 0 and fs/2; got {shown(limit)} with fs={shown(fs)}. "
                f"{turn} {name}, or give the right fs."
            )
    if limits != sorted(set(limits)):
        raise KernelError(
            f"low must be below high; got low={shown(limits[0])} and high={shown(limits[-1])}. "
            "Swap them, or widen the band."
        )
    return limits


def _tap_count(band: Band, taps: int) -> int:
    count = int(number("taps", taps, COUNT))
    if count > MAX_TAPS:
        raise KernelError(
            f"taps must be at most {MAX_TAPS}; got {count}. Use a wider transition band, or "
            "filter at a lower sampling rate."
        )
    limit_size((count,))
    if band == "highpass" and count % 2 == 0:
        raise KernelError(
            f"a highpass needs an odd number of taps, for with an even one its gain at fs/2 is 0; "
            f"got {count}. Use {count + 1}."
        )
    return count
