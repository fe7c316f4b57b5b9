"""Kernels from text: equal to the functions' kernels, or a KernelError that says what to write."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigconv import kernels
from sigconv.errors import KernelError
from sigconv.kernels import checks, filters, is_spec, parse
from sigconv.kernels.specification import KERNELS

SAMPLES = [
    ("gaussian:2", {}, kernels.gaussian(2.0)),
    ("gaussian:sigma=2", {"ndim": 3}, kernels.gaussian(2.0, ndim=3)),
    ("gaussian:sigma=2x1x.5", {}, kernels.gaussian((2.0, 1.0, 0.5))),
    ("gaussian:2,truncate=3", {}, kernels.gaussian(2.0, truncate=3.0)),
    ("gaussian:2,3", {}, kernels.gaussian(2.0, truncate=3.0)),
    ("gaussian: sigma = 2e0 , truncate = +3. ", {}, kernels.gaussian(2.0, truncate=3.0)),
    ("gaussian:2", {"spacing": (2.0, 1.0)}, kernels.gaussian(2.0, ndim=2)),
    ("gaussian:2mm", {"spacing": (2.0, 0.5)}, kernels.gaussian((1.0, 4.0))),
    ("gaussian:2x1mm", {"spacing": 0.5, "ndim": 2}, kernels.gaussian((4.0, 2.0))),
    ("gaussian:250um", {"spacing": 0.125}, kernels.gaussian(2.0)),
    ("gaussian:0.5s", {"fs": 4}, kernels.gaussian(2.0)),
    ("gaussian:2ms", {"fs": 1000}, kernels.gaussian(2.0)),
    ("box:5x5x3", {}, kernels.box((5, 5, 3))),
    ("box:5", {"ndim": 2}, kernels.box(5, ndim=2)),
    ("box:1e1", {}, kernels.box(10)),
    ("box:10ms", {"fs": 44100}, kernels.box(441)),
    ("box:3mm", {"spacing": (1.0, 0.1)}, kernels.box((3, 30))),
    ("delta", {"ndim": 2}, kernels.delta(1, ndim=2)),
    ("delta:3x3", {}, kernels.delta((3, 3))),
    ("sobel:axis=0", {}, kernels.sobel(0)),
    ("sobel:-1", {"ndim": 3}, kernels.sobel(-1, 3)),
    ("sobel:1,per=mm", {"spacing": (2.0, 0.5)}, kernels.sobel(1, 2, spacing=0.5)),
    ("sobel:0,per=s", {"fs": 4, "ndim": 1}, kernels.sobel(0, 1, spacing=0.25)),
    ("prewitt:axis=1", {}, kernels.prewitt(1)),
    ("laplacian", {}, kernels.laplacian(2)),
    ("laplacian", {"ndim": 3}, kernels.laplacian(3)),
    ("laplacian:per=mm", {"spacing": (2.0, 1.0)}, kernels.laplacian(spacing=(2.0, 1.0))),
    ("laplacian:per=um", {"spacing": 0.5}, kernels.laplacian(2, spacing=500.0)),
    ("log:1.5", {}, kernels.log(1.5)),
    ("log:2mm", {"spacing": (2.0, 1.0)}, kernels.log(2.0, spacing=(2.0, 1.0))),
    ("lowpass:cutoff=1kHz,taps=101", {"fs": 44100}, kernels.lowpass(1000.0, 101, fs=44100.0)),
    ("lowpass:1000Hz,101", {"fs": 44100, "ndim": 3}, kernels.lowpass(1000.0, 101, fs=44100.0)),
    ("lowpass:.125,31,hann", {}, kernels.lowpass(0.125, 31, fs=1.0, window="hann")),
    ("lowpass:.125,31", {"fs": 16}, kernels.lowpass(2.0, 31, fs=16.0)),
    ("highpass:cutoff=.1kHz,taps=31", {"fs": 1000}, kernels.highpass(100.0, 31, fs=1000.0)),
    ("bandpass:1Hz,.25,31", {"fs": 16}, kernels.bandpass(1.0, 4.0, 31, fs=16.0)),
]

MISTAKES = [
    ("gauss:2", {}, r"starts with a known name; got 'gauss:2'.*bandpass, box, delta, gaussian"),
    ("", {}, "known name"),
    (" box:3", {}, "known name"),
    ("Gaussian:2", {}, "known name"),
    ("gaussian", {}, "gaussian needs sigma; got 'gaussian'. Write for example gaussian:sigma=2"),
    ("gaussian:truncate=3", {}, "gaussian needs sigma"),
    ("lowpass", {}, "lowpass needs cutoff and taps"),
    ("gaussian:", {}, "sigma must be a word, or numbers"),
    ("gaussian:2,", {}, "truncate must be a word, or numbers"),
    (
        "gaussian:width=2",
        {},
        "gaussian has no key 'width'. Known keys of gaussian: sigma, truncate",
    ),
    ("gaussian:=2", {}, "gaussian has no key ''"),
    ("gaussian:sigma=2,sigma=3", {}, "gaussian takes sigma once"),
    ("gaussian:2,sigma=3", {}, "gaussian takes sigma once"),
    ("gaussian:truncate=2,3", {}, "values without a key come before"),
    ("gaussian:2,3,4", {}, "at most 2 values, for sigma, truncate; got '4' as item 3"),
    ("gaussian:2x", {}, "unknown unit 'x'. Known units: s ms Hz kHz um mm"),
    ("gaussian:2xx3", {}, "numbers joined by x"),
    ("gaussian:2x-", {}, "numbers joined by x"),
    ("gaussian:1_0", {}, "numbers joined by x"),
    ("gaussian:٢", {}, "numbers joined by x"),
    ("gaussian:nan", {}, "sigma must be a number; got 'nan'"),
    ("gaussian:1e999", {}, "sigma must be a finite number"),
    ("gaussian:-2", {}, "sigma must be at least 0"),
    ("gaussian:2cm", {}, "unknown unit 'cm'. Known units: s ms Hz kHz um mm"),
    ("gaussian:2Hz", {"fs": 8000}, "sigma takes a number in s, ms, um, mm or without unit"),
    ("gaussian:2,3mm", {"spacing": 1}, "truncate takes no unit; got '3mm'"),
    ("gaussian:2,3x3", {}, "truncate takes one number; got '3x3'. Write truncate=3"),
    ("gaussian:2mm", {"fs": 8000}, "sigma in mm needs the distance .* Give sigma in samples"),
    ("laplacian:per=mm", {}, "per in mm needs the distance .* Leave per out"),
    ("gaussian:2ms", {"spacing": 1}, "sigma in ms needs the sampling rate, .* sigma in samples"),
    ("lowpass:1kHz,101", {}, "cutoff in kHz needs the sampling rate, .* in cycles per sample"),
    ("gaussian:2ms", {"fs": 8000, "ndim": 2}, "a time belongs to one axis; got sigma in ms"),
    ("gaussian:2x1", {"ndim": 3}, "sigma=2x1 has 2 values, .* has 3 axes"),
    ("gaussian:2x1", {"spacing": (1, 1, 1)}, "got 3 values of spacing, 2 values of sigma"),
    ("gaussian:2", {"spacing": 0}, "spacing must be positive"),
    ("gaussian:2", {"fs": float("nan")}, "fs must be positive"),
    ("gaussian:2", {"ndim": 0}, "ndim must be"),
    ("box:0", {}, "size must be a whole number, 1 or more; got 0"),
    ("box:2.5", {}, "size must be a whole number"),
    ("box:10ms", {"fs": 22050}, "got '10ms', 220.5 samples. Write it in samples, such as size=220"),
    ("box:1e-9mm", {"spacing": 1}, "size must be a whole number of samples"),
    ("box:1e99", {}, "at most 67108864 elements"),
    ("box:" + "x".join("1" * 40), {}, "1 to 32 axes; got 40"),
    ("sobel:axis=2", {}, "axis must lie between -2 and 1 for 2 axes; got 2"),
    ("sobel:0,per=Hz", {"fs": 1}, "per must be a unit of length or time; got 'Hz'"),
    ("sobel:0,per=2", {}, "per must be a unit"),
    ("lowpass:1000,101", {"fs": 44100}, "between 0 and 0.5; got '1000'. Write cutoff=1000Hz"),
    ("lowpass:30kHz,101", {"fs": 44100}, "got 30000 with fs=44100. Lower cutoff"),
    ("lowpass:1Hz,101,5", {"fs": 44100}, "window must be a word; got '5'"),
    ("lowpass:1Hz,101,foo", {"fs": 44100}, "window must name a window"),
    ("lowpass:1Hz,1e9", {"fs": 44100}, "taps must be at most"),
    ("highpass:1Hz,100", {"fs": 44100}, "highpass needs an odd number of taps"),
]


@pytest.mark.parametrize(("spec", "known", "kernel"), SAMPLES, ids=[s[0] for s in SAMPLES])
def test_specification_gives_the_kernel_of_the_function(spec, known, kernel):
    result = parse(spec, **known)
    assert result.shape == kernel.shape
    assert_allclose(result, kernel, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(("spec", "known", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes_are_answered_with_what_to_write(spec, known, message):
    with pytest.raises(KernelError, match=message):
        parse(spec, **known)


@pytest.mark.parametrize("name", KERNELS)
def test_the_example_of_every_kernel_is_a_kernel(name):
    parse(f"{name}:{KERNELS[name].example}", spacing=1.0, fs=44100)


def test_every_public_kernel_has_a_specification():
    assert set(KERNELS) == set(kernels.__all__) - {"parse", "is_spec"}


@pytest.mark.parametrize("text", [*KERNELS, "box:", "gaussian:nonsense", "log:a:b"])
def test_known_name_before_the_first_colon_makes_a_specification(text):
    assert is_spec(text)


@pytest.mark.parametrize(
    "text",
    ["", "box.wav", "./box", "C:\\box", "Box:3", "boxes:3", " box:3", "x:box:3", None, b"box"],
)
def test_anything_else_is_no_specification(text):
    assert not is_spec(text)
    with pytest.raises(KernelError, match="known name"):
        parse(text)


def parse_small(spec, **known):
    """`parse` under limits with which the largest kernel is made in a millisecond."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "MAX_ELEMENTS", 2**14)
        patch.setattr(filters, "MAX_TAPS", 2**10)
        return parse(spec, **known)


