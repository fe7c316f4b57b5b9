"""What a kernel's values allow: passes of 1-D sums in place of one N-D sum.

A product of 1-D kernels, h[i, j] = u[i] v[j], takes K_0 + K_1 products per output where the sum as
it stands takes K_0 K_1. The largest tap p tells whether there is one: its row and its column,
divided by p, multiply to h / p. Any other kernel is a sum of such products, by singular values; few
of them serve where the rest is small enough to leave out.
"""

from __future__ import annotations

from functools import lru_cache, reduce
from math import ceil, log2, prod, sqrt
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.dtypes import Array, DType

__all__ = ["Product", "Structure", "find_structure", "products_of"]

_ROUNDINGS = 8
"""Units of eps that rounding may part a product of 1-D kernels from its own row and column."""

_LARGEST = (1 << 63) - 1

# Kernels of up to so many bytes are taken apart once, and not for each call.
_REMEMBERED_BYTES = 1 << 16


class Structure(NamedTuple):
    """How 1-D kernels make up a kernel.

    `kind` is ``constant`` where all taps are equal, ``product``, ``sum`` of `terms` products, or
    empty where there is no such structure. What the products leave out has a Euclidean norm of
    `error` at most, relative to the kernel's; `tolerance` is what they were allowed to. `real` taps
    meet the real and imaginary parts of complex samples one by one.
    """

    kind: str = ""
    terms: int = 0
    error: float = 0.0
    tolerance: float = 0.0
    real: bool = False

    def covers(self, other: Structure | None) -> bool:
        """Tell whether a plan made for this structure serves a kernel of the structure `other`."""
        if other is None or not self.kind or (self.real and not other.real):
            return False
        if other.kind == "constant":
            return self.kind != "sum"
        same = self[:2] == other[:2] and self.tolerance == other.tolerance
        return same and other.error <= self.error

    def __str__(self) -> str:
        if self.kind == "sum":
            count = "1 product" if self.terms == 1 else f"{self.terms} products"
            return f"{count} of 1-D kernels, truncated by {self.error:.1e} |kernel|"
        names = {"": "no product of 1-D kernels", "product": "a product of 1-D kernels"}
        return names.get(self.kind, "a constant")


class Product(NamedTuple):
    """A scale, and one factor an axis: floating ones reach 1, whole ones have no common divisor."""

    scale: Any
    factors: tuple[Array, ...]

    def ordered(self, axes: tuple[int, ...], dtype: DType) -> tuple[Array, ...]:
        """Return the factors of passes along `axes`, the first of which takes the scale.

        No sum is larger then than one of |h| |x|.
        """
        first, *others = (self.factors[axis] for axis in axes)
        with np.errstate(all="ignore"):
            first = (first * self.scale).astype(dtype)
            return (first, *(factor.astype(dtype) for factor in others))


@np.errstate(all="ignore")
def find_structure(
    taps: Array, compute: DType, *, rtol: float | None = None, several: bool = False
) -> Structure:
    """Return what the values of a kernel allow.

    Parameters
    ----------
    taps : array
        The kernel, convolved axes only, two taps at least on each.
    compute : dtype
        In which the passes will run; integers stand for any dtype that holds the sums exactly.
    rtol : float, optional
        What an answer may err by, relative to the kernel's norm; half of it is spent here. By
        default a kernel is taken for a product only where rounding explains the difference.
    several : bool
        Whether a sum of several products is looked for, by singular values.
    """
    real = compute.kind == "c" and (taps.dtype.kind != "c" or not taps.imag.any())
    if real:
        taps, compute = taps.real, np.zeros((), compute).real.dtype
    found = _found_structure(taps, compute, rtol, several)
    return found._replace(real=real) if found.kind else found


@np.errstate(all="ignore")
def products_of(taps: Array, structure: Structure, compute: DType) -> list[Product]:
    """Return the products of 1-D kernels that add up to `taps`; those of `real` taps are real."""
    if structure.real:
        taps, compute = taps.real, np.zeros((), compute).real.dtype
    if structure.kind == "sum":
        return _decomposed(_wide(taps), structure.tolerance)
    if structure.kind == "constant" or _is_constant(taps):
        return [Product(taps.flat[0], tuple(np.ones(n, taps.dtype) for n in taps.shape))]
    small = taps.nbytes <= _REMEMBERED_BYTES
    product = _found_product(taps, compute)[0] if small else _only_product(taps, compute)
    assert product is not None
    return [product]


