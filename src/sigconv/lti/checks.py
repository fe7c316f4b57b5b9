"""Is a black box linear, and is it time-invariant? Drawn inputs look for a counter-example."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array
from sigconv.core.options import as_shape
from sigconv.errors import ShapeError
from sigconv.lti.boxes import Box, level, verdict
from sigconv.lti.probes import (
    amplitudes,
    element_type,
    factor,
    generator,
    inputs_in_the_middle,
    noise,
    simple_inputs,
)
from sigconv.lti.verdicts import Check, Counterexample

__all__ = ["Check", "Counterexample", "check_linearity", "check_time_invariance"]

Outcomes = Iterator[Counterexample | None]

_LEAST = 16
"""Samples that leave room for a signal, its margins and a delay."""


def check_linearity(
    f: Callable[[Array], Any],
    *,
    shape: int | tuple[int, ...] = 64,
    trials: int = 20,
    rtol: float | None = None,
    dtype: npt.DTypeLike = float,
    seed: int | np.random.Generator = 0,
) -> Check:
    """Linearity of a black box, or the inputs that refute it.

    Parameters
    ----------
    f : callable
        Takes an array of `shape` and returns numbers of any one shape. Each call gets an array of
        its own, and results are copied: f may change its input, and reuse its output.
    shape : int or tuple of int
        The shape of the inputs.
    trials : int
        Random inputs, after the simple ones; f is called about 50 + 5 `trials` times.
    rtol : float, optional
        The largest deviation from the law that passes as rounding, relative to the outputs, or to
        the largest gain that was seen times the inputs. By default 1e-7, or the square root of
        the machine precision of what f takes and returns where that is more: 3e-4 in float32.
    dtype : dtype
        The inputs' dtype: floating, complex (and factors with it), or int64 (whole factors).
    seed : int or numpy.random.Generator
        Where the random inputs come from.

    Returns
    -------
    Check
        True where no counter-example was found. ``print`` tells the verdict, the law that broke
        and the sample where it did; ``counterexample`` has the inputs and both outputs.

    Raises
    ------
    ShapeError
        A shape without samples, or an f that returns none.
    OptionError
        `trials` below 1, or an `rtol` outside 0..1.
    DTypeError
        Another dtype, an f that is not callable, or one that does not return numbers.
    NonFiniteError
        An f that answers an impulse with nothing but NaN and infinity.
    Exception
        Whatever f raises, with a note that tells the input.

    See Also
    --------
    check_time_invariance : The other half of LTI.

    Notes
    -----
    f is linear if f(a x) = a f(x) and f(x + y) = f(x) + f(y) for all inputs and factors. Tried
    are the zero signal, impulses, a step, a ramp and an alternating signal, then noise of
    amplitudes between 1e-3 and 1e3: from simple to wild, so that the first counter-example is the
    simplest. Examples can refute, and never prove: what happens at amplitudes, lengths or dates
    that were not tried stays unknown, and so does what is small beside another part of the output,
    as behind an unstable filter. With a real dtype, linear means over the real numbers, as
    `numpy.conj` is. An f whose results differ between calls with the same input is reported as
    not repeatable. NaN in the same places on both sides of a law counts as equal.

    Examples
    --------
    >>> print(check_linearity(np.square))
    not linear: f(2 x) differs from 2 f(x)
    at sample 32: expected 2, got 4
    x = 1 at sample 32 of 64, 0 elsewhere
    >>> bool(check_linearity(np.cumsum))
    True
    """
    box = Box(f, element_type(dtype), rtol)
    rng = generator(trials, seed)
    size = as_shape(shape, "input")
    if not size or 0 in size:
        raise ShapeError(f"shape must leave at least one sample on an axis; got {shape!r}.")
    simple = simple_inputs(size, box.dtype)
    outcomes = chain(
        (box.repeats(x) for x in simple),
        _simple_laws(box, simple),
        _random_laws(box, size, trials, rng),
    )
    return verdict("linear", box, outcomes)


def check_time_invariance(
    f: Callable[[Array], Any],
    *,
    shape: int | tuple[int, ...] = 256,
    axis: int = -1,
    trials: int = 20,
    rtol: float | None = None,
    dtype: npt.DTypeLike = float,
    seed: int | np.random.Generator = 0,
) -> Check:
    """Time invariance of a black box, or the input and the delay that refute it.

    Parameters
    ----------
    f : callable
        As in `check_linearity`. Its output has the `axis`, of any length above 1.
    shape : int or tuple of int
        The shape of the inputs, with at least 16 samples along `axis`.
    axis : int
        The axis of time, in what f takes and in what it returns.
    trials, rtol, dtype, seed
        As in `check_linearity`; f is called about 30 + 2 `trials` times.

    Returns
    -------
    Check
        As from `check_linearity`.

    Raises
    ------
    ShapeError
        Too few samples along `axis`, no such axis, or an f whose output has none.
    OptionError, DTypeError, NonFiniteError, Exception
        As from `check_linearity`.

    Notes
    -----
    f is time-invariant if a delay of the input by d samples delays the output by d and does
    nothing else. Inputs live in the middle quarter, with zeros around; d reaches an eighth of the
    length; f(delayed x)[n] is compared with f(x)[n-d] for every n from d on. So filters hold in
    every mode and with every boundary rule as long as they reach less than a quarter of the
    length either way, and recursive filters that start at rest. One that reaches further and
    does not continue with zeros meets its own edges and is told time-varying; lengthen `shape`.
    What happens only near the ends of a signal, such as a fade, is not seen. Outputs that are NaN
    whatever comes in, such as those before a moving window is full, are left out. Delays of the
    output are counted in its own samples: a change of the sampling rate is time-varying.

    Examples
    --------
    >>> def every_other(x):
    ...     return x * (np.arange(len(x)) % 2)
    >>> print(check_time_invariance(every_other))
    not time-invariant: f(x delayed by 1) differs from f(x) delayed by 1
    at sample 129: expected 0, got 1
    x = 1 at sample 128 of 256, 0 elsewhere
    >>> bool(check_time_invariance(np.square))
    True
    """
    box = Box(f, element_type(dtype), rtol)
    rng = generator(trials, seed)
    size = as_shape(shape, "input")
    if isinstance(axis, bool) or axis not in range(-len(size), len(size)):
        raise ShapeError(f"axis must be one of the {len(size)} of shape {size}; got {axis!r}.")
    if 0 in size or size[axis] < _LEAST:
        raise ShapeError(
            f"shape must have at least {_LEAST} samples along the axis of time, for a signal, its "
            f"margins and a delay; got {size} and axis={axis}."
        )
    simple = inputs_in_the_middle(size, axis, box.dtype)
    outcomes = chain(
        (box.repeats(x) for x in simple),
        (_delay(box, x, shift, axis) for x in simple for shift in sorted({1, 2, size[axis] // 8})),
        _random_delays(box, size, axis, trials, rng),
    )
    return verdict("time-invariant", box, outcomes)


def _scaled(box: Box, x: Array, factor: complex) -> Counterexample | None:
    """Compare f(a x) with a f(x)."""
    output, scaled = box(x), factor * x
    got = box(scaled)
    with np.errstate(all="ignore"):
        # 0 times infinity would expect nothing of f(0).
        expected = factor * output if factor else np.where(np.isnan(output), output, 0.0)
    example = Counterexample("homogeneity", (x,), factor, None, expected, got)
    return box.judged(example, max(level(x), level(scaled)))


def _added(box: Box, x: Array, y: Array) -> Counterexample | None:
    """Compare f(x + y) with f(x) + f(y)."""
    first, second, got = box(x), box(y), box(x + y)
    if first.shape != second.shape:
        return Counterexample("additivity", (x, y), None, None, first, second)
    with np.errstate(all="ignore"):
        expected = first + second
    example = Counterexample("additivity", (x, y), None, None, expected, got)
    return box.judged(example, max(level(x), level(y)))


def _delay(box: Box, x: Array, shift: int, axis: int) -> Counterexample | None:
    """Compare f(x delayed) with f(x) delayed."""
    output = box(x)
    if axis not in range(-output.ndim, output.ndim) or output.shape[axis] < 2:
        raise ShapeError(
            f"what f returns must have an axis {axis} of at least 2 samples; got the shape "
            f"{output.shape}. Without time in the output there is no delay to look for."
        )
    shift = min(shift, output.shape[axis] - 1)
    # The margins are zeros: nothing comes round.
    delayed = np.roll(x, shift, axis)
    got, expected = box(delayed), np.roll(output, shift, axis)
    if got.shape == output.shape:
        # An output that is NaN whatever comes in, before a window is full, says nothing.
        blind = np.isnan(output) & np.isnan(got)
        skip = blind | np.roll(blind, shift, axis)
        np.moveaxis(skip, axis, 0)[:shift] = True
        expected[skip] = np.nan
    else:
        skip = None
    example = Counterexample("delay", (x, delayed), None, shift, expected, got)
    return box.judged(example, level(x), skip)


def _simple_laws(box: Box, simple: list[Array]) -> Outcomes:
    yield _scaled(box, simple[0], 0)
    factors = {"i": (2, -1, 3), "f": (2, -1, 0.5), "c": (2, -1, 0.5, 1j)}[box.dtype.kind]
    yield from (_scaled(box, x, a) for x in simple for a in factors)
    yield from (_added(box, x, y) for x, y in pairwise(simple))


def _random_laws(
    box: Box, shape: tuple[int, ...], trials: int, rng: np.random.Generator
) -> Outcomes:
    for amplitude in amplitudes(trials, box.dtype):
        x, y = noise(rng, shape, box.dtype, amplitude), noise(rng, shape, box.dtype)
        yield _scaled(box, x, factor(rng, box.dtype))
        yield _added(box, x, y)


def _random_delays(
    box: Box, shape: tuple[int, ...], axis: int, trials: int, rng: np.random.Generator
) -> Outcomes:
    size = shape[axis]
    for amplitude in amplitudes(trials, box.dtype):
        first, last = sorted(rng.integers(3 * size // 8, 5 * size // 8, 2))
        x = np.zeros(shape, box.dtype)
        inside = np.moveaxis(x, axis, 0)[first : last + 1]
        inside[...] = noise(rng, inside.shape, box.dtype, amplitude)
        yield _delay(box, x, int(rng.integers(1, size // 8 + 1)), axis)
