"""Does the response of a layer move with its input? Shifted inputs look for a counter-example."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, DType, as_numeric
from sigconv.core.index import trailing
from sigconv.core.options import as_shape
from sigconv.core.problem import Shape
from sigconv.errors import BoundaryError, ShapeError
from sigconv.layers.arguments import as_channels_first, in_layout, per_axis, spatial_axes
from sigconv.lti.boxes import Box, level, verdict
from sigconv.lti.probes import amplitudes, element_type, generator, noise
from sigconv.lti.verdicts import Check, Counterexample

__all__ = ["check_shift_equivariance", "shifted"]

_LEAST = 16
"""Samples that leave room for a signal, its margins and a shift."""

_INNER = 4
"""Outputs whose middle half can move by one and still meet itself."""

Outcomes = Iterator[Counterexample | None]


def shifted(
    x: npt.ArrayLike,
    shift: Any,
    *,
    boundary: str = "zero",
    layout: str = "channels_first",
) -> Array:
    """Return a batch of signals moved along their axes of space by whole samples.

    Parameters
    ----------
    x : array_like (batch, channels, *space)
        With ``layout="channels_last"`` (batch, *space, channels).
    shift : int or sequence of int
        Samples towards higher indices, for all axes of space, or for each; negative ones go back.
    boundary : {"zero", "wrap"}
        Whether zeros come in, or what leaves on the other side.
    layout : {"channels_first", "channels_last"}
        Where the channels are.

    Returns
    -------
    ndarray
        Of the shape, the layout and the dtype of `x`.

    Raises
    ------
    ShapeError, OptionError, BoundaryError
        For shapes and keywords with values that do not exist.

    Examples
    --------
    >>> shifted([[[1, 2, 3, 4]]], 1)
    array([[[0, 1, 2, 3]]])
    >>> shifted([[[1, 2, 3, 4]]], -1, boundary="wrap")
    array([[[2, 3, 4, 1]]])
    """
    first = as_channels_first(as_numeric(x, "x"), layout)
    steps = per_axis(shift, spatial_axes(first.shape, "x"), "shift")
    _check_boundary(boundary)
    return in_layout(_moved(first, steps, boundary), layout)


def check_shift_equivariance(
    f: Callable[[Array], Any],
    shape: Shape,
    *,
    stride: Any = 1,
    boundary: str = "zero",
    layout: str = "channels_first",
    trials: int = 20,
    rtol: float | None = None,
    dtype: npt.DTypeLike = float,
    seed: int | np.random.Generator = 0,
) -> Check:
    """Equivariance of a layer under shifts, or the input and the shift that refute it.

    Parameters
    ----------
    f : callable
        A layer or a chain of them: it takes an array of `shape` and returns one with the same
        number of axes. Each call gets an array of its own.
    shape : tuple of int
        That of the inputs, (batch, channels, *space) in the layout. Axes of space have at least 16
        samples, and 8 times the stride.
    stride : int or sequence of int
        Input samples for one output sample, for all axes of space, or for each: the product of
        the strides of the layers of f.
    boundary : {"zero", "wrap"}
        How the layer continues its input. Under "wrap" every output of any input is compared,
        under "zero" the inner half of the outputs of an input in the middle.
    layout : {"channels_first", "channels_last"}
        Where the channels of inputs and outputs are.
    trials : int
        Random inputs, after the simple ones.
    rtol : float, optional
        The largest deviation that passes as rounding, as in `lti.check_linearity`.
    dtype : dtype
        The inputs' dtype: floating, complex or int64.
    seed : int or numpy.random.Generator
        Where the random inputs come from.

    Returns
    -------
    Check
        True where no counter-example was found; ``print`` explains.

    Raises
    ------
    ShapeError
        Too few samples; under "wrap" a size that is no multiple of the stride; an f whose outputs
        have no axes of space, or not size / stride samples on them.
    OptionError, BoundaryError, DTypeError, NonFiniteError, Exception
        For other values, and as from `lti.check_linearity`.

    See Also
    --------
    sigconv.lti.check_time_invariance : The same for signals in time, without channels.

    Notes
    -----
    f is equivariant if moving x by stride * m samples moves f(x) by m and does nothing else,
    whatever the m of each axis. Under "zero" inputs live in the middle quarter and move by up to
    an eighth of the size; what f makes of the edges is left out where it reaches less than a
    quarter of the size inwards, as a bias in front of a padded layer does. Examples can refute, and
    never prove.

    Examples
    --------
    >>> from sigconv.layers import max_pool
    >>> def halved(x):
    ...     return max_pool(x, 2)
    >>> bool(check_shift_equivariance(halved, (1, 1, 32), stride=2))
    True
    >>> print(check_shift_equivariance(halved, (1, 1, 32)))
    not shift-equivariant: f(x moved by 1) differs from f(x) moved by 1
    at sample (0, 0, 8): expected 0, got 1
    x = 1 at sample (0, 0, 16) of 1 x 1 x 32, 0 elsewhere
    """
    box, rng = Box(f, element_type(dtype), rtol), generator(trials, seed)
    size = as_shape(shape, "input")
    first = as_channels_first(np.broadcast_to(np.int8(0), size), layout).shape
    ndim = spatial_axes(first, "shape")
    _check_boundary(boundary)
    setting = _Setting(first, per_axis(stride, ndim, "stride", 1), boundary, layout)
    setting.check_sizes()
    simple = _simple_inputs(setting, box.dtype)
    random = (
        _noise(setting, rng, box.dtype, amplitude) for amplitude in amplitudes(trials, box.dtype)
    )
    outcomes = chain(
        (box.repeats(in_layout(x, layout)) for x in simple),
        chain.from_iterable(_moves(box, x, setting, setting.simple_shifts()) for x in simple),
        chain.from_iterable(_moves(box, x, setting, [setting.drawn_shift(rng)]) for x in random),
    )
    return verdict("shift-equivariant", box, outcomes)


class _Setting(NamedTuple):
    """The shape (batch, channels, *space) of inputs, and the keywords of the law."""

    shape: Shape
    stride: Shape
    boundary: str
    layout: str

    @property
    def space(self) -> Shape:
        return self.shape[2:]

    @property
    def inside(self) -> tuple[slice, ...]:
        """Where inputs live on the axes of space."""
        if self.boundary == "wrap":
            return tuple(slice(0, n) for n in self.space)
        return tuple(slice(3 * n // 8, 5 * n // 8) for n in self.space)

    @property
    def farthest(self) -> Shape:
        """The largest shifts, in samples of the output."""
        parts = 2 if self.boundary == "wrap" else 8
        return tuple(n // (parts * s) for n, s in zip(self.space, self.stride, strict=True))

    def check_sizes(self) -> None:
        if 0 in self.shape:
            raise ShapeError(f"shape must leave at least one sample; got {self.shape}.")
        for n, step in zip(self.space, self.stride, strict=True):
            if n < max(_LEAST, 8 * step):
                raise ShapeError(
                    f"each axis of space must have at least {_LEAST} samples, and 8 times the "
                    f"stride of {step}, for a signal, its margins and a shift; got {self.space}."
                )
            if self.boundary == "wrap" and n % step:
                raise ShapeError(
                    "under boundary='wrap' the stride must divide the size, or shifts do not come "
                    f"round; got a stride of {step} and {n} samples."
                )

    def check_output(self, output: Array) -> None:
        lengths = output.shape[2:]
        if output.ndim != len(self.shape) or min(lengths) < _INNER:
            raise ShapeError(
                f"f must return at least {_INNER} samples on each of {len(self.space)} axes of "
                f"space; got the shape {output.shape} (batch, channels, *space). What has no place "
                "cannot move."
            )
        whole = tuple(n // s for n, s in zip(self.space, self.stride, strict=True))
        if self.boundary == "wrap" and lengths != whole:
            raise ShapeError(
                f"under boundary='wrap' f must return size / stride samples, {whole}; got "
                f"{lengths}. Pass the product of its strides, or boundary='zero'."
            )

    def simple_shifts(self) -> list[Shape]:
        """Return shifts along one axis, in samples of the output: one either way, and the most."""
        ndim = len(self.space)
        return [
            tuple(by if j == axis else 0 for j in range(ndim))
            for axis, most in enumerate(self.farthest)
            for by in dict.fromkeys((1, -1, most))
        ]

    def drawn_shift(self, rng: np.random.Generator) -> Shape:
        """Return a random shift along all axes, in samples of the output."""
        return tuple(int(rng.integers(-most, most + 1)) for most in self.farthest)


def _simple_inputs(setting: _Setting, dtype: DType) -> list[Array]:
    """Return an impulse, and ones wherever inputs live."""
    impulse, ones = np.zeros((2, *setting.shape), dtype)
    impulse[(0, 0, *(n // 2 for n in setting.space))] = 1
    ones[trailing(setting.inside)] = 1
    return [impulse, ones]


def _noise(setting: _Setting, rng: np.random.Generator, dtype: DType, amplitude: float) -> Array:
    x = np.zeros(setting.shape, dtype)
    inside = x[trailing(setting.inside)]
    inside[...] = noise(rng, inside.shape, dtype, amplitude)
    return x


def _moves(box: Box, x: Array, setting: _Setting, shifts: list[Shape]) -> Outcomes:
    """Compare f(x moved) with f(x) moved, for shifts in samples of the output."""
    layout = setting.layout
    signal = in_layout(x, layout)
    output = as_channels_first(box(signal), layout)
    setting.check_output(output)
    for by in shifts:
        steps = tuple(s * m for s, m in zip(setting.stride, by, strict=True))
        # Under "zero" the margins of inputs are zeros: nothing leaves.
        moved = in_layout(_moved(x, steps, "wrap"), layout)
        expected, skip = _moved(output, by, "wrap"), np.zeros(output.shape, bool)
        if setting.boundary == "zero":
            skip = ~_inner(output.shape, by)
            expected[skip] = np.nan
        example = Counterexample(
            "shift",
            (signal, moved),
            None,
            steps,
            in_layout(expected, layout),
            box(moved),
            response_shift=by,
        )
        yield box.judged(example, level(x), in_layout(skip, layout))


def _inner(shape: Shape, by: Shape) -> Array:
    """Tell which outputs lie in the middle half on each axis, and did so before they moved."""
    inner = np.zeros(shape, bool)
    inner[trailing(slice(m // 4, m - m // 4) for m in shape[2:])] = True
    return inner & _moved(inner, by, "zero")


def _moved(first: Array, steps: Shape, boundary: str) -> Array:
    """Return (batch, channels, *space) moved along the axes of space."""
    if boundary == "wrap":
        return np.roll(first, steps, tuple(range(2, first.ndim)))
    moved = np.zeros_like(first)
    pairs = list(zip(steps, first.shape[2:], strict=True))
    target = trailing(slice(max(step, 0), max(n + min(step, 0), 0)) for step, n in pairs)
    source = trailing(slice(max(-step, 0), max(n - max(step, 0), 0)) for step, n in pairs)
    moved[target] = first[source]
    return moved


def _check_boundary(boundary: Any) -> None:
    if boundary not in ("zero", "wrap"):
        raise BoundaryError(f"boundary must be 'zero' or 'wrap'; got {boundary!r}.")
