"""What a black box is tried with, from simple to wild."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, DType, as_dtype
from sigconv.errors import DTypeError, OptionError

__all__ = [
    "amplitudes",
    "element_type",
    "factor",
    "generator",
    "inputs_in_the_middle",
    "noise",
    "simple_inputs",
]


def simple_inputs(shape: tuple[int, ...], dtype: DType) -> list[Array]:
    """An impulse, the same a sample later, a step, a ramp, an alternating signal."""
    impulse = np.zeros(shape, dtype)
    impulse[tuple(n // 2 for n in shape)] = 1
    step = np.zeros(shape, dtype)
    step[..., shape[-1] // 2 :] = 1
    ramp = np.arange(impulse.size).reshape(shape).astype(dtype)
    alternating = (1 - 2 * (np.indices(shape).sum(0) % 2)).astype(dtype)
    return [impulse, np.roll(impulse, 1, -1), step, ramp, alternating]


def inputs_in_the_middle(shape: tuple[int, ...], axis: int, dtype: DType) -> list[Array]:
    """An impulse, a block, a ramp and an alternating signal, in the middle quarter of an axis."""
    size = shape[axis]
    impulse = np.zeros(shape, dtype)
    impulse[tuple(n // 2 for n in shape)] = 1
    first, end = 3 * size // 8, 5 * size // 8
    steps = np.arange(end - first)
    inputs = [impulse]
    for values in (np.ones(len(steps)), 1 + steps, 1 - 2 * (steps % 2)):
        x = np.zeros(shape, dtype)
        np.moveaxis(x, axis, -1)[..., first:end] = values
        inputs.append(x)
    return inputs


def amplitudes(trials: int, dtype: DType) -> list[float]:
    """From near 1 to 1e3 and 1e-3 in turn; whole numbers have no small ones."""
    signs = (1, 1) if dtype.kind == "i" else (-1, 1)
    return [10.0 ** (3 * signs[i % 2] * i / trials) for i in range(1, trials + 1)]


def noise(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: DType, amplitude: float = 1.0
) -> Array:
    """Gaussian noise; whole numbers are rounded from twice the amplitude and more."""
    values = amplitude * np.asarray(rng.standard_normal(shape))
    if dtype.kind == "c":
        values = values + 1j * amplitude * rng.standard_normal(shape)
    if dtype.kind == "i":
        values = np.rint(3 * values)
    return values.astype(dtype)


def factor(rng: np.random.Generator, dtype: DType) -> complex:
    """A factor of either sign, or of any phase, between 1/10 and 10; a whole one up to 10."""
    if dtype.kind == "i":
        return int(rng.integers(2, 11)) * int(rng.choice((-1, 1)))
    size = float(10 ** rng.uniform(-1, 1))
    if dtype.kind == "c":
        return size * complex(np.exp(2j * np.pi * rng.uniform()))
    return size * float(rng.choice((-1, 1)))


def element_type(dtype: npt.DTypeLike) -> DType:
    """Return the dtype of the inputs, or say that laws are not checked in it."""
    kind = as_dtype(dtype)
    if kind.kind not in "fc" and kind != np.int64:
        raise DTypeError(
            f"dtype must be floating, complex or int64; got {kind}. Convert the input on the way "
            "in: lambda x: f(x.astype(...))."
        )
    return kind


def generator(trials: int, seed: int | np.random.Generator) -> np.random.Generator:
    """Return where so many random inputs come from."""
    if not isinstance(trials, int | np.integer) or isinstance(trials, bool) or trials < 1:
        raise OptionError(f"trials must be a whole number of at least 1; got {trials!r}.")
    return np.random.default_rng(seed)
