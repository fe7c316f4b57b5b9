"""Layers that tests draw, and their sums written from the definition, pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from sigconv.engines.compiled import has_numba
from sigconv.errors import MethodError

METHODS = ("auto", "direct", "gemm", "fft", "taps")
# Those that serve a plain layer here.
PRESENT = METHODS if has_numba() else tuple(name for name in METHODS if name != "direct")
RULES = ("zero", "edge", "reflect", "symmetric", "wrap")
DTYPES = ("f4", "f8", "f2", "c8", "c16", "i1", "i8", "u1", "?", "g", "O")
LAYOUTS = ("channels_first", "channels_last")
# No engine may spend more pairs of one output and one tap in a drawn test.
_MOST_PAIRS = 2500

ALL: Any = slice(None)
Shape = tuple[int, ...]
Term = tuple[Any, Any, Any, Any, Any]


@dataclass(frozen=True)
class Layer:
    """A layer in full, with one entry for each axis, and the keywords that ask for it."""

    batch: int
    inputs: int
    outputs: int
    groups: int
    sizes: Shape
    taps: Shape
    strides: Shape
    dilations: Shape
    sides: tuple[tuple[int, int], ...]
    rules: tuple[tuple[str, str], ...]
    flip: bool
    keywords: dict[str, Any]

    @property
    def x_shape(self) -> Shape:
        return self.batch, self.inputs, *self.sizes

    @property
    def weight_shape(self) -> Shape:
        return self.outputs, self.inputs // self.groups, *self.taps

    @property
    def y_shape(self) -> Shape:
        return self.batch, self.outputs, *(len(starts) for starts in self._starts())

    def _starts(self) -> Iterator[range]:
        """Yield where the kernel can stand on each axis with its padding."""
        for n, k, s, d, p in zip(
            self.sizes, self.taps, self.strides, self.dilations, self.sides, strict=True
        ):
            yield range(0, n + sum(p) - d * (k - 1), s)

    def terms(self) -> Iterator[Term]:
        """Yield input and output channels, an output, a tap and the sample that they meet."""
        axes = zip(self.sizes, self.sides, self.rules, strict=True)
        extended = [extension(*axis) for axis in axes]
        starts = list(self._starts())
        for q in np.ndindex(*self.y_shape[2:]):
            for k in np.ndindex(*self.taps):
                places = zip(extended, starts, q, k, self.dilations, strict=True)
                met = tuple(int(e[start[i] + d * t]) for e, start, i, t, d in places)
                if min(met) < 0:
                    continue
                tap = tuple(n - 1 - t for n, t in zip(self.taps, k, strict=True))
                for i, o in self.channels():
                    yield i, o, q, tap if self.flip else k, met

    def channels(self) -> Iterator[tuple[slice, slice]]:
        """Yield the input and the output channels of each group."""
        inputs, outputs = self.inputs // self.groups, self.outputs // self.groups
        for g in range(self.groups):
            yield (
                slice(g * inputs, (g + 1) * inputs),
                slice(g * outputs, (g + 1) * outputs),
            )

    def arranged(self, array: np.ndarray) -> np.ndarray:
        """Return (batch, channels, *space) as the layer takes it."""
        last = self.keywords.get("layout") == "channels_last"
        return np.moveaxis(array, 1, -1) if last else array

    def shaped(self, shape: Shape) -> Shape:
        """Return the shape (batch, channels, *space) as the layer names it."""
        return self.arranged(np.broadcast_to(np.int8(0), shape)).shape

    def first(self, array: np.ndarray) -> np.ndarray:
        """Return what the layer gives as (batch, channels, *space)."""
        last = self.keywords.get("layout") == "channels_last"
        return np.moveaxis(array, -1, 1) if last else array


def extension(size: int, sides: tuple[int, int], rules: tuple[str, str]) -> np.ndarray:
    """Return the sample at each position of an axis with its padding, -1 where there is none."""
    index = np.arange(size)
    (before, after), (left, right) = sides, rules
    low = _padded(index, (before, 0), left)[:before]
    high = _padded(index, (0, after), right)[size:]
    return np.concatenate([low, index, high])


def _padded(index: np.ndarray, widths: tuple[int, int], rule: str) -> np.ndarray:
    if rule == "zero":
        return np.pad(index, widths, constant_values=-1)
    padded: np.ndarray = np.pad(index, widths, mode=rule)  # type: ignore[call-overload]
    return padded


def wide(*arrays: np.ndarray) -> np.dtype:
    """Return a dtype that holds sums of these exactly, or with more digits than they have."""
    kinds = {a.dtype.kind for a in arrays}
    return np.dtype("O" if kinds <= set("biuO") else "G" if "c" in kinds else "g")


def naive_conv(
    layer: Layer, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None
) -> np.ndarray:
    """Return the layer's result by the definition, from (batch, in, *space)."""
    given = [x, weight] if bias is None else [x, weight, bias]
    x, weight, *added = (a.astype(wide(*given)) for a in given)
    y = np.zeros(layer.y_shape, x.dtype)
    with np.errstate(all="ignore"):
        for i, o, q, k, p in layer.terms():
            y[(ALL, o, *q)] += x[(ALL, i, *p)] @ weight[(o, ALL, *k)].T
        for shift in added:
            y += shift.reshape(-1, *(1,) * len(layer.sizes))
    return y


