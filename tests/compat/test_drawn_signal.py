"""Drawn calls of every function of `sigconv.compat.signal` end as SciPy's do, errors included.

Each call has one odd argument at most. What docs/ports.md lists as different is not drawn, and has
tests of its own.
"""

from typing import Any

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from sigconv.compat import signal
from sigconv.testing import samples
from tests.compat.outcomes import assert_same_outcome

DTYPES = ["uint8", "int16", "int32", "int64", "float32", "float64", "complex64", "complex128"]
MODES = ["full", "same", "valid"]
BOUNDARIES = ["fill", "pad", "wrap", "circular", "symm", "symmetric"]
ODD_AXES: list[Any] = [2, -3, (0, 2), (0, 0), 0.5, (0.5,), "a", [], ()]
ODD_FILLS: list[Any] = [-1, 300, 1j, np.nan, np.inf, "a", object(), [1, 2], [], 10**400]


def drawn_pair(data, ndim: int):
    """Two arrays of `ndim` dimensions that every mode accepts, either one the larger."""
    shape = [data.draw(st.integers(1, 7)) for _ in range(ndim)]
    taps = [data.draw(st.integers(1, n)) for n in shape]
    first, second = data.draw(st.permutations([shape, taps]))
    dtypes = st.sampled_from(DTYPES)
    x = data.draw(samples(tuple(first), data.draw(dtypes)))
    return x, data.draw(samples(tuple(second), data.draw(dtypes)))


def compare(name: str, x, h, keywords: dict[str, Any]) -> None:
    fill = keywords.get("fillvalue")
    fill = fill if isinstance(fill, int | float) and abs(fill) < 1e9 else 0
    scale = max(1.0, *np.abs(x).ravel().astype(float), abs(fill)) * float(
        np.abs(h).sum(dtype=float) + 1
    )
    if name in ("fftconvolve", "oaconvolve") and "f" in x.dtype.char.lower() + h.dtype.char.lower():
        scale *= 1e8  # SciPy transforms in single precision what meets wide integers
    assert_same_outcome(
        getattr(signal, name), getattr(scipy.signal, name), (x, h), keywords, scale=scale
    )


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@given(data=st.data())
def test_drawn_sums_end_as_scipys(name: str, data) -> None:
    x, h = drawn_pair(data, data.draw(st.integers(1, 3)))
    # In the smaller of two images, SciPy multiplies NaN with zeros beyond the edges.
    if x.dtype.kind in "fc" and x.size >= h.size and data.draw(st.booleans()):
        x.flat[data.draw(st.integers(0, x.size - 1))] = data.draw(st.sampled_from([np.nan, np.inf]))
    keywords = {"mode": data.draw(st.sampled_from(MODES)), "method": "direct"}
    odd = data.draw(st.sampled_from([None, None, "mode", "method", "ndim"]))
    if odd == "ndim":
        h = h[..., np.newaxis]
    elif odd is not None:
        keywords[odd] = data.draw(st.sampled_from(["other", None, 3]))
    if not np.isfinite(x).all():
        # Where SciPy exchanges the inputs, a complex NaN gets another imaginary part.
        x, h = x.real, h.real
    compare(name, x, h, keywords)


@pytest.mark.parametrize("name", ["fftconvolve", "oaconvolve"])
@given(data=st.data())
def test_drawn_fft_convolutions_end_as_scipys(name: str, data) -> None:
    ndim = data.draw(st.integers(1, 3))
    x, h = drawn_pair(data, ndim)
    named = data.draw(st.permutations(range(ndim)))[: data.draw(st.integers(1, ndim))]
    axes: Any = data.draw(st.sampled_from([None, tuple(named), named[0]]))
    keywords = {"mode": data.draw(st.sampled_from(MODES)), "axes": axes}
    odd = data.draw(st.sampled_from([None, None, "mode", "axes"]))
    if odd == "mode":
        keywords[odd] = data.draw(st.sampled_from(["other", None, 3]))
    elif odd == "axes":
        keywords[odd] = data.draw(st.sampled_from([a for a in ODD_AXES if a != 2 or ndim < 3]))
    compare(name, x, h, keywords)


@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
@given(data=st.data())
def test_drawn_planar_sums_end_as_scipys(name: str, data) -> None:
    x, h = drawn_pair(data, 2)
    mode = data.draw(st.sampled_from(MODES))
    if name == "correlate2d" and mode == "valid" and h.size > x.size:
        x, h = h, x  # SciPy conjugates the other input
    keywords = {
        "mode": mode,
        "boundary": data.draw(st.sampled_from(BOUNDARIES)),
        "fillvalue": data.draw(st.sampled_from([0, 3, 2.75, np.float32(1), True])),
    }
    odd = data.draw(st.sampled_from([None, "mode", "boundary", "fillvalue", "fillvalue"]))
    if odd == "fillvalue":
        keywords[odd] = data.draw(st.sampled_from(ODD_FILLS))
    elif odd is not None:
        keywords[odd] = data.draw(st.sampled_from(["reflect", None, 3]))
    compare(name, x, h, keywords)


@given(
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    mode=st.sampled_from([*MODES, "other", None]),
)
def test_drawn_lags_are_scipys(sizes, mode: Any) -> None:
    if mode == "same" and sizes[0] % 2 and sizes[1] % 2 == 0:
        return
    assert_same_outcome(
        signal.correlation_lags, scipy.signal.correlation_lags, sizes, {"mode": mode}
    )


@given(data=st.data(), mode=st.sampled_from([*MODES, "other", None]))
def test_a_method_is_chosen_where_scipy_chooses_one(data, mode: Any) -> None:
    x, h = drawn_pair(data, data.draw(st.integers(1, 3)))
    if mode in MODES:
        assert signal.choose_conv_method(x, h, mode) in ("direct", "fft")
    else:
        compare("choose_conv_method", x.real * 1.0, h.real * 1.0, {"mode": mode})
