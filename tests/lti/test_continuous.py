"""Convolution integrals of functions: closed forms, errors that are honest, features found."""

import math
from math import cos, exp, inf, log, pi, sin, sqrt

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import erf

from sigconv.errors import DTypeError, MethodError, NonFiniteError, OptionError
from sigconv.lti.continuous import continuous_convolve
from sigconv.lti.features import Support, find_breaks, find_support
from sigconv.lti.functions import Function
from sigconv.lti.quadrature import Place, Product, integrate

ALWAYS = (0.0, inf)
TOLERANCES = [1e-4, 1e-6, 1e-9, 1e-12]


def decay(rate, scale=1.0):
    return lambda t: scale * exp(-rate * t) if t >= 0 else 0.0


def box(low, high):
    return lambda t: 1.0 if low <= t <= high else 0.0


def gauss(mean, sigma):
    return lambda t: exp(-(((t - mean) / sigma) ** 2) / 2) / sigma / sqrt(2 * pi)


def cauchy(width):
    return lambda t: width / pi / (t * t + width * width)


def normal(t, mean, sigma):
    return np.exp(-(((t - mean) / sigma) ** 2) / 2) / sigma / sqrt(2 * pi)


def two_decays(t, a, b):
    t = np.maximum(t, 0)
    return t * np.exp(-a * t) if a == b else (np.exp(-a * t) - np.exp(-b * t)) / (b - a)


def check(result, expected, rtol, atol=0.0):
    """The tolerance holds, and the returned error covers the true one (and its own rounding)."""
    expected = np.asarray(expected)
    wrong = np.abs(result.value - expected)
    assert (wrong <= np.maximum(atol, rtol * np.abs(expected))).all()
    assert (wrong <= np.asarray(result.error) + 1e-15 * np.abs(expected)).all()


# ---------------------------------------------------------------- the worked examples


@pytest.mark.parametrize("deposits", [ALWAYS, (0.0, 5.0), (0.0, 40.0)])
@pytest.mark.parametrize("growth", [ALWAYS, None])
def test_deposits_at_100_a_year_grow_to_566_in_five_years(deposits, growth):
    if growth is None:

        def account(t):
            return 1.05**t if t >= 0 else 0.0
    else:

        def account(t):
            return 1.05**t

    saved = continuous_convolve(lambda u: 100.0, account, 5.0, supports=(deposits, growth))
    assert isinstance(saved.value, float)
    assert isinstance(saved.error, float)
    assert_allclose(saved.value, 100 * (1.05**5 - 1) / log(1.05), rtol=1e-12)
    assert round(saved.value, 5) == 566.26488


def test_buns_of_a_bakery_that_are_stale_after_a_day():
    # f(u) = 60 + 30 cos(w u) buns an hour, of which 1 - exp(-a t) are stale after t hours.
    a, w, day = 0.1, 2 * pi / 24, 24.0
    stale = continuous_convolve(
        lambda u: 60 + 30 * cos(w * u),
        lambda t: 1 - exp(-a * t),
        day,
        supports=((0, day), ALWAYS),
    )
    baked = 60 * day
    fresh = (60 / a + 30 * a / (a * a + w * w)) * (1 - exp(-a * day))
    assert_allclose(stale.value, baked - fresh, rtol=1e-12)


# ---------------------------------------------------------------- closed forms


@pytest.mark.parametrize("rtol", TOLERANCES)
@pytest.mark.parametrize("rates", [(1.0, 1.0), (1.0, 3.0), (0.2, 1000.0)])
def test_two_decays(rates, rtol):
    t = np.array([-1.0, 0.0, 0.1, 1.0, 3.0, 30.0])
    result = continuous_convolve(decay(rates[0]), decay(rates[1]), t, rtol=rtol)
    check(result, two_decays(t, *rates), max(rtol, 2e-15))
    assert_array_equal(result.value[:2], 0)


