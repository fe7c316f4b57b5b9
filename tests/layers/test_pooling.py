"""Pooling is the maximum and the mean of windows, and its gradients are the derivatives."""

import tracemalloc
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sigconv.errors import DTypeError, IntegerOverflowError, OptionError, ShapeError
from sigconv.layers import avg_pool, avg_pool_grad, max_pool, max_pool_grad, windows
from sigconv.layers.arguments import as_channels_first

LAYOUTS = ("channels_first", "channels_last")
DTYPES = ("?", "i1", "u8", "f2", "f4", "f8", "g")


def starts_of(n: int, size: int, stride: int, padding: int, dilation: int, ceil: bool) -> list[int]:
    """The first position of each window: as many as fit, or as start inside."""
    span = dilation * (size - 1) + 1
    starts = []
    start = -padding
    while start + span <= n + padding or (
        ceil and start < n and (start + span < n + padding + stride)
    ):
        starts.append(start)
        start += stride
    return starts


def windows_by_loops(
    shape: tuple[int, ...], keywords: dict[str, Any]
) -> list[tuple[tuple[int, ...], list[tuple[int, ...]], int]]:
    """For each output its index, the places of its window in C order, and its padded volume."""
    ndim = len(shape)
    axes = []
    for j in range(ndim):
        size, stride, padding, dilation = (
            keywords[name][j] for name in ("size", "stride", "padding", "dilation")
        )
        starts = starts_of(shape[j], size, stride, padding, dilation, keywords["ceil_mode"])
        axes.append(
            [
                (
                    [
                        start + dilation * k
                        for k in range(size)
                        if 0 <= start + dilation * k < shape[j]
                    ],
                    min(size, shape[j] + padding - start),
                )
                for start in starts
            ]
        )
    found = []
    for index in product(*(range(len(axis)) for axis in axes)):
        parts = [axes[j][q] for j, q in enumerate(index)]
        volume = int(np.prod([counted for _, counted in parts]))
        found.append((index, list(product(*(places for places, _ in parts))), volume))
    return found


