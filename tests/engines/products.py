"""Kernels that are products of 1-D kernels, and calls drawn with them."""

from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
from hypothesis import strategies as st

from sigconv.engines import ENGINES
from sigconv.engines.compiled import has_numba
from sigconv.testing import cases, check_engine

LOOPS = ("numpy", *(["numba"] if has_numba() else []))


def outer(*factors):
    return reduce(np.multiply.outer, factors)


def gaussian(radius, sigma, ndim=1):
    g = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return outer(*[g / g.sum()] * ndim)


@st.composite
def products(draw, /, constant=False, **options):
    """Draw a call whose kernel is a product of 1-D kernels, the same for a whole batch."""
    case = draw(cases(**options))
    x, h, axes = case.signal, case.kernel, case.keywords["axes"]
    axes = range(x.ndim) if axes is None else axes
    taps = [n if h.ndim < x.ndim or i in axes else 1 for i, n in enumerate(h.shape)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    is_float = h.dtype.kind in "fc"

    def numbers(shape):
        low = 0 if h.dtype.kind in "bu" else -3
        return rng.standard_normal(shape) if is_float else rng.integers(low, 4, shape)

    kernel = np.full(taps, numbers(())) if constant else outer(1, *map(numbers, taps))
    if h.dtype.kind == "c":
        kernel = kernel * (0.6 - 0.8j)
    return replace(case, kernel=np.asarray(kernel).astype(h.dtype))


@st.composite
def spoiled(draw, /, constant=False):
    """Draw a real case with NaN and infinities among the samples, and zeros among the taps."""
    case = draw(products(constant, dtypes=("float32", "float64"), min_size=1))
    special = st.sampled_from([np.nan, np.inf, -np.inf])
    for _ in range(draw(st.sampled_from([1, 3, 40]))):
        case.signal.flat[draw(st.integers(0, case.signal.size - 1))] = draw(special)
    if case.kernel.ndim and not constant and draw(st.booleans()):
        # A plane of zero taps keeps the kernel a product.
        case.kernel[draw(st.integers(0, len(case.kernel) - 1))] = 0
    return case


def structure_of(plan) -> Any:
    """Return what the plan's problem tells about the kernel."""
    return plan.problem.structure


def checked(case, **options):
    """Return how many plans ran, after comparing them with the definition."""
    engine = ENGINES["separable"]
    return check_engine(engine, case.signal, case.kernel, **options, **case.keywords)