units = st.sampled_from(["", "s", "ms", "Hz", "kHz", "um", "mm"])
numbers = (
    st.floats(allow_nan=True).map(repr)
    | st.floats(0.0, 9.0).map(repr)
    | st.integers(-2, 99).map(str)
)
words = st.sampled_from(["hann", "boxcar", "kaiser", "tukey", "mm", "s", "inf", "nan", "x"])
vectors = st.builds(
    lambda parts, unit: "x".join(parts) + unit, st.lists(numbers, min_size=1, max_size=3), units
)
keys = st.sampled_from(sorted({key for recipe in KERNELS.values() for key in recipe.keys}))
items = st.builds(
    lambda key, value: key + value,
    st.just("") | keys.map(lambda key: f"{key}="),
    vectors | words | st.text(max_size=5),
)
nearly_right = st.builds(
    lambda name, parts: f"{name}:{','.join(parts)}",
    st.sampled_from(sorted(KERNELS)),
    st.lists(items, max_size=4),
)
positives = st.floats(1e-3, 1e5) | st.floats(min_value=5e-324, allow_infinity=False)
calibrations = st.fixed_dictionaries(
    {
        "spacing": st.none() | positives | st.lists(positives, min_size=1, max_size=3),
        "fs": st.none() | positives,
        "ndim": st.none() | st.integers(1, 4),
    }
)


