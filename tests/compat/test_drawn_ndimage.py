"""Drawn calls of every filter of `sigconv.compat.ndimage` end as SciPy's do, errors included.

Each call has one odd argument at most, so that there is one error to raise. What docs/ports.md
lists as different is not drawn, and has tests of its own.
"""

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import assume, given
from hypothesis import strategies as st

from sigconv.compat import ndimage
from sigconv.testing import samples
from tests.compat.outcomes import assert_same_outcome

RULES = ["reflect", "mirror", "nearest", "wrap", "constant"]
RULES += ["grid-mirror", "grid-wrap", "grid-constant"]

ALONG_ONE = {"convolve1d", "correlate1d", "gaussian_filter1d", "uniform_filter1d"}
ALONG_EACH = {"gaussian_filter", "gaussian_laplace", "laplace", "uniform_filter"}
WEIGHTED = {"convolve", "correlate", "convolve1d", "correlate1d"}
AVERAGES = {"uniform_filter", "uniform_filter1d"}
DRAWN = sorted(ALONG_ONE | ALONG_EACH | WEIGHTED | {"sobel", "prewitt"})

FLOATS = ["float32", "float64", "complex64", "complex128"]
INTEGERS = ["uint8", "int16", "int32", "uint32", "int64"]
OUTPUTS = [None, None, "float64", np.float32, np.dtype(">f8"), np.int16, "int32", np.uint8]

ODD: dict[str, list[Any]] = {
    "cval": ["a", "3", None, [1], [1, 2], (), 1j, 10**400, b"1", object(), np.array([2.0])],
    "output": [complex, np.complex64, "complex128", object, "O", str, "M8[s]", "bool", "nonsense"],
    "mode": ["edge", "", None, 3, ["reflect"] * 4, ["edge"], b"wrap"],
    "origin": [9, -9, "a", None],
    "axis": [5, -5, 0.5, "a", None],
    "axes": [(0, 5), (-5,), (0, 0), 0.5, (0.5,), "a", ("a",), object(), np.array(0)],
    "size": [None, "3", 1j, [3] * 4],
    "sigma": [None, 1j, [1.0] * 4, np.inf],
}


def parameters(name: str) -> set[str]:
    """The keywords that a filter takes, besides its image and weights."""
    known = {"output", "mode", "cval"}
    known |= {"axes"} if name in ALONG_EACH or name in ("convolve", "correlate") else {"axis"}
    known |= {"origin"} if name in WEIGHTED | AVERAGES else set()
    known |= {"size"} if name in AVERAGES else set()
    return known | ({"sigma"} if name.startswith("gaussian") else set())