@pytest.mark.parametrize("rtol", TOLERANCES)
def test_two_gaussians_add_their_variances_far_out_in_the_tails_too(rtol):
    t = np.array([-40.0, -3.0, 1.0, 1.5, 20.0])
    result = continuous_convolve(gauss(0, 1), gauss(1, 2), t, rtol=rtol)
    check(result, normal(t, 1, sqrt(5)), rtol)


@pytest.mark.parametrize("rtol", TOLERANCES)
@pytest.mark.parametrize("widths", [(1.0, 2.0), (1e-3, 1.0), (1e-3, 50.0)])
def test_heavy_tails_of_two_cauchy_densities(widths, rtol):
    t = np.array([-1e4, -3.0, 0.0, 0.5, 1000.0])
    result = continuous_convolve(cauchy(widths[0]), cauchy(widths[1]), t, rtol=rtol)
    check(result, [cauchy(sum(widths))(x) for x in t], rtol)


def test_two_boxes_make_a_triangle_that_is_0_at_its_ends():
    t = np.linspace(-0.5, 2.5, 25)
    result = continuous_convolve(box(0, 1), box(0, 1), t)
    check(result, np.maximum(0, 1 - np.abs(t - 1)), 1e-13)


@pytest.mark.parametrize("rtol", TOLERANCES)
def test_a_box_smoothed_by_a_gaussian_is_a_difference_of_error_functions(rtol):
    t = np.linspace(-2, 3, 6)
    result = continuous_convolve(box(0, 1), gauss(0, 1), t, rtol=rtol)
    check(result, (erf(t / sqrt(2)) - erf((t - 1) / sqrt(2))) / 2, rtol)


def test_complex_exponentials():
    t = np.array([0.1, 5.0, 30.0])
    result = continuous_convolve(
        lambda t: np.exp(3j * t), lambda t: np.exp(1j * t), t, supports=(ALWAYS, ALWAYS)
    )
    assert result.value.dtype == complex
    check(result, (np.exp(3j * t) - np.exp(1j * t)) / 2j, 1e-12)


def test_values_that_become_complex_far_from_most_points():
    def late(t):
        return 1j if 7.31 <= t <= 7.32 else 1.0

    result = continuous_convolve(late, box(0, 10), 10.0, supports=((0, 10), None), kinks=None)
    assert_allclose(result.value, 9.99 + 0.01j, rtol=1e-9)


def test_values_that_are_complex_at_nodes_of_the_quadrature_alone():
    def late(u):
        return 1j if u > 0.99 else 1.0

    whole = Support(0.0, 1.0)
    product = Product(Function(late, "f"), Function(lambda s: 1.0, "g"), (whole, whole), 1.0)
    result = integrate(product, [Place(0.0, 1.0), Place(1.0, 0.0)], 0, 1e-9)
    assert_allclose(result.value, 0.99 + 0.01j, rtol=1e-8)


def test_an_integrable_singularity():
    root = continuous_convolve(lambda u: u**-0.5, box(0, 1), [1.0, 2.0], supports=(ALWAYS, None))
    assert_allclose(root.value, [2.0, 2 * (sqrt(2) - 1)], rtol=1e-9)
    inside = continuous_convolve(lambda u: abs(u) ** -0.5, box(-1, 1), 0.0)
    assert_allclose(inside.value, 4.0, rtol=1e-9)


def test_three_functions_associate():
    def inner(t):
        return continuous_convolve(box(0, 1), box(0, 1), t, supports=(ALWAYS, (0, 1))).value

    # Three boxes make the quadratic B-spline: 3/4 at its middle.
    three = continuous_convolve(inner, box(0, 1), 1.5, supports=((0, 2), (0, 1)), rtol=1e-6)
    assert_allclose(three.value, 0.75, rtol=1e-6)


def test_integrals_that_cancel_are_0_to_rounding():
    result = continuous_convolve(sin, box(0, 2 * pi), 2 * pi, supports=(ALWAYS, None))
    assert abs(result.value) <= result.error <= 4 * 3e-14


def test_atol_replaces_rtol():
    result = continuous_convolve(gauss(0, 1), gauss(0, 1), 0.5, rtol=0, atol=1e-5)
    check(result, normal(0.5, 0, sqrt(2)), 0, 1e-5)