@settings(max_examples=400)
@given(spec=nearly_right | st.text(max_size=20), known=calibrations)
def test_any_text_is_a_finite_kernel_or_a_kernel_error(spec, known):
    try:
        kernel = parse_small(spec, **known)
    except KernelError:
        return
    assert is_spec(spec)
    assert kernel.dtype == np.float64
    assert 1 <= kernel.size <= 2**14
    assert np.isfinite(kernel).all()


@pytest.mark.parametrize(
    "spec",
    [
        f"{start}{repeated * 100_000}{end}"
        for start, repeated, end in [
            ("gaussian:", "1", ""),
            ("gaussian:", "9", "!"),
            ("gaussian:1e", "9", "e"),
            ("gaussian:", "sigma=", ""),
            ("gaussian:", "m", ""),
            ("box:", "1x", "1"),
            ("box:", ",", ""),
            ("", "box", ":3"),
        ]
    ],
    ids=["digits", "digits!", "exponent", "keys", "word", "vector", "commas", "name"],
)
def test_long_garbage_is_refused_quickly_and_briefly(spec):
    with pytest.raises(KernelError) as caught:
        parse(spec)
    assert len(str(caught.value)) < 500


widths = st.lists(st.floats(0.0, 3.0), min_size=1, max_size=3)


@given(widths, st.floats(0.5, 4.0))
def test_written_gaussians_are_read_back_to_the_last_bit(sigma, truncate):
    spec = f"gaussian:sigma={'x'.join(map(repr, sigma))},truncate={truncate!r}"
    assert_array_equal(parse(spec), kernels.gaussian(sigma, truncate=truncate))


@given(widths, st.data())
def test_written_millimetres_are_read_back_to_the_last_bit(sigma, data):
    steps = [data.draw(st.floats(0.5, 3.0)) for _ in sigma]
    spec = f"gaussian:{'x'.join(map(repr, sigma))}mm"
    assert_array_equal(parse(spec, spacing=steps), kernels.gaussian(sigma, spacing=steps))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_written_boxes_are_read_back(size):
    assert parse(f"box:{'x'.join(map(str, size))}").shape == tuple(size)


@given(st.integers(1, 200), st.sampled_from([8000, 22050, 44100, 48000, 96000, 7919.7]))
def test_whole_numbers_of_samples_survive_any_rate(samples, fs):
    assert parse(f"box:{samples / fs!r}s", fs=fs).shape == (samples,)


@given(st.floats(1.0, 21000.0), st.integers(3, 99))
def test_written_filters_are_read_back(cutoff, taps):
    result = parse(f"lowpass:cutoff={cutoff!r}Hz,taps={taps}", fs=44100)
    assert_array_equal(result, kernels.lowpass(cutoff, taps, fs=44100))