def _found_structure(taps: Array, compute: DType, rtol: float | None, several: bool) -> Structure:
    first = taps.flat[0]
    if first != 0 and _is_constant(taps) and _is_finite(first, compute):
        return Structure("constant", 1)
    if taps.ndim == 1:
        return Structure()
    rounding = _rounding(compute)
    product, serves = _found_product(taps, compute)
    if product is not None and serves:
        is_whole = product.factors[0].dtype.kind == "i"
        return Structure("product", 1, 0.0 if is_whole else rounding, rounding)
    if not several or taps.dtype.kind not in "fc":
        return Structure()
    if not np.isfinite(taps.astype(compute, copy=False)).all():
        return Structure()
    tolerance = rounding + sqrt(taps.size) * float(np.finfo(compute).eps)
    return _several(taps, max(tolerance, rtol / 2) if rtol is not None else tolerance)


def _is_constant(taps: Array) -> bool:
    # The last tap tells most kernels from constant ones.
    first = taps.flat[0]
    return bool(first == taps.flat[-1] and (taps == first).all())


def _rounding(compute: DType) -> float:
    return 0.0 if compute.kind in "iu" else _ROUNDINGS * float(np.finfo(compute).eps)


def _is_finite(largest: Any, compute: DType) -> bool:
    """Tell whether taps no larger than `largest` are finite in the dtype of computation."""
    # An infinite tap meets each sample by itself, a NaN is larger than nothing.
    return compute.kind not in "fc" or bool(abs(largest) <= np.finfo(compute).max)


def _found_product(taps: Array, compute: DType) -> tuple[Product | None, bool]:
    """Return the only product that `taps` may be, if any, and whether passes by it serve."""
    if taps.nbytes > _REMEMBERED_BYTES:
        return _tried_product(taps, compute)
    return _remembered_product(taps.tobytes(), taps.shape, taps.dtype, compute)


@lru_cache(maxsize=16)
def _remembered_product(
    data: bytes, shape: tuple[int, ...], dtype: DType, compute: DType
) -> tuple[Product | None, bool]:
    return _tried_product(np.frombuffer(data, dtype).reshape(shape), compute)


def _tried_product(taps: Array, compute: DType) -> tuple[Product | None, bool]:
    product = _only_product(taps, compute)
    if product is None or product.factors[0].dtype.kind == "i":
        return product, product is not None
    if not _is_finite(product.scale, compute):
        return product, False
    h = taps.astype(np.result_type(taps, compute), copy=False)
    serves = _is_explained(h / product.scale, product, compute)
    return product, serves and _keeps_signs(h, product, compute)


def _only_product(taps: Array, compute: DType) -> Product | None:
    """Return the row and the column through the largest tap, whole ones if they are the kernel."""
    if taps.dtype.kind in "biu":
        return _whole_product(taps)
    h = taps.astype(np.result_type(taps, compute), copy=False)
    at = _largest(h)
    scale = h[at]
    if not np.isfinite(scale) or scale == 0:
        return None
    if scale.real == np.rint(scale.real) and abs(scale) < 1 << 31 and h.dtype.kind == "f":
        whole = _whole_product(h.astype(np.int64)) if (h == np.rint(h)).all() else None
        if whole is not None:
            return whole
    return Product(scale, tuple(row / scale for row in _rows_through(h, at)))


def _is_explained(relative: Array, product: Product, compute: DType) -> bool:
    """Tell whether rounding explains what parts a kernel, relative to its scale, from factors."""
    rest = reduce(np.multiply.outer, product.factors)
    rest -= relative
    norms = [_energy(part) for part in (rest, relative)]
    tolerance = _rounding(compute)
    if not norms[0] <= tolerance**2 * norms[1]:
        return False
    # Of each tap as well, or a single one of many might differ by far more. In n dimensions its
    # factors have n**2 + n - 1 eps at most, complex ones about twice as much.
    tolerance *= (relative.ndim - 1) * (2 if relative.dtype.kind == "c" else 1)
    smallest = np.finfo(compute).smallest_subnormal
    spacing = 2 * relative.ndim * (smallest + smallest / abs(product.scale))
    rest, most = np.abs(rest), np.abs(relative)
    most *= tolerance
    most += spacing
    over = rest > most
    if not over.any():
        return True
    # An exponential carries the rounding of its argument, and so grows its error with that.
    rest, taps = rest[over], np.abs(relative[over])
    return bool((rest <= tolerance * taps * (1 - np.log(taps)) + spacing).all())