@settings(max_examples=20)
@given(
    rates=st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)),
    t=st.floats(1e-3, 50),
)
@example(rates=(1.0, 1.0), t=1.0)
def test_convolution_commutes(rates, t):
    f, g = decay(rates[0]), box(0.25, 0.25 + rates[1])
    here, there = continuous_convolve(f, g, t), continuous_convolve(g, f, t)
    assert abs(here.value - there.value) <= here.error + there.error
    low, high = max(0, t - 0.25 - rates[1]), max(0, t - 0.25)
    exact = exp(-rates[0] * low) * -math.expm1(-rates[0] * (high - low)) / rates[0]
    assert_allclose(here.value, exact, rtol=2e-9, atol=1e-300)


@settings(max_examples=15)
@given(shift=st.floats(-1e3, 1e3), sigma=st.floats(0.3, 30))
def test_a_delayed_function_gives_a_delayed_convolution(shift, sigma):
    result = continuous_convolve(gauss(shift, sigma), decay(2.0), shift + sigma)
    same = continuous_convolve(gauss(0, sigma), decay(2.0), sigma)
    assert_allclose(result.value, same.value, rtol=1e-9)


def test_times_keep_their_shape():
    result = continuous_convolve(decay(1), decay(2), [[0, 1, 2], [3, 4, 5]])
    assert result.value.shape == result.error.shape == (2, 3)
    assert continuous_convolve(decay(1), decay(2), []).value.shape == (0,)


# ---------------------------------------------------------------- what is found


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        (box(0, 1), 0.0, 1.0),
        (box(-3.7, 12.345), -3.7, 12.345),
        (decay(1), 0.0, inf),
        (cauchy(1), -inf, inf),
        (lambda t: 1.05**t, None, inf),
        (box(1000, 1000.001), 1000, 1000.001),
        (box(-2e-9, 1e-9), -2e-9, 1e-9),
        (lambda t: (t >= 0) * np.exp(-t), 0.0, None),
        (lambda t: (t >= 0) * 1.0, 0.0, inf),
    ],
)
def test_supports_are_found_to_the_last_bit(function, low, high):
    with np.errstate(all="ignore"):
        found = find_support(Function(function, "f"))
    assert low in (None, found.low)
    if high == inf and found.high != inf:
        # Where it underflows.
        assert function(found.high) < 1e-300
    else:
        assert high in (None, found.high)


@pytest.mark.parametrize("center", [1000.0, 1000.37])
@pytest.mark.parametrize("vectorised", [False, True])
def test_a_narrow_gaussian_far_from_0_is_found(center, vectorised):
    narrow = (lambda t: normal(t, center, 1e-3)) if vectorised else gauss(center, 1e-3)
    result = continuous_convolve(narrow, gauss(0, 1), center + 0.5)
    check(result, normal(0.5, 0, sqrt(1 + 1e-6)), 1e-9)


def test_a_narrow_box_far_from_0_is_found_by_its_beginning():
    result = continuous_convolve(box(1000, 1000.001), lambda t: t, 1001, supports=(None, (0, 2)))
    width = 1000.001 - 1000
    assert_allclose(result.value, width - width**2 / 2, rtol=1e-12)


def test_a_short_response_to_a_long_input():
    # 1000 (1 - e^-1e4 t) / 1e4 for a step at 0, long after it.
    result = continuous_convolve(box(0, 1e5), decay(1e4), [1.0, 9e4])
    check(result, [1e-4, 1e-4], 1e-12)


@pytest.mark.parametrize("place", [0.1234, 1 / 3, 7.1])
def test_jumps_are_found(place):
    def sign(u):
        return math.copysign(1.0, u - place)

    result = continuous_convolve(sign, box(0, 2), place + 1.25)
    assert_allclose(result.value, 0.5, rtol=1e-12)


