"""convolve, circular_convolve and plan: sizes, dtypes, layouts, out, and every refusal."""

import threading
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from scipy import ndimage, signal

import sigconv as sc
from sigconv.engines import ENGINES
from sigconv.errors import (
    BoundaryError,
    DTypeError,
    IntegerOverflowError,
    MethodError,
    ModeError,
    OptionError,
    ShapeError,
    SigconvError,
)

RNG = np.random.default_rng(2026)
METHODS = tuple(name for name in ENGINES if name not in ("separable", "exact"))

NDIMAGE_MODES: dict[str, Any] = {
    "symmetric": "reflect",
    "reflect": "mirror",
    "edge": "nearest",
    "wrap": "grid-wrap",
    "constant": "constant",
}


def test_long_multiplication_without_carries():
    np.testing.assert_array_equal(sc.convolve([3, 2, 1], [1, 1, 2]), [3, 5, 9, 5, 2])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (50, 7), (50, 8), (7, 7), (3000, 700)])
def test_one_dimension_agrees_with_scipy(method, mode, n, k):
    x, h = RNG.standard_normal(n), RNG.standard_normal(k)
    expected = signal.convolve(x, h, mode, method="direct")
    np.testing.assert_allclose(sc.convolve(x, h, mode, method=method), expected, atol=1e-11)


