"""Sums along rows: any layout, any rim, one row at a time or two."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

import sigconv as sc
from sigconv.engines import compiled as loops
from sigconv.engines import execute, prepare
from sigconv.engines.compiled import has_numba
from sigconv.engines.rows import TapList, compiled_sums, row_axis, sliced_sums
from sigconv.testing import naive_convolve

RNG = np.random.default_rng(12)
compiled = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


def whole(shape, dtype="float64"):
    """Whole numbers, whose sums are exact in every dtype."""
    return RNG.integers(-9, 9, shape).astype(dtype)


# Kernels of 64 taps and more take two rows at a time.
SHAPES = [
    ((40,), (7,)),
    ((5000,), (130,)),
    ((24, 300), (9, 9)),
    ((25, 30), (8, 9)),
    ((5, 60), (2, 40)),
    ((6, 7, 90), (3, 4, 9)),
    ((70, 3, 20), (64, 1, 2)),
    ((4, 5, 6), (6, 7, 9)),
    ((3, 4, 5, 20), (2, 3, 2, 6)),
]


@compiled
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int64"])
@pytest.mark.parametrize(("shape", "taps"), SHAPES)
def test_samples_that_do_not_exist_add_nothing(shape, taps, dtype):
    x, h = whole(shape, dtype), whole(taps, dtype)
    full = np.empty(tuple(n + k - 1 for n, k in zip(shape, taps, strict=True)), dtype)
    assert compiled_sums(x, TapList.of(h), full, (0,) * x.ndim)
    np.testing.assert_array_equal(full, naive_convolve(x, h))
    shifts = tuple(k // 2 for k in taps)
    part = tuple(slice(s, s + n) for s, n in zip(shifts, shape, strict=True))
    same = np.empty(shape, dtype)
    compiled_sums(x, TapList.of(h), same, shifts)
    np.testing.assert_array_equal(same, full[part])


@compiled
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("taps", [(3, 2, 4), (9, 9, 1), (1, 8, 9)])
def test_rows_lie_along_whichever_axis_is_contiguous(taps, order):
    x = np.ascontiguousarray(whole((20, 21, 22)).transpose(order)).transpose(np.argsort(order))
    h = whole(taps)
    assert row_axis(x) == order[-1]
    out = np.empty(tuple(n + k - 1 for n, k in zip(x.shape, taps, strict=True)))
    compiled_sums(x, TapList.of(h), out, (0, 0, 0))
    np.testing.assert_array_equal(out, naive_convolve(x, h))


@compiled
def test_batches_strides_and_byte_order_do_not_matter():
    x, h = whole((4, 30, 40)), whole((9, 8))
    expected = naive_convolve(x, h, axes=(1, 2))
    for data in (x[:, ::-1], np.repeat(x, 2, axis=2)[..., ::2], np.broadcast_to(x[:1], x.shape)):
        out = np.empty((38, 47, 4)).transpose(2, 0, 1)[:, ::-1]
        compiled_sums(data, TapList.of(h), out, (0, 0))
        np.testing.assert_array_equal(out, naive_convolve(data, h, axes=(1, 2)))
    part = x[:, :, :]
    part.flags.writeable = False
    out = np.empty(expected.shape)
    compiled_sums(part, TapList.of(h), out, (0, 0))
    np.testing.assert_array_equal(out, expected)


@compiled
@pytest.mark.parametrize("taps", [(3, 3), (9, 9)])
@pytest.mark.parametrize("place", [(0, 0), (10, 30), (19, 59), (11, 30)])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_told_and_reaches_its_outputs(value, place, taps):
    x, h = whole((20, 60)), 1 + np.abs(whole(taps))
    x[place] = value
    out = np.empty((20 + taps[0] - 1, 60 + taps[1] - 1))
    assert not compiled_sums(x, TapList.of(h), out, (0, 0))
    np.testing.assert_array_equal(out, naive_convolve(x, h))


@pytest.mark.parametrize(("shape", "taps"), SHAPES[:6])
def test_slices_give_the_same(shape, taps):
    x, h = whole(shape), whole(taps)
    expected = naive_convolve(x, h)
    data = np.pad(x, [(k - 1, k - 1) for k in taps])
    out = np.empty(expected.shape)
    sliced_sums(data, h, out)
    np.testing.assert_array_equal(out, expected)


@compiled
def test_rows_that_no_tap_reaches_are_zero():
    h = np.zeros((5, 5))
    h[0, 2] = 1.0
    taps = TapList.of(h, sparse=True)
    x = whole((6, 50))
    for _ in range(20):
        # What was freed is read by whoever reads what does not exist.
        del [np.full(n, np.nan) for n in (1, 2, 3, 4, 5, 6, 7, 8) * 50][:]
        out = np.empty((10, 54))
        assert compiled_sums(x, taps, out, (0, 0))
        np.testing.assert_array_equal(out, naive_convolve(x, h))


@compiled
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shapes", [((1, 300, 300), (7, 1, 9)), ((1, 24, 13), (9, 1, 5))])
def test_axes_of_one_sample_do_not_mix_up_the_order_in_memory(shapes, dtype):
    x, h = (np.asfortranarray(RNG.standard_normal(shape).astype(dtype)) for shape in shapes)
    loops.load(np.dtype(dtype))
    expected = sc.convolve(np.ascontiguousarray(x), h, method="fft")
    np.testing.assert_allclose(sc.convolve(x, h, method="direct"), expected, atol=1e-4)


LAYOUTS: dict[str, Callable[..., Any]] = {
    "C": lambda x: x,
    "F": np.asfortranarray,
    "every other": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "backwards": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "first axis last": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0),
}
SOURCES = {"f4": ["f4", "u1", "i8", "bool"], "f8": ["f8", "f4"], "c8": ["c8", "i2", "f4"]}


@pytest.fixture(params=["converted by the loop", "by NumPy"])
def moves(request, monkeypatch):
    """Whether the loop converts elements, or NumPy does until that is loaded."""
    if request.param == "by NumPy":
        monkeypatch.setattr(loops, "mover", lambda *dtypes: None)
        return
    for sums, sources in SOURCES.items():
        for source in sources:
            loops.load_mover(np.dtype(source), np.dtype(sums))
    for sums, result in [("f4", "i8"), ("f4", "u8"), ("f8", "i8"), ("f8", "u8")]:
        loops.load_mover(np.dtype(sums), np.dtype(result))


def in_blocks(x, h, out_order, **keywords):
    """The sums by blocks of the compiled loop."""
    plan = replace(sc.plan(x, h, method="direct", **keywords), loop="numba")
    problem = plan.problem
    out = np.empty(problem.result_shape, problem.dtypes.result, order=out_order)
    prepared = prepare(plan, problem.kernel_view(h))
    execute(prepared, problem.signal_view(x), problem.result_view(out), grid=plan.grid)
    return out


@compiled
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("shape", "taps", "axes"),
    [
        ((3000,), (5,), None),
        ((12, 400), (3, 4), None),
        ((20, 30, 3), (3, 3), (0, 1)),
        ((3, 20, 30), (3, 3), (1, 2)),
        ((4, 5, 300), (2, 3, 2), None),
        ((300, 5, 4), (2, 1, 3), None),
        ((600, 2), (9,), 0),
    ],
)
def test_arrays_of_any_layout_and_dtype_are_summed_where_they_lie(shape, taps, axes, layout, moves):
    for (sums, sources), mode in product(SOURCES.items(), ["full", "same"]):
        for source, rule in product(sources, ["zero", "constant", "edge", "wrap", "reflect"]):
            x = LAYOUTS[layout](RNG.integers(0, 9, shape).astype(source))
            h = whole(taps, "f4" if sums == "c8" else sums)
            h = h if sums != "c8" else (h + 1j * h[::-1]).astype("c8")
            keywords = {"axes": axes, "boundary": rule, "dtype": sums, "mode": mode}
            if rule == "constant":
                keywords["fill_value"] = 2.0
            expected = naive_convolve(x, h, **keywords)
            for order in "CF":
                np.testing.assert_array_equal(in_blocks(x, h, order, **keywords), expected)


@compiled
@pytest.mark.parametrize("layout", [*LAYOUTS, "repeated", "every other row"])
@pytest.mark.parametrize(("source", "sums"), [("f4", "f4"), ("f8", "f4"), ("u1", "f8")])
@pytest.mark.parametrize("h", [whole((5, 7)), whole((2, 31)) * (RNG.random((2, 31)) < 0.2)])
def test_bits_do_not_depend_on_who_converts(source, sums, layout, h, monkeypatch):
    lay = LAYOUTS.get(layout, np.asfortranarray)
    h = (h / 7).astype(sums)
    loops.load_mover(np.dtype(source), np.dtype(sums))
    loops.load_mover(np.dtype(sums), np.dtype(sums))
    for shape in ((90, 130), (300, 20)):
        x = lay((RNG.standard_normal(shape) * 30).astype(source))
        if layout == "repeated":
            x = np.broadcast_to(x[:1], shape)
        elif layout == "every other row":
            x = np.repeat(x, 2, axis=0)[::2]
        for order, rule in product("CF", ["zero", "wrap"]):
            keywords = {"boundary": rule, "mode": "same", "dtype": sums}
            expected = in_blocks(x, h, order, **keywords)
            with monkeypatch.context() as patch:
                patch.setattr(loops, "mover", lambda *dtypes: None)
                np.testing.assert_array_equal(in_blocks(x, h, order, **keywords), expected)


@compiled
@pytest.mark.parametrize("source", ["u1", "i2", "bool", "i8"])
@pytest.mark.parametrize("scale", [1, 1000, 10**9])
@pytest.mark.parametrize(("shape", "taps"), [((60, 300), (3, 5)), ((9, 1500), (15, 15))])
def test_whole_numbers_come_back_whole_by_any_lanes(shape, taps, source, scale, moves):
    x = np.asfortranarray(RNG.integers(0, 2, shape).astype(source))
    h = scale * whole(taps, "i8")
    for rule in ("zero", "symmetric"):
        keywords: dict[str, Any] = {"mode": "same", "boundary": rule}
        y = in_blocks(x, h, "C", **keywords)
        assert y.dtype == np.int64
        np.testing.assert_array_equal(y, naive_convolve(x, h, **keywords))


@compiled
@pytest.mark.parametrize("fill", [np.inf, np.nan, 1.0])
@pytest.mark.parametrize("value", [np.inf, np.nan, 1.0])
@pytest.mark.parametrize("rest", [0.0, 1.0])
def test_what_is_not_finite_in_the_constant_reaches_every_tap(fill, value, rest):
    h = np.full((5, 5), rest)
    h[0, 1], h[4, 4] = 1.0, value
    x = whole((30, 300))
    keywords = {"mode": "same", "boundary": "constant", "fill_value": fill}
    with np.errstate(all="ignore"):
        expected = naive_convolve(x, h, **keywords)
    np.testing.assert_array_equal(in_blocks(x, h, "C", **keywords), expected)
