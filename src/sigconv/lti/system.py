"""Linear time-invariant systems: what they do to signals, and how they combine."""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import DTypeError, OptionError, ShapeError
from sigconv.lti import conversion
from sigconv.lti.matching import gain_of, matched, output_dtype, time_axis
from sigconv.lti.networks import in_parallel, in_series
from sigconv.lti.node import Node, Numbers, Points
from sigconv.lti.numbers import as_coefficients
from sigconv.lti.running import SystemStream
from sigconv.lti.taps import Taps

__all__ = ["System"]

# The sum of magnitudes that an endless tail may have where it is cut unasked.
_TAIL = 1e-12


class System:
    """A causal linear time-invariant system: what it does to an impulse it does to every sample.

    Parameters
    ----------
    definition : array_like, (b, a), (zeros, poles, gain) or dlti
        An impulse response, of any number of axes, which begins at index 0; a tuple of two
        sequences, the coefficients of z^-k above and below; a tuple of two sequences and a number,
        zeros, poles and gain; or a discrete system of `scipy.signal`.
    fs : float, optional
        Samples a second, for frequencies in Hz. Without it they are cycles a sample.

    Attributes
    ----------
    fs : float or None
        As given.

    Raises
    ------
    ShapeError, DTypeError, KernelError
        A definition that makes no causal system.

    Notes
    -----
    y[n] = sum_k h[k] x[n-k]: the output is the convolution with the impulse response h, of an
    input that is 0 before its first sample. Coefficients follow `scipy.signal.lfilter`:
    a[0] y[n] = sum_k b[k] x[n-k] - sum_{k>0} a[k] y[n-k]. Fractions and Decimals stay exact.

    Examples
    --------
    A balance that grows by 5 % a year, and what becomes of 100 in five years:

    >>> account = System(([1.0], [1.0, -1.05]))
    >>> account([100.0, 0, 0, 0, 0, 0]).round(2)
    array([100.  , 105.  , 110.25, 115.76, 121.55, 127.63])

    Systems in series convolve their impulse responses, in parallel they add them:

    >>> (System([1, 2]) @ System([1, 1])).impulse_response()
    array([1, 3, 2])
    >>> (System([1, 2]) + System([1, 1, 1])).impulse_response()
    array([2, 3, 1])
    """

    fs: float | None

    def __init__(self, definition: Any, *, fs: float | None = None) -> None:
        if fs is not None and not (isinstance(fs, Real) and isfinite(fs) and fs > 0):
            raise OptionError(f"fs must be a positive number of samples a second; got {fs!r}.")
        self._node, given = conversion.node_of(definition)
        if fs is not None and given is not None and not np.isclose(fs, given, rtol=1e-9):
            raise OptionError(f"the system's dt says fs={given:g}; got fs={fs:g}. Leave fs out.")
        self.fs = given if fs is None else float(fs)

    @classmethod
    def from_sos(cls, sos: npt.ArrayLike, *, fs: float | None = None) -> System:
        """Return a series of second-order sections, rows of (b0, b1, b2, a0, a1, a2)."""
        return cls._of(conversion.node_of_sections(sos), cls([1], fs=fs).fs)

    @classmethod
    def _of(cls, node: Node, fs: float | None) -> System:
        made = cls.__new__(cls)
        made._node, made.fs = node, fs
        return made

    # ------------------------------------------------------------------ what it does

    @property
    def ndim(self) -> int:
        """The axes that it convolves."""
        return self._node.taps.ndim if isinstance(self._node, Taps) else 1

    @property
    def length(self) -> int | None:
        """The samples of the impulse response along its last axis, None if it never ends."""
        return self._node.length

    def __call__(self, x: Numbers, *, axis: int = -1, full: bool = False) -> Array:
        """Return the output for the input x: as long as x, or with its tail.

        Parameters
        ----------
        x : array_like
            Samples; the system is at rest before the first.
        axis : int
            The axis of time, for systems of one axis; the others are batch axes. Systems of more
            axes convolve the last ones.
        full : bool
            Whether to keep what follows the last sample: an impulse response that ends gives
            N+K-1 outputs, an endless one is followed for as long as `to_fir` keeps it.

        Returns
        -------
        ndarray
            The outputs.
        """
        samples = as_numeric(x, "x")
        time = time_axis(axis, samples, self.ndim)
        node, samples = matched(self._node, np.moveaxis(samples, time, -1))
        if full:
            tail = self._tail()
            sizes = zip(samples.shape[samples.ndim - len(tail) :], tail, strict=True)
            # Nothing has no tail.
            after = [(0, (n - 1) * (size > 0)) for size, n in sizes]
            samples = np.pad(samples, [(0, 0)] * (samples.ndim - len(tail)) + after)
        if 0 in samples.shape:
            return np.moveaxis(np.zeros(samples.shape, output_dtype(node, samples)), -1, time)
        return np.moveaxis(node.respond(samples), -1, time)

    def _tail(self) -> tuple[int, ...]:
        if isinstance(self._node, Taps):
            return self._node.shape
        return (self._node.cut(_TAIL).taps.size,)

    def impulse_response(self, n: int | None = None) -> Array:
        """Return the first n outputs for 1, 0, 0, ...; all of a response that ends by default."""
        if isinstance(self._node, Taps) and n is None:
            return self._node.dense()
        return self._answer(n, 0)

    def step_response(self, n: int | None = None) -> Array:
        """Return the first n outputs for 1, 1, 1, ...; until it is constant by default."""
        return self._answer(n, 1)

    def _answer(self, n: int | None, later: int) -> Array:
        self._need_one_axis("a response in time")
        if n is None:
            n = self.length
        if n is None:
            raise OptionError("the impulse response never ends. Say how many samples n of it.")
        if not isinstance(n, int | np.integer) or n < 0:
            raise OptionError(f"n must be a number of samples, 0 or more; got {n!r}.")
        x = np.full(int(n), later, object if self._node.is_exact else int)
        x[:1] = 1
        return self(x)

    def frequency_response(self, frequencies: int | npt.ArrayLike = 512) -> tuple[Array, Array]:
        """Return frequencies, and the factors by which the system multiplies oscillations of them.

        Parameters
        ----------
        frequencies : int or array_like
            How many, from 0 to below fs/2 at equal distances; or which, in Hz (in cycles a sample
            without `fs`).

        Returns
        -------
        frequencies, response : ndarray
            Real, and complex: H(f) = sum_n h[n] exp(-2 pi i f n / fs).
        """
        self._need_one_axis("a frequency response")
        fs = 1.0 if self.fs is None else self.fs
        node = self._node.rounded()
        if isinstance(frequencies, int | np.integer):
            count = int(frequencies)
            if count < 1:
                raise OptionError(f"at least 1 frequency is needed; got {count}.")
            cycles = np.arange(count) / (2 * count)
            points = Points(np.exp(-2j * np.pi * cycles), 2 * count)
            return cycles * fs, node.evaluate(points)
        wanted = as_coefficients(frequencies, "frequencies")
        if wanted.dtype.kind not in "if":
            raise DTypeError(f"frequencies must be real numbers; got {wanted.dtype}.")
        wanted = wanted.astype(float)
        return wanted, node.evaluate(Points(np.exp(-2j * np.pi * wanted / fs)))

    @property
    def dc_gain(self) -> Any:
        """The factor by which it multiplies a constant, in the end: the sum of h; inf for poles."""
        return self._node.dc_gain

    @property
    def is_stable(self) -> bool:
        """Whether every bounded input has a bounded output.

        All poles of each part are inside the unit circle. Poles that zeros cancel count.
        """
        return self._node.is_stable

    # ------------------------------------------------------------------ how systems combine

    def __matmul__(self, other: System) -> System:
        """Return this system behind another: the convolution of the impulse responses."""
        if not isinstance(other, System):
            return NotImplemented
        self._check_axes(other)
        return System._of(in_series(other._node, self._node), self._common_fs(other))

    def __add__(self, other: System) -> System:
        """Return both side by side: the sum of the outputs."""
        if not isinstance(other, System):
            return NotImplemented
        self._check_axes(other)
        return System._of(in_parallel(self._node, other._node), self._common_fs(other))

    def __sub__(self, other: System) -> System:
        """Return the difference of the outputs."""
        return self + -other

    def __neg__(self) -> System:
        """Return the negative outputs."""
        return self * -1

    def __mul__(self, gain: Any) -> System:
        """Return the outputs times a number."""
        if isinstance(gain, System):
            raise DTypeError(
                "the product of two systems is not one of their outputs. Use a @ b for one after "
                "the other."
            )
        taps = gain_of(gain, self._node, self.ndim)
        if taps is None:
            return NotImplemented
        return System._of(in_series(taps, self._node), self.fs)

    __rmul__ = __mul__
    # NumPy's scalars and arrays leave products to this class.
    __array_ufunc__ = None

    def _check_axes(self, other: System) -> None:
        if self.ndim != other.ndim:
            raise ShapeError(
                f"systems that combine have as many axes; got {self.ndim} and {other.ndim}."
            )

    def _common_fs(self, other: System) -> float | None:
        if None not in (self.fs, other.fs) and self.fs != other.fs:
            raise OptionError(
                f"systems that combine have one sampling rate; got fs={self.fs:g} and "
                f"fs={other.fs:g}."
            )
        return self.fs if other.fs is None else other.fs

    def _need_one_axis(self, what: str) -> None:
        if self.ndim != 1:
            raise ShapeError(
                f"{what} needs a system of one axis; this one has {self.ndim}. Take it from "
                "impulse_response()."
            )

    # ------------------------------------------------------------------ what else it can be

    def to_fir(self, tol: float = 1e-9) -> System:
        """Return a system whose impulse response is this one's beginning.

        Parameters
        ----------
        tol : float
            The most that the magnitudes that are cut off may sum to: no output changes by more
            than `tol` times the largest magnitude of an input.

        Returns
        -------
        System
            With the attribute `cut_bound`: what has been proved of that sum, at most `tol`.

        Raises
        ------
        MethodError
            The response does not die out, or too slowly.

        Notes
        -----
        Rounding in the response itself is not part of the bound. Behind the numerator of a
        recursion, M values determine those that follow, by a linear map. Where its norm over some
        steps is q < 1, the sum of all that follow is at most a geometric series; the parts of a
        network add and multiply such bounds.

        Examples
        --------
        1/2^n sums to 2; what follows the first 21 terms, to 2^-20 < 1e-6.

        >>> short = System(([1.0], [1.0, -0.5])).to_fir(1e-6)
        >>> short.length <= 24, 0 < short.cut_bound <= 1e-6
        (True, True)
        """
        if not (np.isfinite(tol) and tol > 0):
            raise OptionError(f"tol must be a positive number; got {tol!r}.")
        cut = self._node.cut(tol) if not isinstance(self._node, Taps) else None
        if cut is None:
            made, made.cut_bound = System._of(self._node, self.fs), 0.0
            return made
        made = System._of(Taps(cut.taps, (0,)), self.fs)
        made.cut_bound = cut.bound
        return made

    cut_bound: float = 0.0

    def to_ba(self) -> tuple[Array, Array]:
        """Return the coefficients (b, a) of z^-k, as `scipy.signal.lfilter` takes them."""
        self._need_one_axis("a transfer function")
        b, a = self._node.fraction()
        return b.copy(), a.copy()

    def to_zpk(self) -> tuple[Array, Array, Any]:
        """Return zeros, poles and gain, as `scipy.signal.zpk2sos` takes them."""
        self._need_one_axis("a transfer function")
        return conversion.zeros_and_poles(self._node)

    def to_sos(self) -> Array:
        """Return second-order sections, as `scipy.signal.sosfilt` takes them."""
        self._need_one_axis("a transfer function")
        return conversion.sections(self._node)

    def to_scipy(self) -> Any:
        """Return a `scipy.signal.dlti` with dt = 1/fs; of a series by its zeros and poles."""
        self._need_one_axis("a transfer function")
        return conversion.to_dlti(self._node, self.fs)

    def stream(self, axis: int = -1) -> SystemStream:
        """Return what answers chunks, with time along `axis`, as one call for all would."""
        self._need_one_axis("a stream")
        return SystemStream(self._node, axis)

    def __repr__(self) -> str:
        rate = "" if self.fs is None else f", fs={self.fs:g}"
        if isinstance(self._node, Taps):
            shape = self._node.shape
            size = f"{shape[0]} taps" if len(shape) == 1 else f"{shape} taps"
            return f"<System of {size}{rate}>"
        order = self._node.fraction()[1].size - 1
        return f"<System with feedback of order {order}{rate}>"