@pytest.mark.parametrize("boundary", NDIMAGE_MODES)
@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (1, 6)])
@pytest.mark.parametrize("method", METHODS)
def test_boundaries_agree_with_ndimage(boundary, shape, method):
    x, h = RNG.standard_normal((12, 17)), RNG.standard_normal(shape)
    fill = 2.5 if boundary == "constant" else 0.0
    expected = ndimage.convolve(x, h, mode=NDIMAGE_MODES[boundary], cval=fill)
    center = tuple(k // 2 for k in shape)
    y = sc.convolve(x, h, "same", boundary=boundary, fill_value=fill, center=center, method=method)
    np.testing.assert_allclose(y, expected, atol=1e-12)


def test_same_mode_keeps_first_input_shape():
    assert sc.convolve(np.ones(3), np.ones(10), "same").shape == (3,)
    assert sc.convolve(np.ones((4, 9)), np.ones((7, 2)), "same").shape == (4, 9)


def test_center_zero_is_the_causal_filter():
    x, h = RNG.standard_normal(40), RNG.standard_normal(5)
    expected = signal.lfilter(h, [1.0], x)
    np.testing.assert_allclose(sc.convolve(x, h, "same", center=0), expected, atol=1e-13)


def test_valid_swaps_a_kernel_that_covers_the_signal():
    x, h = RNG.standard_normal((3, 4)), RNG.standard_normal((5, 6))
    expected = signal.convolve(x, h, "valid", method="direct")
    for boundary in ("zero", "wrap"):
        y = sc.convolve(x, h, "valid", boundary=boundary)
        np.testing.assert_allclose(y, expected, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_kernel_longer_than_the_signal_repeats_the_extension(method):
    x, h = RNG.standard_normal(3), RNG.standard_normal(40)
    padded = np.pad(x, 39, mode="wrap")
    expected = np.convolve(padded, h, "valid")
    y = sc.convolve(x, h, "full", boundary="wrap", method=method)
    np.testing.assert_allclose(y, expected[: 3 + 40 - 1], atol=1e-12)


def test_axes_apply_a_kernel_to_each_row():
    x, h = RNG.standard_normal((6, 5, 30)), RNG.standard_normal(4)
    expected = np.apply_along_axis(np.convolve, 2, x, h)
    np.testing.assert_allclose(sc.convolve(x, h, axes=-1), expected, atol=1e-13)


def test_batch_axes_broadcast_kernels_over_channels():
    x, h = RNG.standard_normal((100, 1)), RNG.standard_normal((9, 3))
    y = sc.convolve(x, h, axes=0)
    expected = np.stack([np.convolve(x[:, 0], h[:, c]) for c in range(3)], axis=1)
    np.testing.assert_allclose(y, expected, atol=1e-13)


def test_kernel_dimensions_follow_the_order_of_axes():
    x, h = RNG.standard_normal((8, 3, 9)), RNG.standard_normal((2, 4))
    y = sc.convolve(x, h, axes=(2, 0))
    expected = signal.convolve(x, h.T[:, np.newaxis, :], method="direct")
    np.testing.assert_allclose(y, expected, atol=1e-13)


def test_scalars_multiply():
    assert sc.convolve(3, 4) == 12
    assert sc.convolve(3.0, 4.0, "same", boundary="constant", fill_value=1) == 12
    with pytest.raises(BoundaryError, match="magic"):
        sc.convolve(3, 4, boundary="magic")
    np.testing.assert_array_equal(sc.convolve([1.0, 2.0], 3), [3.0, 6.0])


@pytest.mark.parametrize(("n", "k"), [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("method", METHODS)
def test_empty_inputs_give_an_empty_axis(n, k, method):
    y = sc.convolve(np.ones((n, 4)), np.ones((k, 2)), method=method)
    assert y.shape == (0, 5)


def test_weak_list_keeps_the_signal_precision():
    assert sc.convolve(np.ones(3, np.float32), [0.5, 0.5]).dtype == np.float32
    assert sc.convolve(np.ones(3, np.float32), np.array([0.5, 0.5])).dtype == np.float64
    assert sc.convolve(np.ones(3, np.float32), [1j]).dtype == np.complex64


def test_float16_computes_in_float32():
    x = np.full(5000, 0.1, np.float16)
    y = sc.convolve(x, np.ones(1000, np.float16), "valid")
    assert y.dtype == np.float16
    np.testing.assert_array_equal(y, np.float16(np.float32(x[0]) * 1000))


def test_dtype_sets_computation_and_result():
    image = np.full((4, 4), 200, np.uint8)
    y = sc.convolve(image, np.ones((2, 2), np.uint8), "valid", dtype=np.float32)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, np.full((3, 3), 800, np.float32))


def test_longdouble_keeps_its_precision():
    x = np.array([1, 0, 0], np.longdouble) + np.finfo(np.longdouble).eps
    for method in METHODS:
        y = sc.convolve(x, np.ones(2, np.longdouble), method=method)
        assert y.dtype == np.longdouble
        assert abs(y[0] - x[0]) <= 4 * np.finfo(np.longdouble).eps


def test_integers_beyond_float_precision_are_exact():
    x = np.array([2**53 + 1, 1, 2**40])
    np.testing.assert_array_equal(sc.convolve(x, [1, 3]), np.convolve(x, [1, 3]))


def test_integer_overflow_is_an_error():
    with pytest.raises(IntegerOverflowError, match=r"9223372036854775807.*astype\(float\)"):
        sc.convolve(np.array([2**62, 2**62]), np.array([1, 1]))


@pytest.mark.parametrize(
    "change",
    {
        "fortran": np.asfortranarray,
        "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
        "negative strides": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
        "every other": lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
        "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(
            a.shape
        ),
    }.items(),
    ids=lambda item: item[0],
)
@pytest.mark.parametrize("method", METHODS)
def test_memory_layout_changes_nothing(change, method):
    _, transform = change
    x, h = RNG.standard_normal((70, 80)), RNG.standard_normal((5, 6))
    expected = sc.convolve(x, h, method=method)
    odd = transform(x)
    odd.flags.writeable = False
    kernel = transform(h)
    np.testing.assert_array_equal(odd, x)
    np.testing.assert_allclose(sc.convolve(odd, kernel, method=method), expected, atol=1e-13)


def test_memory_mapped_input_stays_as_it_was(tmp_path):
    path = tmp_path / "x.npy"
    x = RNG.standard_normal(100_000)
    np.save(path, x)
    y = sc.convolve(np.load(path, mmap_mode="r"), np.ones(300), "same")
    np.testing.assert_allclose(y, np.convolve(x, np.ones(300), "same"), atol=1e-9)
    np.testing.assert_array_equal(np.load(path), x)


@pytest.mark.parametrize("method", METHODS)
def test_out_receives_the_result(method):
    x, h = RNG.standard_normal(500), RNG.standard_normal(20)
    out = np.full(1038, 7.0)[::2]
    assert sc.convolve(x, h, out=out, method=method) is out
    np.testing.assert_allclose(out, np.convolve(x, h), atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_out_may_overlap_the_input(method):
    x, h = RNG.standard_normal(3000), RNG.standard_normal(30)
    expected = sc.convolve(x, h, "same", method=method)
    buffer = np.concatenate([x, np.zeros(10)])
    sc.convolve(buffer[:3000], h, "same", out=buffer[10:], method=method)
    np.testing.assert_array_equal(buffer[10:], expected)


@pytest.mark.parametrize("method", METHODS)
def test_the_method_asked_for_is_the_one_that_runs(method, monkeypatch):
    class Refusing:
        def __init__(self, engine):
            self.name, self.refusal, self.candidates = (
                engine.name,
                engine.refusal,
                engine.candidates,
            )

        def prepare(self, plan, kernel):
            raise AssertionError(f"{self.name} ran")

    for name, engine in ENGINES.items():
        if name != method:
            monkeypatch.setitem(ENGINES, name, Refusing(engine))
    x, h = RNG.standard_normal(100), RNG.standard_normal(9)
    np.testing.assert_allclose(sc.convolve(x, h, method=method), np.convolve(x, h), atol=1e-12)


@pytest.mark.parametrize("shape", [(200_000,), (300, 400), (40, 50, 60)])
@pytest.mark.parametrize("method", METHODS)
def test_result_does_not_depend_on_workers(shape, method):
    x = RNG.standard_normal(shape)
    h = RNG.standard_normal((5,) * len(shape))
    results = [sc.convolve(x, h, method=method, workers=n) for n in (1, 2, 5)]
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_calls_from_many_threads_give_the_same_bits():
    x, h = RNG.standard_normal(20_000), RNG.standard_normal(900)
    expected = sc.convolve(x, h)
    wrong: list[int] = []

    def call():
        wrong.extend(i for i in range(40) if not np.array_equal(sc.convolve(x, h), expected))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_circular_convolution_folds_longer_inputs():
    y = sc.circular_convolve([1, 2, 3, 4, 5], [1, 0, 0, 1], shape=3)
    np.testing.assert_array_equal(y, 2 * np.array([5, 7, 3]))


def test_circular_convolution_of_chosen_axes():
    x, h = RNG.standard_normal((4, 10)), RNG.standard_normal(13)
    product = np.fft.rfft(x, axis=1) * np.fft.rfft(np.pad(h, (0, 7)).reshape(2, 10).sum(0))
    expected = np.fft.irfft(product, 10, axis=1)
    np.testing.assert_allclose(sc.circular_convolve(x, h, axes=1), expected, atol=1e-12)


def test_plan_takes_shapes_and_prints_every_engine():
    plan = sc.plan((1000, 1000), (31, 31), "same", boundary="reflect")
    text = str(plan)
    for word in (*ENGINES, "reflect", "mode same", "(1000, 1000)"):
        assert word in text


def test_plan_replays_the_same_bits():
    x, h = RNG.standard_normal(5000), RNG.standard_normal(70)
    for method in METHODS:
        plan = sc.plan(x, h, method=method)
        assert plan.method == method
        expected = sc.convolve(x, h, method=method)
        np.testing.assert_array_equal(sc.convolve(x, h, method=plan), expected)


def test_plan_of_another_problem_is_refused():
    with pytest.raises(MethodError, match=r"made for \(10,\) \* \(3,\)"):
        sc.convolve(np.ones(11), np.ones(3), method=sc.plan((10,), (3,)))


def test_long_kernels_go_to_an_fft_and_short_ones_do_not():
    assert sc.plan((100_000,), (5,)).method == "direct"
    assert sc.plan((1_000_000,), (5_000,)).method == "overlap-save"


X, H = np.ones((4, 5)), np.ones((2, 2))

REFUSALS: dict[str, tuple[Any, ...]] = {
    "mode": (ModeError, "'full', 'same' or 'valid'", (X, H, "middle"), {}),
    "ndimage's mode": (ModeError, "boundary='symmetric'", (X, H, "reflect"), {}),
    "method": (MethodError, "overlap-save", (X, H), {"method": "magic"}),
    "boundary": (BoundaryError, "symmetric", (X, H), {"boundary": "magic"}),
    "fill_value": (BoundaryError, "constant", (X, H), {"fill_value": 1.0}),
    "flat pair": (
        BoundaryError,
        r"\[\('zero', 'edge'\)\]",
        (np.ones(4), np.ones(2)),
        {"boundary": ("zero", "edge")},
    ),
    "valid": (ModeError, r"\(4, 5\) and \(8, 2\)", (X, np.ones((8, 2)), "valid"), {}),
    "dimensions": (ShapeError, "axes=-1", (X, np.ones(2)), {}),
    "axes": (ShapeError, "between -2 and 1", (X, np.ones(2)), {"axes": 2}),
    "repeated axes": (ShapeError, "differ", (X, H), {"axes": (0, -2)}),
    "broadcast": (ShapeError, "broadcast", (X, np.ones((2, 3))), {"axes": 0}),
    "center": (ShapeError, "between 0 and taps-1", (X, H, "same"), {"center": 2}),
    "center without same": (ShapeError, "mode='same'", (X, H), {"center": 0}),
    "nan_policy": (OptionError, "propagate", (X, H), {"nan_policy": "magic"}),
    "workers": (OptionError, "positive integer", (X, H), {"workers": 0}),
    "out's shape": (ShapeError, r"\(5, 6\)", (X, H), {"out": np.ones((4, 5))}),
    "out's dtype": (DTypeError, "float32", (X, H), {"out": np.ones((5, 6), np.float32)}),
    "out's type": (DTypeError, "list", (X, H), {"out": [1.0]}),
    "complex to real": (DTypeError, "complex", (X * 1j, H), {"dtype": float}),
    "objects": (DTypeError, "object", (np.array([1, None]), np.ones(2)), {}),
    "strings": (DTypeError, "must hold numbers", (np.array(["a"]), np.ones(1)), {}),
    "ragged": (DTypeError, "rectangular", ([[1, 2], [3]], np.ones(1)), {}),
    "datetimes": (DTypeError, "timedelta64", (np.array(["2026-01-01"], "M8"), [1]), {}),
    "masked": (DTypeError, "filled", (np.ma.masked_equal([1, 2], 2), [1]), {}),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_bad_input_is_refused_with_the_rule(name):
    error, message, arguments, keywords = REFUSALS[name]
    with pytest.raises(error, match=message) as caught:
        sc.convolve(*arguments, **keywords)
    assert isinstance(caught.value, SigconvError)
    assert isinstance(caught.value, ValueError | TypeError)


def test_read_only_out_is_refused():
    out = np.ones((5, 6))
    out.flags.writeable = False
    with pytest.raises(ShapeError, match="read-only"):
        sc.convolve(X, H, out=out)


@pytest.mark.parametrize("shape", [0, -3, (2, 2), 1.5])
def test_impossible_periods_are_refused(shape):
    with pytest.raises(ShapeError, match="period"):
        sc.circular_convolve([1, 2, 3], [1, 1], shape=shape)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("where", ["signal", "kernel", "both"])
def test_no_warning_escapes_for_odd_numbers(method, where):
    x, h = RNG.standard_normal(500), RNG.standard_normal(30)
    if where != "kernel":
        x[[3, 200, 201]] = np.nan, np.inf, -np.inf
    if where != "signal":
        h[[0, 7]] = np.inf, 0
    huge = np.array([1e300, -1e300] * 20)
    sc.convolve(x, h, method=method)
    sc.convolve(x, h, method=method, dtype=np.float32)
    sc.convolve(huge, huge, method=method, dtype=np.float32)
    sc.Convolver(huge, (500,), method=method, dtype=np.float32)(x)


def test_numpy_numbers_and_sequences_serve_as_keywords():
    expected = sc.convolve(X, H, "same", axes=(0, 1), center=(1, 0))
    for axes in (np.array([0, 1]), range(2), [np.int64(0), 1]):
        keywords: dict[str, Any] = {"axes": axes, "center": np.array([1, 0])}
        y = sc.convolve(X, H, "same", workers=int(np.int64(2)), **keywords)
        np.testing.assert_array_equal(y, expected)
    filled: dict[str, Any] = {"fill_value": np.array(2.0), "workers": np.int64(2)}
    y = sc.convolve(X, H, boundary="constant", **filled)
    np.testing.assert_array_equal(y, sc.convolve(X, H, boundary="constant", fill_value=2))


@pytest.mark.parametrize(
    ("keywords", "error"),
    [
        ({"center": 1.0, "mode": "same"}, ShapeError),
        ({"axes": 1.0}, ShapeError),
        ({"boundary": {"zero"}}, OptionError),
        ({"mode": ["same"]}, ModeError),
        ({"mode": {"same": 1}}, OptionError),
    ],
)
def test_keywords_of_another_kind_are_refused(keywords, error):
    sc.convolve(X, H, "same", center=1, axes=(0, 1))
    with pytest.raises(error):
        sc.convolve(X, H, **keywords)


def test_an_empty_axis_empties_valid_whatever_the_other_axes_are():
    assert sc.convolve(np.ones((0, 9)), np.ones((1, 3)), "valid").shape == (0, 7)


def test_circular_convolution_keeps_the_dtype_when_inputs_fold():
    x = np.ones(6, np.float16)
    assert sc.circular_convolve(x, x).dtype == np.float16
    assert sc.circular_convolve(x, x, shape=4).dtype == np.float16
    assert sc.circular_convolve([], [1.0]).shape == (0,)


def test_correlate_replays_a_plan_made_for_it():
    x, t = RNG.standard_normal(300), RNG.standard_normal(20)
    plan = sc.plan(x, t, operation="correlate", method="overlap-save")
    expected = sc.correlate(x, t, method="overlap-save")
    np.testing.assert_array_equal(sc.correlate(x, t, method=plan), expected)
    with pytest.raises(MethodError, match="operation"):
        sc.convolve(x, t, method=plan)
    with pytest.raises(OptionError, match="'convolve' or 'correlate'"):
        sc.plan(x, t, operation="deconvolve")


def test_a_plan_with_a_nan_fill_replays():
    plan = sc.plan((9,), (3,), boundary="constant", fill_value=float("nan"))
    y = sc.convolve(
        np.ones(9), np.ones(3), boundary="constant", fill_value=float("nan"), method=plan
    )
    assert np.isnan(y[[0, 1, -1]]).all()


@pytest.mark.parametrize("shapes", [((10**15,), (1000,)), ((2**20, 2**40), (3, 3))])
def test_sizes_beyond_every_memory_are_refused_at_once(shapes):
    with pytest.raises(ShapeError, match=r"2\*\*36"):
        sc.plan(*shapes)


@pytest.mark.parametrize("method", [3, ["fft"], None])
def test_methods_of_another_kind_are_refused(method):
    with pytest.raises(MethodError, match="or a Plan"):
        sc.convolve(X, H, method=method)


@pytest.mark.parametrize("dtype", ["foo", [1], [("a", "f4")], bool])
def test_dtypes_that_hold_no_result_are_refused(dtype):
    with pytest.raises(DTypeError, match="dtype"):
        sc.convolve(X, H, dtype=dtype)


@pytest.mark.parametrize("number", [int, Decimal])
@pytest.mark.parametrize("fill", [{}, {"fill_value": 0.0}, {"fill_value": 1.0}, {"fill_value": 1}])
def test_exact_numbers_stay_exact_beyond_the_edges(number, fill):
    x = np.array([number(10**20), number(1), number(2)], object)
    h = np.array([number(1), number(2), number(3)], object)
    y = sc.convolve(x, h, "same", boundary="constant", **fill)
    edge = int(fill.get("fill_value", 0))
    assert y.tolist() == [2 * 10**20 + 1 + 3 * edge, 3 * 10**20 + 4, 7 + edge]
    assert {type(item) for item in y} == {number}


@pytest.mark.filterwarnings("error")
def test_a_fill_beyond_the_range_of_the_dtype_is_infinite_without_a_warning():
    x, h = np.ones(20, "f4"), np.ones(3, "f4")
    y = sc.convolve(x, h, "same", boundary="constant", fill_value=1e39)
    np.testing.assert_array_equal(y, np.r_[np.inf, np.full(18, 3), np.inf])
    assert y.dtype == np.float32


def test_out_of_another_byte_order_is_told_the_native_one():
    with pytest.raises(DTypeError, match="native byte order, float64"):
        sc.convolve(X, H, out=np.empty((5, 6), np.dtype(float).newbyteorder()))


def test_integers_of_a_list_are_not_rounded():
    assert sc.convolve([1], [2**63 + 1, 1]).tolist() == [2**63 + 1, 1]