def naive_input_grad(layer: Layer, grad: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return sum over o, q, k with p(q, k) = p of grad[o, q] conj(weight[o, i, k])."""
    dtype = wide(grad, weight)
    grad, weight = grad.astype(dtype), weight.astype(dtype).conj()
    found = np.zeros(layer.x_shape, dtype)
    with np.errstate(all="ignore"):
        for i, o, q, k, p in layer.terms():
            found[(ALL, i, *p)] += grad[(ALL, o, *q)] @ weight[(o, ALL, *k)]
    return found


def naive_weight_grad(layer: Layer, grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return sum over the batch and q of grad[o, q] conj(x[i, p(q, k)])."""
    dtype = wide(grad, x)
    grad, x = grad.astype(dtype), x.astype(dtype).conj()
    found = np.zeros(layer.weight_shape, dtype)
    with np.errstate(all="ignore"):
        for i, o, q, k, p in layer.terms():
            found[(o, ALL, *k)] += grad[(ALL, o, *q)].T @ x[(ALL, i, *p)]
    return found


def each(
    function: Callable[..., np.ndarray], *given: Any, **options: Any
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what each method gives that does not refuse, and its name."""
    for method in METHODS:
        try:
            found = function(*given, method=method, **options)
        except MethodError as refusal:
            assert_reasoned(method, str(refusal))
        else:
            yield method, found


def assert_reasoned(method: str, refusal: str) -> None:
    """Fail unless a method that may refuse is named, with why it does and what to do instead."""
    assert method not in ("auto", "taps"), refusal
    assert repr(method) in refusal
    assert len(refusal.split()) > 8


def result_dtype(x: np.ndarray, weight: np.ndarray, *bias: np.ndarray) -> np.dtype:
    """Return the dtype of the sums: exact where all numbers are, else as NumPy promotes."""
    kinds = x.dtype.kind + weight.dtype.kind
    if "O" in kinds:
        found = np.dtype(object)
    elif set(kinds) <= set("biu"):
        found = np.dtype("u8" if "u" in kinds and "i" not in kinds else "i8")
    else:
        found = np.result_type(x, weight)
    # The bias meets the sums, which may be wider than what is summed.
    return result_dtype(np.empty(0, found), *bias) if bias else found


def assert_near(
    found: np.ndarray, expected: np.ndarray, terms: Callable[..., np.ndarray], *given: np.ndarray
) -> None:
    """Fail unless `found` is as near to the sum as its dtype, and the sum of all sizes, allow.

    `terms` gives the sum of the magnitudes of `given`. Transforms are as exact as their whole
    blocks, which the largest norms bound.
    """
    assert found.shape == expected.shape
    assert found.dtype == result_dtype(*given)
    if found.dtype.kind in "iuO":
        assert (found.astype(object) == expected).all()
        return
    computed = np.dtype("f4") if found.dtype == "f2" else found.dtype
    magnitudes = [np.abs(a.astype(wide(a, np.ones(1)))) for a in given]
    norms = prod(float(np.linalg.norm(a.ravel().astype("f8"))) for a in magnitudes[:2])
    bound = 8 * np.finfo(computed).eps * (terms(*magnitudes) + norms)
    if found.dtype == "f2":
        bound = bound + np.abs(expected) * 2.0**-10 + 2.0**-24
    error = np.abs(found.astype(expected.dtype) - expected)
    assert (error <= bound).all(), float((error / np.maximum(bound, 1e-300)).max())


def numbers(seed: int, shape: Shape, dtype: str) -> np.ndarray:
    """Return numbers of a dtype: of the kind and size that its sums are exact in, or normal."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iu":
        low = 0 if kind == "u" else -100
        return rng.integers(low, 100, shape).astype(dtype)
    if kind == "O":
        parts = zip(rng.integers(-9, 9, prod(shape)), rng.integers(1, 7, prod(shape)), strict=True)
        values = np.empty(prod(shape), object)
        values[:] = [Fraction(int(a), int(b)) for a, b in parts]
        return values.reshape(shape)
    real = rng.standard_normal(shape)
    return (real + 1j * rng.standard_normal(shape) if kind == "c" else real).astype(dtype)


def disguised(array: np.ndarray, how: str) -> np.ndarray:
    """Return an array of the same numbers that lie in memory otherwise."""
    if how == "fortran":
        return np.asfortranarray(array)
    if how == "strided":
        spread = np.zeros([2 * n + 1 for n in array.shape], array.dtype)
        view = spread[(slice(1, None, 2),) * array.ndim]
        view[...] = array
        return view
    if how == "backward":
        return np.flip(np.flip(array).copy())
    if how == "swapped" and array.dtype.kind not in "Ob":
        return array.astype(array.dtype.newbyteorder())
    same = array.copy()
    same.flags.writeable = how != "frozen"
    return same


DISGUISES = ("plain", "fortran", "strided", "backward", "swapped", "frozen")


@st.composite
def layers(draw: st.DrawFn, rules: tuple[str, ...] = RULES) -> Layer:
    """A layer of 1 to 3 axes with any options, in one of the ways to write them."""
    ndim = draw(st.integers(1, 3))
    longest, most = {1: (150, 9), 2: (40, 4), 3: (9, 3)}[ndim]
    sizes = (*draw(_per_axis(ndim - 1, st.integers(1, 6))), draw(st.integers(1, longest)))
    strides = draw(_per_axis(ndim, st.sampled_from((1, 1, 2, 3, 5))))
    dilations = draw(_per_axis(ndim, st.sampled_from((1, 1, 2, 3))))
    wanted = draw(_per_axis(ndim, st.integers(1, most)))
    amount = st.integers(0, draw(st.sampled_from((0, 2, 2, 9))))
    sides = draw(_per_axis(ndim, st.tuples(amount, amount)))
    named = draw(st.sampled_from(("same", "valid", None, None, None)))
    if named == "valid":
        sides = ((0, 0),) * ndim
    room = [n if named == "same" else n + sum(p) for n, p in zip(sizes, sides, strict=True)]
    taps = tuple(
        min(k, (free - 1) // d + 1) for k, free, d in zip(wanted, room, dilations, strict=True)
    )
    if named == "same":
        reach = [d * (k - 1) for d, k in zip(dilations, taps, strict=True)]
        sides = tuple((r // 2, r - r // 2) for r in reach)
    groups = draw(st.sampled_from((1, 1, 2, 3)))
    inputs = groups * draw(st.sampled_from((1, 1, 2, 3)))
    outputs = groups * draw(st.sampled_from((1, 1, 2, 3)))
    edges = draw(_per_axis(ndim, st.tuples(st.sampled_from(rules), st.sampled_from(rules))))
    if draw(st.booleans()):
        edges = (edges[0][:1] * 2,) * ndim
    keywords = {
        "stride": draw(_written(strides)),
        "dilation": draw(_written(dilations)),
        "padding": named or draw(_written_padding(sides)),
        "boundary": _written_boundary(edges),
        "groups": groups,
        "flip": draw(st.booleans()),
        "layout": draw(st.sampled_from(LAYOUTS)),
    }
    layer = Layer(
        draw(st.integers(1, 3)),
        inputs,
        outputs,
        groups,
        sizes,
        taps,
        strides,
        dilations,
        sides,
        edges,
        keywords["flip"],
        keywords,
    )
    assume(prod(layer.y_shape[2:]) * prod(taps) * groups <= _MOST_PAIRS)
    return layer


def _per_axis(ndim: int, entries: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*(entries for _ in range(ndim)))


def _written(entries: Shape) -> st.SearchStrategy[Any]:
    """Draw one of the ways to give integers per axis."""
    ways: list[Any] = [entries, list(entries), np.array(entries)]
    return st.sampled_from([*ways, entries[0]] if len(set(entries)) == 1 else ways)


def _written_padding(sides: tuple[tuple[int, int], ...]) -> st.SearchStrategy[Any]:
    ways: list[Any] = [sides, [list(pair) for pair in sides], np.array(sides)]
    if all(before == after for before, after in sides):
        ways.append([before for before, _ in sides])
    if len({side for pair in sides for side in pair}) == 1:
        ways.append(sides[0][0])
    return st.sampled_from(ways)


def _written_boundary(edges: tuple[tuple[str, str], ...]) -> Any:
    entries = [before if before == after else (before, after) for before, after in edges]
    alike = len(set(entries)) == 1 and isinstance(entries[0], str)
    return entries[0] if alike else entries