def test_gaps_and_stairs_are_found():
    two = continuous_convolve(
        lambda u: box(0, 1)(u) + box(2.7, 3)(u), lambda t: t, 4.0, supports=(None, ALWAYS)
    )
    assert_allclose(two.value, 3.5 + (1.3**2 - 1) / 2, rtol=1e-12)
    stairs = continuous_convolve(lambda u: float(math.floor(u)), box(0, 50), 50.0)
    assert_allclose(stairs.value, sum(range(50)), rtol=1e-12)


def test_ranges_that_meet_in_rounding_only():
    ends = (0.1, 0.3)
    for t in (np.nextafter(0.6, 0), 0.6, np.nextafter(0.2, 1)):
        result = continuous_convolve(exp, exp, t, supports=(ends, ends))
        assert 0 <= result.value <= 1e-15


def test_oscillations_by_the_hundred():
    result = continuous_convolve(lambda u: sin(40 * u), box(0, 100), 100.0, supports=(ALWAYS, None))
    check(result, (1 - cos(4000)) / 40, 1e-9)


def square(u):
    return float(math.floor(10 * u) % 2)


def test_kinks_cure_what_the_search_cannot_follow():
    supports = ((0.0, 100.0), (0.0, 100.0))
    with pytest.raises(MethodError, match=r"at t=100 .*kinks=\(points of f, points of g\)"):
        continuous_convolve(square, lambda t: 1.0, 100.0, supports=supports)
    edges = np.arange(1, 1000) / 10
    result = continuous_convolve(square, lambda t: 1.0, 100.0, supports=supports, kinks=(edges, ()))
    assert_allclose(result.value, 50.0, rtol=1e-9)


def test_supports_cure_what_the_search_misses():
    hidden = box(1000.123, 1000.124)
    with pytest.raises(MethodError, match=r"wherever it was looked at.*supports="):
        continuous_convolve(hidden, box(0, 1), 1000.5)
    result = continuous_convolve(hidden, box(0, 1), 1000.5, supports=((1000.123, 1000.124), None))
    assert_allclose(result.value, 1000.124 - 1000.123, rtol=1e-12)


def test_a_function_is_never_called_outside_its_support():
    calls = []

    def watched(u):
        calls.append(np.asarray(u))
        return np.sqrt(1 - u * u) if isinstance(u, np.ndarray) else sqrt(1 - u * u)

    result = continuous_convolve(watched, decay(1), [0.0, 1e6 / 3], supports=((-1, 1), ALWAYS))
    assert all((np.abs(points) <= 1).all() for points in calls)
    assert result.value[0] > 0


def test_rounding_calls_no_function_outside_its_support():
    root = Function(lambda u: sqrt(1 - u), "f")
    product = Product(root, root, (Support(0, 1), Support(0, 1)), 2.0)
    beyond = np.nextafter(1.0, 2)
    assert product.factors(0.0, beyond) == product.factors(beyond, 0.0) == (0, 0)


def test_breaks_are_ends_of_zeros_and_holes_but_no_points_of_a_constant():
    def points(function, low, high):
        return [place.point for place in find_breaks(Function(function, "f"), low, high)]

    assert points(lambda u: 1.0, -inf, inf) == []
    assert points(lambda u: max(0.0, u - 1 / 3) ** 2, 0.0, 2.0)[0] == np.nextafter(1 / 3, 1)
    assert 0.5 in points(lambda u: sin(u - 0.5) / (u - 0.5), 0.0, 1.0)
    assert len(points(lambda u: abs(u) ** -0.5, -1.0, 1.0)) < 20


def test_a_hole_is_passed_over():
    result = continuous_convolve(lambda u: sin(u) / u, box(0, 1), [0.5, 1.0])
    assert_allclose(result.value, [2 * 0.4931074180430667, 0.946083070367183], rtol=1e-9)


def test_a_function_that_treats_arrays_unlike_numbers_is_called_with_numbers():
    def partial(u):
        return u * 0 if isinstance(u, np.ndarray) else box(0, 1)(u)

    check(continuous_convolve(partial, box(0, 1), 1.5), 0.5, 1e-12)


