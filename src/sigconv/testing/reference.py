"""The definition of convolution, written down without any of the library's machinery."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["assert_close", "naive_convolve", "tolerance"]

Array = npt.NDArray[Any]

_OUTSIDE_ZERO = -1
_OUTSIDE_FILL = -2
_OUTSIDE_ABSENT = -3


def naive_convolve(
    signal: npt.ArrayLike,
    kernel: npt.ArrayLike,
    mode: str = "full",
    *,
    axes: int | tuple[int, ...] | None = None,
    boundary: Any = "zero",
    fill_value: complex = 0.0,
    center: int | tuple[int, ...] | None = None,
    nan_policy: str = "propagate",
    correlate: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Array:
    """Convolve by the definition: one pass over the taps, every product where it belongs.

    Parameters and result are those of `sigconv.convolve`, or of `sigconv.correlate` with
    `correlate`; computed in `dtype`, or in NumPy's promotion to at least 64-bit integers.

    Examples
    --------
    >>> naive_convolve([3, 2, 1], [1, 1, 2])
    array([3, 5, 9, 5, 2])
    """
    x, h = np.asarray(signal), np.asarray(kernel)
    named = _axes(x.ndim, axes)
    h = _expanded(h, x.ndim, named)
    if correlate:
        h = np.conj(np.flip(h, named))
    work = np.result_type(x, h, np.int64 if x.dtype.kind + h.dtype.kind in _INTEGERS else x)
    work = np.dtype(work if dtype is None else dtype)
    entries = [boundary] * len(named) if isinstance(boundary, str) else list(boundary)
    swapped = mode == "valid" and any(x.shape[a] < h.shape[a] for a in named)
    if swapped:
        entries = ["zero"] * len(named)
    centers = list(center) if isinstance(center, tuple) else [center] * len(named)
    wanted = []
    for a, c in zip(named, centers, strict=True):
        k = h.shape[a]
        if c is None:
            c = (k - 1) // 2
        elif correlate:
            c = k - 1 - c
        wanted.append(_positions(mode, x.shape[a], k, c))
    shape = list(np.broadcast_shapes(_without(x, named), _without(h, named)))
    for a, n in zip(named, wanted, strict=True):
        shape[a] = len(n)
    total = np.zeros(shape, work)
    if total.size == 0:
        return total
    edges = _Edges(named, wanted, entries, fill_value)
    x, h = x.astype(work), h.astype(work)
    missing = np.isnan(x) if nan_policy == "omit" and work.kind in "fc" else np.zeros(x.shape, bool)
    share = np.zeros(shape, h.dtype)
    with np.errstate(all="ignore"):
        for k in np.ndindex(*(h.shape[a] for a in named)):
            products, weights = _products(np.where(missing, 0, x), missing, h, k, edges)
            total += products
            share += weights
        if missing.any() or "absent" in str(entries):
            share[share == 0] = np.nan
            total = (total * (h.sum(axis=named, keepdims=True) / share)).astype(work)
    return total


_INTEGERS = {a + b for a in "biu" for b in "biu"}


def _axes(ndim: int, axes: int | tuple[int, ...] | None) -> tuple[int, ...]:
    if axes is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in ((axes,) if isinstance(axes, int) else axes))


def _expanded(h: Array, ndim: int, axes: tuple[int, ...]) -> Array:
    if h.ndim == ndim:
        return h
    shape = [1] * ndim
    order = sorted(range(len(axes)), key=lambda i: axes[i]) if h.ndim else []
    for i, a in enumerate(axes):
        shape[a] = h.shape[i] if h.ndim else 1
    return h.transpose(order).reshape(shape)


def _without(array: Array, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(array.shape))


def _positions(mode: str, n: int, k: int, center: int) -> range:
    if n == 0 or k == 0:
        return range(0)
    if mode == "full":
        return range(n + k - 1)
    if mode == "same":
        return range(center, center + n)
    return range(min(n, k) - 1, max(n, k))


class _Edges(NamedTuple):
    axes: tuple[int, ...]
    wanted: list[range]
    boundary: list[Any]
    fill: complex


def _products(
    x: Array, missing: Array, h: Array, k: tuple[int, ...], edges: _Edges
) -> tuple[Array, Array]:
    """Return h[k] x_ext[n-k], 0 where there is no sample, and h[k] where one is not missing."""
    tap = h
    zero: Any = False
    filled: Any = False
    absent: Any = False
    for a, tap_index, positions, entry in zip(
        edges.axes, k, edges.wanted, edges.boundary, strict=True
    ):
        tap = np.take(tap, [tap_index], axis=a)
        pair = (entry, entry) if isinstance(entry, str) else entry
        source = np.array([_source_index(pair, x.shape[a], n - tap_index) for n in positions])
        along = [1] * x.ndim
        along[a] = -1
        zero = zero | (source == _OUTSIDE_ZERO).reshape(along)
        absent = absent | (source == _OUTSIDE_ABSENT).reshape(along)
        filled = filled | (source == _OUTSIDE_FILL).reshape(along)
        x = np.take(x, np.maximum(source, 0), axis=a)
        missing = np.take(missing, np.maximum(source, 0), axis=a)
    values = np.where(
        filled, x.dtype.type(edges.fill if x.dtype.kind == "c" else edges.fill.real), x
    )
    missing = absent | (missing & ~np.logical_or(zero, filled))
    products: Array = np.where(zero | missing, x.dtype.type(0), tap * values)
    weights: Array = np.where(missing, h.dtype.type(0), tap)
    return products, weights


def _source_index(pair: tuple[str, str], size: int, j: int) -> int:
    """Return the sample that position j of the extended signal repeats."""
    if 0 <= j < size:
        return j
    rule = {
        "nearest": "edge",
        "mirror": "reflect",
        "grid-wrap": "wrap",
        "grid-constant": "constant",
        "grid-mirror": "symmetric",
    }.get(name := pair[0] if j < 0 else pair[1], name)
    if rule == "zero":
        return _OUTSIDE_ZERO
    if rule == "absent":
        return _OUTSIDE_ABSENT
    if rule == "constant":
        return _OUTSIDE_FILL
    if rule == "wrap":
        return j % size
    while rule in ("reflect", "symmetric") and not 0 <= j < size and size > 1:
        # Fold at the violated edge, as a strip of paper, until the position lies inside.
        twice = 0 if rule == "reflect" else 1
        j = -j - twice if j < 0 else 2 * (size - 1) - j + twice
    return min(max(j, 0), size - 1)


def tolerance(
    signal: npt.ArrayLike, kernel: npt.ArrayLike, dtype: npt.DTypeLike, *, fill_value: complex = 0.0
) -> float:
    """Return the error that two right computations of a convolution may differ by.

    It is 8 eps log2(2n) ||x|| ||h|| over finite samples, n the number of products' operands,
    where boundaries may repeat the largest sample once for every tap.
    """
    x, h = np.asarray(signal), np.asarray(kernel)
    dtype = np.dtype(dtype)
    if dtype.kind not in "fc" or not x.size or not h.size:
        return 0.0
    # float16 computes in float32 and rounds once at the end.
    eps = float(np.finfo(dtype).eps)
    x = np.abs(np.where(np.isfinite(x), x, 0)).astype(float)
    h = np.abs(np.where(np.isfinite(h), h, 0)).astype(float)
    largest = max(float(x.max()), abs(fill_value) if np.isfinite(fill_value) else 0.0)
    norms = np.sqrt((x**2).sum() + largest**2 * h.size * x.ndim) * np.sqrt((h**2).sum())
    return float(8 * eps * np.log2(2 * (x.size + h.size)) * norms)


def assert_close(actual: Array, expected: Array, atol: float) -> None:
    """Assert equal shapes, equal NaN and infinities, and finite values within `atol`.

    For complex arrays only the places of the non-finite values are compared.
    """
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(actual), finite, err_msg="finite results differ")
    if expected.dtype.kind != "c":
        np.testing.assert_array_equal(
            actual[~finite], expected[~finite], err_msg="NaN or infinities differ"
        )
    np.testing.assert_allclose(actual[finite], expected[finite], rtol=0, atol=atol)