def pooled_by_loops(x: np.ndarray, keywords: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Maxima and their places, of (batch, channels, *space), sample by sample."""
    space = x.shape[2:]
    found = windows_by_loops(space, keywords)
    lengths = tuple(n + 1 for n in found[-1][0])
    values = np.empty(x.shape[:2] + lengths, x.dtype)
    indices = np.empty(values.shape, np.int64)
    for b, c in np.ndindex(x.shape[:2]):
        for index, places, _ in found:
            best = places[0]
            for place in places[1:]:
                if x[b, c][place] > x[b, c][best] or x[b, c][place] != x[b, c][place]:
                    best = place
            values[(b, c, *index)] = x[b, c][best]
            indices[(b, c, *index)] = np.ravel_multi_index(best, space)
    return values, indices


def means_by_loops(x: np.ndarray, keywords: dict[str, Any], count_padding: bool) -> np.ndarray:
    found = windows_by_loops(x.shape[2:], keywords)
    values = np.empty(x.shape[:2] + tuple(n + 1 for n in found[-1][0]), np.longdouble)
    for b, c in np.ndindex(x.shape[:2]):
        for index, places, volume in found:
            total = sum(np.longdouble(x[b, c][place]) for place in places)
            values[(b, c, *index)] = total / (volume if count_padding else len(places))
    return values


@st.composite
def pools(draw: st.DrawFn, *, dilated: bool = True) -> tuple[tuple[int, ...], dict[str, Any]]:
    """A shape (batch, channels, *space), and keywords for which each window meets a sample."""
    ndim = draw(st.integers(1, 3))
    per_axis: dict[str, list[int]] = {"size": [], "stride": [], "padding": [], "dilation": []}
    space = []
    ceil = draw(st.booleans())
    for _ in range(ndim):
        size, stride = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        dilation = draw(st.integers(1, 3)) if dilated else 1
        padding = draw(st.integers(0, size // 2))
        n = draw(st.integers(1, 9 if ndim < 3 else 5))
        starts = starts_of(n, size, stride, padding, dilation, ceil)
        assume(starts)
        for start in starts:
            assume(any(0 <= start + dilation * k < n for k in range(size)))
        space.append(n)
        for name, value in zip(per_axis, (size, stride, padding, dilation), strict=True):
            per_axis[name].append(value)
    shape = draw(st.integers(1, 2)), draw(st.integers(1, 3)), *space
    return shape, {**{k: tuple(v) for k, v in per_axis.items()}, "ceil_mode": ceil}


def drawn(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    # Few values, so that there are ties.
    rng = np.random.default_rng(seed)
    return rng.integers(0, 5, shape).astype(dtype)


def spoilt(x: np.ndarray, seed: int) -> np.ndarray:
    """The same with some NaN, where the dtype has it."""
    if x.dtype.kind == "f":
        x[np.random.default_rng(seed).random(x.shape) < 0.1] = np.nan
    return x


def laid_out(x: np.ndarray, layout: str) -> np.ndarray:
    return x if layout == "channels_first" else np.ascontiguousarray(np.moveaxis(x, 1, -1))


def averaging(keywords: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in keywords.items() if name != "dilation"}


@given(pools(), st.sampled_from(DTYPES), st.sampled_from(LAYOUTS), st.integers(0, 99))
@example(
    (
        (1, 1, 2),
        {"size": (3,), "stride": (2,), "padding": (0,), "dilation": (1,), "ceil_mode": True},
    ),
    "f8",
    "channels_first",
    0,
)
def test_maxima_and_their_places_are_those_of_the_windows(pool, dtype, layout, seed):
    shape, keywords = pool
    x = spoilt(drawn(shape, dtype, seed), seed)
    values, indices = pooled_by_loops(x, keywords)
    given_x = laid_out(x, layout)
    got = max_pool(given_x, **keywords, layout=layout, return_indices=True)
    assert got.values.dtype == x.dtype
    assert got.indices.dtype == np.int64
    np.testing.assert_array_equal(as_channels_first(got.values, layout), values)
    np.testing.assert_array_equal(as_channels_first(got.indices, layout), indices)
    np.testing.assert_array_equal(max_pool(given_x, **keywords, layout=layout), got.values)


@given(
    pools(dilated=False),
    st.sampled_from(DTYPES),
    st.sampled_from(LAYOUTS),
    st.booleans(),
    st.integers(0, 99),
)
def test_means_are_those_of_the_windows(pool, dtype, layout, count_padding, seed):
    shape, keywords = pool
    x = drawn(shape, dtype, seed)
    expected = means_by_loops(x, keywords, count_padding)
    got = avg_pool(
        laid_out(x, layout), **averaging(keywords), count_padding=count_padding, layout=layout
    )
    assert got.dtype == (x.dtype if x.dtype.kind == "f" else float)
    rtol = 4 * float(np.finfo(got.dtype).eps)
    np.testing.assert_allclose(as_channels_first(got, layout), expected, rtol=rtol)


@given(pools(), st.sampled_from(LAYOUTS), st.integers(0, 99))
def test_the_gradient_of_the_maximum_goes_to_the_maximum(pool, layout, seed):
    shape, keywords = pool
    x = laid_out(drawn(shape, "f8", seed), layout)
    y, indices = max_pool(x, **keywords, layout=layout, return_indices=True)
    grad = np.random.default_rng(seed).integers(-9, 10, y.shape)
    expected = np.zeros(shape, np.int64)
    first, places = as_channels_first(grad, layout), as_channels_first(indices, layout)
    for b, c, *q in np.ndindex(first.shape):
        expected[b, c].reshape(-1)[places[(b, c, *q)]] += first[(b, c, *q)]
    got = max_pool_grad(grad, indices, x.shape, layout=layout)
    assert got.dtype == np.int64
    np.testing.assert_array_equal(as_channels_first(got, layout), expected)


@given(pools(dilated=False), st.sampled_from(LAYOUTS), st.booleans(), st.integers(0, 99))
def test_the_gradient_of_the_mean_is_its_adjoint(pool, layout, count_padding, seed):
    shape, keywords = pool
    options = {**averaging(keywords), "count_padding": count_padding, "layout": layout}
    rng = np.random.default_rng(seed)
    x = laid_out(rng.standard_normal(shape), layout)
    y = avg_pool(x, **options)
    grad = rng.standard_normal(y.shape)
    back = avg_pool_grad(grad, x.shape, **options)
    assert back.shape == x.shape
    np.testing.assert_allclose(np.sum(back * x), np.sum(grad * y), rtol=1e-10, atol=1e-10)


def test_gradients_are_finite_differences():
    rng = np.random.default_rng(1)
    x = rng.permutation(2 * 2 * 7 * 6).reshape(2, 2, 7, 6).astype(float)
    options: dict[str, Any] = {"size": (3, 2), "stride": 2, "padding": 1, "ceil_mode": True}
    y, indices = max_pool(x, **options, return_indices=True)
    grad = rng.standard_normal(y.shape)
    for pool, back in (
        (max_pool, max_pool_grad(grad, indices, x.shape)),
        (avg_pool, avg_pool_grad(grad, x.shape, **options)),
    ):
        numeric = np.empty_like(x)
        for place in np.ndindex(x.shape):
            # Samples are whole numbers: a step of 1/4 changes no order.
            up, down = x.copy(), x.copy()
            up[place] += 0.25
            down[place] -= 0.25
            numeric[place] = 2 * np.sum(grad * (pool(up, **options) - pool(down, **options)))
        np.testing.assert_allclose(back, numeric, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [2, 9])
@pytest.mark.parametrize("block_bytes", [1, 500, 3000])
def test_blocks_of_any_size_give_the_same(monkeypatch, block_bytes, channels, layout):
    x = laid_out(np.random.default_rng(3).standard_normal((3, channels, 11, 10)), layout)
    options: dict[str, Any] = {"size": 3, "stride": 2, "padding": 1, "layout": layout}

    def everything() -> list[np.ndarray]:
        y, indices = max_pool(x, **options, return_indices=True)
        return [
            y,
            indices,
            avg_pool(x, **options, count_padding=False),
            max_pool_grad(y, indices, x.shape, layout=layout),
            avg_pool_grad(y, x.shape, **options, count_padding=False),
        ]

    at_once = everything()
    monkeypatch.setattr(windows, "_BLOCK_BYTES", block_bytes)
    for whole, pieces in zip(at_once, everything(), strict=True):
        np.testing.assert_allclose(pieces, whole, rtol=1e-13)


def test_pooling_takes_little_memory_beside_its_result():
    x = np.zeros((1, 1, 1024, 1024), np.float32)
    options: dict[str, Any] = {"size": 5, "stride": 1, "padding": 2}
    _, indices = max_pool(x, **options, return_indices=True)
    for call in (
        lambda: max_pool(x, **options),
        lambda: avg_pool(x, **options),
        lambda: avg_pool_grad(x, x.shape, **options),
        lambda: max_pool(x, **options, return_indices=True),
        lambda: max_pool_grad(x, indices, x.shape),
    ):
        tracemalloc.start()
        result = call()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        own = sum(part.nbytes for part in (result if isinstance(result, tuple) else [result]))
        assert peak < own + 5 * 2**20


def test_nan_is_the_maximum_of_its_windows_and_the_mean():
    x = np.array([[[np.nan, 1.0, 3.0, 4.0, np.nan, np.nan, 0.0, 1.0]]])
    values, indices = max_pool(x, 2, return_indices=True)
    np.testing.assert_array_equal(values, [[[np.nan, 4, np.nan, 1]]])
    np.testing.assert_array_equal(indices, [[[0, 3, 5, 7]]])
    np.testing.assert_array_equal(avg_pool(x, 2), [[[np.nan, 3.5, np.nan, 0.5]]])


def test_infinities_pool_without_a_warning():
    x = np.array([[[np.inf, -np.inf, np.inf, 1.0]]])
    np.testing.assert_array_equal(max_pool(x, 2), [[[np.inf, np.inf]]])
    np.testing.assert_array_equal(avg_pool(x, 2), [[[np.nan, np.inf]]])
    np.testing.assert_array_equal(avg_pool_grad(x, (1, 1, 5), 2, stride=1)[0, 0, 1], np.nan)
    np.testing.assert_array_equal(max_pool_grad(x, np.zeros(x.shape, int), (1, 1, 1)), np.nan)


def test_windows_of_hundreds_of_samples_have_places():
    x = np.zeros((1, 1, 30, 20))
    x[0, 0, 28, 11] = 1
    assert max_pool(x, (30, 20), return_indices=True).indices.item() == 28 * 20 + 11


def test_the_first_of_equal_samples_in_c_order_is_the_maximum():
    # The largest value is on the second row in column 0, and on the first row in column 1.
    x = np.array([[[[0, 7], [7, 0]]]])
    assert max_pool(x, 2, return_indices=True).indices.item() == 1
    least = np.full((1, 1, 3), -np.inf)
    np.testing.assert_array_equal(
        max_pool(least, 3, stride=1, padding=1, return_indices=True).indices, [[[0, 0, 1]]]
    )


def test_padding_is_never_the_maximum():
    x = np.full((1, 1, 3), np.iinfo(np.int64).min)
    np.testing.assert_array_equal(max_pool(x, 3, stride=1, padding=1), x)


def test_padding_may_differ_from_side_to_side():
    x = np.arange(1.0, 6)[None, None]
    np.testing.assert_array_equal(max_pool(x, 2, stride=1, padding=[(0, 1)]), [[[2, 3, 4, 5, 5]]])
    np.testing.assert_array_equal(max_pool(x, 2, stride=1, padding="same"), [[[2, 3, 4, 5, 5]]])
    np.testing.assert_array_equal(
        avg_pool(x, 2, stride=1, padding=[(1, 0)]), [[[0.5, 1.5, 2.5, 3.5, 4.5]]]
    )


def test_a_window_cut_off_by_ceil_mode_is_divided_by_what_lies_on_the_padding():
    # Windows start at -1, 2, 5: the last has the sample 5, one padded zero, and nothing after it.
    x = np.full((1, 1, 6), 6.0)
    options: dict[str, Any] = {"stride": 3, "padding": 1, "ceil_mode": True}
    np.testing.assert_array_equal(avg_pool(x, 4, **options), [[[4.5, 6 * 4 / 4, 3.0]]])
    np.testing.assert_array_equal(avg_pool(x, 4, **options, count_padding=False), [[[6, 6, 6]]])


def test_exact_numbers_stay_exact():
    x = np.array([[[Fraction(1, 3), Fraction(1, 2), 2, Fraction(5)]]], object)
    assert max_pool(x, 2).tolist() == [[[Fraction(1, 2), 5]]]
    assert avg_pool(x, 2).tolist() == [[[Fraction(5, 12), Fraction(7, 2)]]]
    assert avg_pool_grad(x[..., :2], x.shape, 2).tolist() == [
        [[Fraction(1, 6), Fraction(1, 6), Fraction(1, 4), Fraction(1, 4)]]
    ]


def test_float16_means_do_not_overflow():
    x = np.full((1, 1, 4), 60000, np.float16)
    np.testing.assert_array_equal(avg_pool(x, 4), [[[60000]]])
    back = max_pool_grad(np.ones((1, 1, 4096), np.float16), np.zeros((1, 1, 4096), int), (1, 1, 1))
    assert back.dtype == np.float16
    assert back.item() == 4096


def test_complex_numbers_have_means_and_no_maxima():
    x = np.array([[[1 + 2j, 3 - 2j]]])
    np.testing.assert_array_equal(avg_pool(x, 2), [[[2]]])
    with pytest.raises(DTypeError, match="no order"):
        max_pool(x, 2)


@pytest.mark.parametrize("dtype", [">f4", ">i2"])
def test_arrays_of_any_strides_and_byte_order_pool(dtype):
    x = np.arange(96).reshape(2, 2, 4, 6).astype(dtype)
    expected = max_pool(x.astype(dtype[1:]), 2)
    got = max_pool(x, 2)
    assert got.dtype == np.dtype(dtype[1:])
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(max_pool(np.asfortranarray(x), 2), expected)
    np.testing.assert_array_equal(max_pool(x[::-1, :, ::-1], 2), expected[::-1, :, ::-1])


def test_nothing_in_the_batch_pools_to_nothing():
    for shape in ((0, 3, 4), (2, 0, 4)):
        x = np.zeros(shape)
        y, indices = max_pool(x, 2, return_indices=True)
        assert y.shape == indices.shape == avg_pool(x, 2).shape == (*shape[:2], 2)
        assert max_pool_grad(y, indices, shape).shape == shape
        assert avg_pool_grad(y, shape, 2).shape == shape


def test_an_input_is_not_written_to():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    x.flags.writeable = False
    y, indices = max_pool(x, 2, return_indices=True)
    for array in (y, indices):
        array.flags.writeable = False
    max_pool_grad(y, indices, x.shape)
    avg_pool_grad(y, x.shape, 2)
    avg_pool(x, 1)[...] = 0
    max_pool(x, 1)[...] = 0


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (OptionError, "at most half", lambda x: max_pool(x, 3, padding=2)),
        (OptionError, "at most half", lambda x: avg_pool(x, 1, padding=1)),
        (OptionError, "size must be", lambda x: max_pool(x, 0)),
        (OptionError, "stride must be", lambda x: max_pool(x, 2, stride=0)),
        (OptionError, "dilation must be", lambda x: max_pool(x, 2, dilation=1.5)),
        (OptionError, "layout must be", lambda x: avg_pool(x, 2, layout="NCHW")),
        (ShapeError, "each window needs a sample", lambda x: max_pool(x, 7)),
        (ShapeError, "each window needs a sample", lambda x: max_pool(x[..., :0], 2, padding=1)),
        (
            ShapeError,
            "each window needs a sample",
            lambda x: max_pool(x[..., :2], (1, 2), padding=(0, 1), dilation=(1, 3)),
        ),
        (ShapeError, "one entry per axis", lambda x: max_pool(x, (2, 2, 2))),
        (ShapeError, "3 to 5 axes", lambda x: max_pool(x[0, 0], 2)),
        (ShapeError, "indices has the shape", lambda x: max_pool_grad(x, [[[0]]], x.shape)),
        (ShapeError, "input_shape has", lambda x: max_pool_grad(x, x.astype(int), (1, 2, 6, 6))),
        (ShapeError, "pass its shape", lambda x: max_pool_grad(x, x.astype(int), x)),
        (ShapeError, "input_shape has", lambda x: max_pool_grad(x, x.astype(int), (2,))),
        (ShapeError, "pass its shape", lambda x: avg_pool_grad(x, x, 2)),
        (ShapeError, "input_shape is a tuple", lambda x: avg_pool_grad(x, (1, 1, -6), 2)),
        (OptionError, "from 0 to 8", lambda x: max_pool_grad(x, x.astype(int), (1, 1, 3, 3))),
        (OptionError, "to 36", lambda x: max_pool_grad(x, x.astype(int) + 1, x.shape)),
        (OptionError, "got -1", lambda x: max_pool_grad(x, x.astype(int) - 1, x.shape)),
        (DTypeError, "must be integers", lambda x: max_pool_grad(x, x, x.shape)),
        (ShapeError, "grad has the shape", lambda x: avg_pool_grad(x, (1, 1, 6, 6), 2)),
        (ShapeError, "input_shape has", lambda x: avg_pool_grad(x, (1, 6, 6), 2)),
    ],
)
def test_what_cannot_be_pooled_is_refused(error, match, call):
    with pytest.raises(error, match=match):
        call(np.arange(36.0).reshape(1, 1, 6, 6))


def test_sums_of_errors_that_may_not_fit_are_refused():
    grad = np.full((1, 1, 2), 2**62)
    with pytest.raises(IntegerOverflowError):
        max_pool_grad(grad, np.zeros((1, 1, 2), int), (1, 1, 3))


@given(pools(), st.integers(0, 99))
def test_maxima_are_torchs(torch, pool, seed):
    shape, keywords = pool
    x = spoilt(drawn(shape, "f4", seed), seed)
    peer = torch.tensor(x, requires_grad=True)
    function = getattr(torch.nn.functional, f"max_pool{len(shape) - 2}d")
    options = {**keywords, "kernel_size": keywords["size"]}
    del options["size"]
    values, indices = function(peer, **options, return_indices=True)
    got = max_pool(x, **keywords, return_indices=True)
    np.testing.assert_array_equal(got.values, values.detach().numpy())
    np.testing.assert_array_equal(got.indices, indices.numpy())
    grad = np.random.default_rng(seed).integers(-9, 10, got.values.shape).astype("f4")
    values.backward(torch.tensor(grad))
    np.testing.assert_array_equal(max_pool_grad(grad, got.indices, shape), peer.grad.numpy())


@given(pools(dilated=False), st.booleans(), st.integers(0, 99))
def test_means_are_torchs(torch, pool, count_padding, seed):
    shape, keywords = pool
    # In 3-D torch takes no window that is longer than the signal, padded or not.
    assume(len(shape) < 5 or all(np.less_equal(keywords["size"], shape[2:])))
    x = drawn(shape, "f4", seed)
    peer = torch.tensor(x, requires_grad=True)
    function = getattr(torch.nn.functional, f"avg_pool{len(shape) - 2}d")
    size, options = keywords["size"], averaging(keywords)
    del options["size"]
    y = function(peer, size, **options, count_include_pad=count_padding)
    got = avg_pool(x, size, **options, count_padding=count_padding)
    np.testing.assert_allclose(got, y.detach().numpy(), rtol=1e-6)
    y.backward(torch.tensor(got))
    back = avg_pool_grad(got, shape, size, **options, count_padding=count_padding)
    np.testing.assert_allclose(back, peer.grad.numpy(), rtol=1e-5)