def test_given_kinks_are_not_looked_for():
    # The jump is not at the kink that is given; it is met all the same, by halving.
    result = continuous_convolve(
        box(0.3, 1), box(0, 1), 1.0, supports=((0, 1), (0, 1)), kinks=((), ())
    )
    assert_allclose(result.value, 0.7, rtol=1e-9)


# ---------------------------------------------------------------- what does not exist


@pytest.mark.parametrize(
    ("f", "g"),
    [
        (lambda u: 1.0, lambda t: 1.0),
        (lambda u: 1 / u, box(0, 1)),
        (lambda u: u**-2.0, box(0, 1)),
        (lambda u: 1 / (1 + abs(u)), lambda t: 1.0),
    ],
)
def test_a_divergent_integral_is_an_error_and_no_warning(f, g):
    with pytest.raises(MethodError, match=r"at t=1 .* is allowed\. Unless it does not exist"):
        continuous_convolve(f, g, 1.0, supports=(ALWAYS, None))


def test_growth_without_an_end_asks_for_supports():
    with pytest.raises(NonFiniteError, match=r"must be finite.*supports="):
        continuous_convolve(lambda u: 1.0, lambda t: 1.05**t, 1.0)
    with pytest.raises(NonFiniteError, match="t=1000000"):
        continuous_convolve(lambda u: 1.0, lambda t: 1.05**t, 1e6, supports=(ALWAYS, ALWAYS))


@pytest.mark.parametrize("function", [math.log, np.log, math.sqrt, np.sqrt])
def test_a_function_with_a_domain_asks_for_its_support(function):
    with pytest.raises(MethodError, match=r"f must be defined.*supports="):
        continuous_convolve(function, box(0, 1), 1.0)
    result = continuous_convolve(function, box(0, 1), 1.0, supports=(ALWAYS, None))
    assert_allclose(result.value, -1.0 if "log" in function.__name__ else 2 / 3, rtol=1e-9)


def test_a_point_that_is_undefined_inside_names_the_reason():
    def holed(u):
        return math.sqrt((u - 1) * (u - 2))

    with pytest.raises(NonFiniteError, match=r"at t=3 and u=1\..*domain error.*supports="):
        continuous_convolve(holed, box(0, 3), 3.0, supports=((0, 3), None))


def test_a_zero_function_asks_for_supports_and_accepts_them():
    with pytest.raises(MethodError, match="g must be finite and not 0 somewhere"):
        continuous_convolve(box(0, 1), lambda t: 0.0, 1.0)
    result = continuous_convolve(box(0, 1), lambda t: 0.0, 1.0, supports=(None, (0, 1)))
    assert result == (0.0, 0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"supports": (0, 1)}, "a support must be"),
        ({"supports": ((1, 0), None)}, "low < high"),
        ({"supports": ((0, 1),)}, "supports must be a pair"),
        ({"kinks": [1, 2, 3]}, "kinks must be a pair"),
        ({"kinks": (["a"], ())}, "finite points"),
        ({"kinks": ([inf], ())}, "finite points"),
        ({"rtol": -1}, "rtol must be a number"),
        ({"rtol": 2}, "below 1"),
        ({"rtol": 0}, "rtol or atol must be above 0"),
        ({"atol": np.nan}, "atol must be a number"),
        ({"rule": "simpson"}, "rule belongs to samples"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        continuous_convolve(box(0, 1), box(0, 1), 1.0, **options)


def test_a_function_beside_samples_is_refused():
    with pytest.raises(DTypeError, match="both be functions or both be samples"):
        continuous_convolve(box(0, 1), [1.0, 2.0], [0.0, 1.0])


def test_values_and_times_that_are_no_numbers_are_refused():
    with pytest.raises(DTypeError, match="f must return a number"):
        continuous_convolve(lambda u: "one", box(0, 1), 1.0, supports=(ALWAYS, None))
    with pytest.raises(DTypeError, match="t must be real"):
        continuous_convolve(box(0, 1), box(0, 1), 1j)
    with pytest.raises(NonFiniteError, match="finite times"):
        continuous_convolve(box(0, 1), box(0, 1), [0.0, np.nan])