@st.composite
def images(draw, name: str):
    ndim = draw(st.integers(1, 3))
    shape = tuple(draw(st.integers(1, 6)) for _ in range(ndim))
    # Of integers, Gaussians differ where rounding decides.
    dtypes = FLOATS if name.startswith("gaussian") else FLOATS + INTEGERS
    image = draw(samples(shape, draw(st.sampled_from(dtypes))))
    if image.dtype.kind in "fc" and name not in AVERAGES and draw(st.booleans()):
        image[tuple(n // 2 for n in shape)] = np.nan
    return image


@st.composite
def calls(draw, name: str):
    """An image, and the other arguments by name."""
    image = draw(images(name))
    ndim = image.ndim
    taken = parameters(name)
    axes = draw(st.permutations(range(ndim)))[: draw(st.integers(1, ndim))]
    count = len(axes) if "axes" in taken else ndim
    per_axis = name in ALONG_EACH or name in ("sobel", "prewitt")

    def entries(one):
        if per_axis and draw(st.booleans()):
            return draw(st.lists(one, min_size=count, max_size=count))
        return draw(one)

    cvals = [0, 2.5, -3, np.float32(1.5), True, np.array(2)]
    cvals += [np.nan, np.inf] if name not in AVERAGES else []
    cvals += [1 - 2j] if image.dtype.kind == "c" else []
    keywords: dict[str, Any] = {
        "mode": entries(st.sampled_from(RULES)),
        "cval": draw(st.sampled_from(cvals)),
        "output": draw(st.sampled_from(OUTPUTS)),
        "axis": draw(st.integers(-ndim, ndim - 1)),
        "axes": draw(st.sampled_from([None, tuple(axes)])) if len(axes) == ndim else tuple(axes),
        "size": entries(st.integers(1, 20)),
        "sigma": entries(st.sampled_from([0.4, 1, 2.5])),
        "origin": 0,
    }
    taps: tuple[int, ...] = ()
    if name in WEIGHTED:
        taps = tuple(draw(st.integers(1, 8)) for _ in range(count if "axes" in taken else 1))
        weights = draw(samples(taps, draw(st.sampled_from(["int8", "float32", "complex128"]))))
        keywords["weights"] = weights + (weights == 0)
        reach = min(taps)
        keywords["origin"] = draw(st.integers(-(reach // 2), (reach - 1) // 2))
    odd = draw(st.sampled_from([None, None, *sorted(taken & ODD.keys())]))
    if odd is not None:
        # SciPy loses errors beside a byte-swapped output, and reads text beside a complex image.
        keywords["output"] = None
        is_complex = image.dtype.kind == "c" or keywords.get("weights", image).dtype.kind == "c"
        is_read = odd == "cval" and is_complex
        keywords[odd] = draw(st.sampled_from([None, [1, 2]] if is_read else ODD[odd]))
    kept = {key: keywords[key] for key in keywords if key in taken or key == "weights"}
    return image, kept


def is_integer(image, keywords) -> bool:
    """Tell whether results are cut to integers."""
    output = keywords["output"]
    try:
        return (image.dtype if output is None else np.dtype(output)).kind in "biu"
    except TypeError:
        return False


def is_undefined(image, keywords) -> bool:
    """Tell whether NaN or infinity is converted to an integer."""
    try:
        finite = np.isfinite(image).all() and np.isfinite(keywords["cval"]).all()
    except (TypeError, ValueError):
        return False
    return is_integer(image, keywords) and not finite


@pytest.mark.parametrize("name", DRAWN)
@given(data=st.data())
def test_drawn_filters_end_as_scipys(name: str, data) -> None:
    image, keywords = data.draw(calls(name))
    if is_undefined(image, keywords):
        return
    # SciPy cuts 254.999... to 254, which is a listed difference with a test of its own.
    assume(not (name.startswith("gaussian") and is_integer(image, keywords)))
    largest = np.nanmax([1.0, *np.abs(image).ravel().astype(float)])
    assert_same_outcome(
        getattr(ndimage, name),
        getattr(scipy.ndimage, name),
        (image,),
        keywords,
        scale=30 * float(largest),
    )


@pytest.mark.parametrize("name", sorted(ALONG_EACH | {"convolve", "correlate"}))
def test_axes_named_in_any_order_meet_their_entries_as_in_scipy(name: str) -> None:
    image = np.random.default_rng(11).standard_normal((6, 7, 8))
    peers = {"gaussian_filter": "sigma", "gaussian_laplace": "sigma", "uniform_filter": "size"}
    for axes in [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0), (2, 0), (1, 0), (-1, 0)]:
        count = len(axes)
        keywords: dict[str, Any] = {"axes": axes}
        if name in peers:
            keywords[peers[name]] = (1, 2, 3)[:count]
        if name in ALONG_EACH:
            keywords["mode"] = ["wrap", "nearest", "mirror"][:count]
        else:
            keywords["weights"] = np.arange(60.0).reshape(3, 4, 5)[(0,) * (3 - count)]
            keywords["origin"] = (-1, 0, 1)[:count]
        theirs = getattr(scipy.ndimage, name)(image, **keywords)
        ours = getattr(ndimage, name)(image, **keywords)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
