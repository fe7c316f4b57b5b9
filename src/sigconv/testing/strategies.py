"""Hypothesis strategies for signals, kernels and the keywords of a convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from sigconv.core.boundary import RULES
from sigconv.core.shapes import MODES

__all__ = ["Case", "cases", "samples"]

Array = npt.NDArray[Any]

FLOATS = ("float32", "float64", "complex64", "complex128")


@dataclass(frozen=True)
class Case:
    """One drawn call: ``convolve(case.signal, case.kernel, **case.keywords)``."""

    signal: Array
    kernel: Array
    keywords: dict[str, Any]


@st.composite
def samples(draw: st.DrawFn, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Draw an array: from a seed, so that large ones stay cheap, with shrinkable small parts."""
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        low, high = max(info.min, -1000), min(int(info.max), 1000)
        return rng.integers(low, high, shape, endpoint=True).astype(dtype)
    array = rng.standard_normal(shape)
    if dtype.kind == "c":
        return (array + 1j * rng.standard_normal(shape)).astype(dtype)
    return array.astype(dtype)


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    dtypes: tuple[str, ...] = FLOATS,
    min_ndim: int = 0,
    max_ndim: int = 3,
    max_size: int = 24,
    min_size: int = 0,
    modes: tuple[str, ...] = MODES,
    rules: tuple[str, ...] = tuple(rule for rule in RULES if rule != "absent"),
) -> Case:
    """Draw a call with any shapes, axes, mode, boundary and centre that fit together."""
    ndim = draw(st.integers(min_ndim, max_ndim))
    side = max(2, int(max_size ** (1 / ndim) * 2) if ndim > 1 else max_size)
    shape = tuple(draw(st.integers(min_size, side)) for _ in range(ndim))
    axes = draw(st.none() | st.permutations(range(ndim)).flatmap(_leading)) if ndim else None
    named = tuple(range(ndim)) if axes is None else axes
    taps = tuple(draw(st.integers(min_size, side)) for _ in named)
    mode = draw(st.sampled_from(modes))
    sizes = tuple(shape[a] for a in named)
    if mode == "valid" and not _covers(sizes, taps) and not _covers(taps, sizes):
        taps = tuple(min(n, k) for n, k in zip(sizes, taps, strict=True))
    keywords: dict[str, Any] = {"mode": mode, "axes": axes}
    entry = st.sampled_from(rules) | st.tuples(st.sampled_from(rules), st.sampled_from(rules))
    boundary = draw(
        st.sampled_from(rules) | st.lists(entry, min_size=len(named), max_size=len(named))
    )
    keywords["boundary"] = boundary
    if "constant" in str(boundary):
        keywords["fill_value"] = draw(st.integers(-3 if dtypes is FLOATS else 0, 3))
    if mode == "same" and draw(st.booleans()):
        keywords["center"] = tuple(draw(st.integers(0, max(k - 1, 0))) for k in taps)
    kernel_shape = taps
    if len(named) == ndim:
        # As many dimensions as the signal: they meet its axes in array order.
        kernel_shape = tuple(taps[named.index(a)] for a in range(ndim))
    if axes is not None and len(axes) < ndim and draw(st.booleans()):
        kernel_shape = _with_batch(draw, shape, named, taps)
    signal = draw(samples(shape, draw(st.sampled_from(dtypes))))
    kernel = draw(samples(kernel_shape, draw(st.sampled_from(dtypes))))
    return Case(signal, kernel, keywords)


def _leading(order: list[int]) -> st.SearchStrategy[tuple[int, ...]]:
    return st.integers(1, len(order)).map(lambda n: tuple(order[:n]))


def _covers(large: tuple[int, ...], small: tuple[int, ...]) -> bool:
    return all(n >= k for n, k in zip(large, small, strict=True))


def _with_batch(
    draw: st.DrawFn, shape: tuple[int, ...], axes: tuple[int, ...], taps: tuple[int, ...]
) -> tuple[int, ...]:
    """Return a kernel shape of the signal's dimensions: batch axes shared, or of its own."""
    full = [n if draw(st.booleans()) else 1 for n in shape]
    for a, k in zip(axes, taps, strict=True):
        full[a] = k
    return tuple(full)