def _keeps_signs(h: Array, product: Product, compute: DType) -> bool:
    """Tell whether passes over infinite samples give what the kernel as it stands would give.

    A factor must be 0 where a tap is, and only there: in every dtype from that of the computation,
    which may be widened, to the taps' own.
    """
    if compute.kind == "c":
        # Of complex results only the places of what is not finite are specified.
        return True
    between = [np.dtype(char) for char in "fdg"]
    sizes = range(compute.itemsize, h.dtype.itemsize + 1)
    return all(_has_signs(h, product, dtype) for dtype in between if dtype.itemsize in sizes)


def _has_signs(h: Array, product: Product, dtype: DType) -> bool:
    signs = [np.sign(factor.astype(dtype)).astype(np.int8) for factor in product.factors]
    signs[0] *= np.int8(np.sign(product.scale))
    return bool((reduce(np.multiply.outer, signs) == np.sign(h.astype(dtype))).all())


def _whole_product(taps: Array) -> Product | None:
    """Return the factors of an integer kernel that is exactly a product of integer kernels.

    By Gauss's lemma such a kernel is its common divisor times rows without one.
    """
    if int(taps.max()) > _LARGEST or int(taps.min()) < -_LARGEST:
        return None
    h = taps.astype(np.int64)
    at = _largest(h)
    if not h[at]:
        return None
    factors = tuple(row // np.gcd.reduce(row) for row in _rows_through(h, at))
    corner = prod(int(factor[i]) for factor, i in zip(factors, at, strict=True))
    scale, rest = divmod(int(h[at]), corner)
    if rest:
        return None
    # No product is larger than the largest tap: none of them wraps around.
    equal = (scale * reduce(np.multiply.outer, factors) == h).all()
    return Product(scale, factors) if equal else None


def _largest(h: Array) -> tuple[int, ...]:
    """Return where the largest magnitude is; NaN counts as such."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(np.abs(h))), h.shape))


def _rows_through(h: Array, at: tuple[int, ...]) -> tuple[Array, ...]:
    """Return the row along each axis that goes through the element `at`."""
    index: list[Any] = [(*at[:i], slice(None), *at[i + 1 :]) for i in range(h.ndim)]
    return tuple(h[one] for one in index)


def _several(taps: Array, tolerance: float) -> Structure:
    """Return the structure of the fewest products that leave out `tolerance` at most."""
    h = _wide(taps)
    terms = _decomposed(h, tolerance)
    if not terms or len(terms) * sum(h.shape) >= h.size:
        return Structure()
    peak = np.abs(h).max()
    made = np.asarray(sum(term.scale * reduce(np.multiply.outer, term.factors) for term in terms))
    rest, whole = (sqrt(_energy(part / peak)) for part in (h - made, h))
    error = rest / whole + _ROUNDINGS * float(np.finfo(h.dtype).eps)
    # Rounded up to a power of two, so that similar kernels share a plan.
    error = min(2.0 ** ceil(log2(error)), max(error, tolerance))
    return Structure("sum", len(terms), error, tolerance)


def _decomposed(h: Array, tolerance: float) -> list[Product]:
    """Return orthogonal products; what they leave out is spread evenly over axes and terms."""
    peak = np.abs(h).max()
    if peak == 0:
        return []
    h = h / peak
    budget = tolerance**2 * _energy(h) / (h.ndim - 1)
    return [Product(peak, factors) for factors in _split(h, budget)]


def _split(h: Array, budget: float) -> list[tuple[Array, ...]]:
    """Return products by the singular values of the rows of `h`, and then of each term's rows."""
    if h.ndim == 1:
        return [(h,)]
    # Of the transpose: LAPACK takes half the time for a tall matrix.
    right, values, left = np.linalg.svd(h.reshape(len(h), -1).T, full_matrices=False)
    left_out = np.cumsum(values[::-1] ** 2)[::-1]
    kept = max(1, int(np.count_nonzero(left_out > budget)))
    rows = (right[:, :kept] * values[:kept]).T.reshape(kept, *h.shape[1:])
    return [(left[i], *term) for i in range(kept) for term in _split(rows[i], budget / kept)]


def _energy(array: Array) -> float:
    """Return the sum of squared magnitudes, not by BLAS: its threads go on spinning for a while."""
    flat = np.ascontiguousarray(array).view(array.real.dtype).ravel()
    return float(np.einsum("i,i->", flat, flat))


def _wide(taps: Array) -> Array:
    return taps.astype(np.complex128 if taps.dtype.kind == "c" else np.float64, copy=False)
