"""What the values of a kernel allow: found where it is so, and only there."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.core.structure import Structure, find_structure, products_of

F4, F8, I8 = np.dtype("f4"), np.dtype("f8"), np.dtype("i8")
RNG = np.random.default_rng(3)


def outer(*factors):
    return reduce(np.multiply.outer, factors)


def added(products):
    return sum(product.scale * outer(*product.factors) for product in products)


def gaussian(radius, sigma):
    return np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)


shapes = st.lists(st.integers(2, 7), min_size=2, max_size=4)


@given(shape=shapes, dtype=st.sampled_from("fdFD"), seed=st.integers(0, 2**32 - 1))
def test_a_rounded_product_is_found_and_its_factors_multiply_to_it(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal(n) + 1j * rng.standard_normal(n) for n in shape]
    h = outer(*(f if dtype in "FD" else f.real for f in factors)).astype(dtype)
    structure = find_structure(h, h.dtype)
    assert structure.kind == "product"
    (product,) = products_of(h, structure, h.dtype)
    rest = np.linalg.norm((added([product]) - h).ravel())
    assert rest <= structure.error * np.linalg.norm(h.ravel())


@given(shape=shapes, seed=st.integers(0, 2**32 - 1), digits=st.integers(1, 12))
def test_what_rounding_does_not_explain_is_no_product(shape, seed, digits):
    rng = np.random.default_rng(seed)
    h = outer(*(rng.standard_normal(n) for n in shape))
    # One tap, so far from its product that the norm of the rest tells.
    at = tuple(rng.integers(0, shape))
    h[at] += 10.0**-digits * np.linalg.norm(h.ravel())
    assert find_structure(h, F8).kind == ""


@given(shape=shapes, seed=st.integers(0, 2**32 - 1), unsigned=st.booleans())
def test_integer_factors_are_exact(shape, seed, unsigned):
    rng = np.random.default_rng(seed)
    low = 0 if unsigned else -30
    h = 6 * outer(*(rng.integers(low, 31, n) for n in shape))
    h = h.astype(np.uint64 if unsigned else np.int64)
    structure = find_structure(h, I8)
    if not h.any():
        assert structure == Structure()
        return
    assert structure.kind in ("product", "constant")
    assert structure.error == 0
    (product,) = products_of(h, structure, h.dtype)
    np.testing.assert_array_equal(added([product]), h)
    h[(0,) * h.ndim] += 1
    found = find_structure(h, I8)
    assert not found.kind or (added(products_of(h, found, I8)) == h).all()


def test_integers_that_agree_by_wrapping_around_are_no_product():
    # 2**32 * 2**32 is 0 in 64 bits, and -(2**63) its own negative.
    for corner in (0, -(2**63), 2**63 - 1):
        h = np.array([[1, 2**32], [2**32, corner]])
        assert find_structure(h, I8).kind == ""
    h = np.array([[2**62, 2**31], [2**31, 1]])
    assert find_structure(h, I8).kind == "product"


def test_whole_floats_have_whole_factors():
    sobel = outer([1.0, 2.0, 1.0], [3.0, 0.0, -3.0])
    structure = find_structure(sobel, F8)
    assert (structure.kind, structure.error) == ("product", 0)
    (product,) = products_of(sobel, structure, F8)
    assert all(factor.dtype.kind == "i" for factor in product.factors)
    np.testing.assert_array_equal(added([product]), sobel)


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("value", [0.1, -3, True, 2**63, 1e-320, 1e300])
def test_equal_taps_are_a_constant(shape, value):
    h = np.full(shape, value)
    structure = find_structure(h, F8)
    assert structure == Structure("constant", 1)
    (product,) = products_of(h, structure, h.dtype)
    first, *others = product.ordered(tuple(range(h.ndim)), h.dtype)
    np.testing.assert_array_equal(first, h.flat[0])
    assert all((other == 1).all() for other in others)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_taps_of_zero_and_of_no_number_have_no_structure(value):
    assert find_structure(np.full(5, value), F8) == Structure()
    assert find_structure(np.full((3, 4), value), F8, several=True) == Structure()
    h = outer(gaussian(3, 1.0), gaussian(4, 1.0))
    assert find_structure(h, F8).kind == "product"
    h[0, 0] = value
    assert find_structure(h, F8, several=value != 0) == Structure()


def test_a_row_of_unequal_taps_has_no_structure():
    for row in ([1.0, 2.0, 1.0], [1.0, 1.0, 2.0]):
        assert find_structure(np.array(row), F8) == Structure()


def test_a_kernel_rounded_to_a_narrower_dtype_is_no_product_in_a_wider_one():
    h = outer(gaussian(5, 2.0), gaussian(5, 2.0))
    narrow = h.astype(np.float32)
    assert find_structure(narrow, F4).kind == "product"
    assert find_structure(narrow, F8).kind == ""
    # Python lists are float64 that computes in float32.
    assert find_structure(h, F4).kind == "product"


def test_a_factor_is_zero_only_where_taps_are():
    g = gaussian(14, 1.0).astype(np.float32)
    h = outer(g, g)
    assert h[0, 0] == 0 != g[0]
    assert find_structure(h, F4).kind == ""


def test_large_and_tiny_taps_are_compared_by_their_ratio():
    for scale in (1e-300, 1e300):
        h = scale * outer(gaussian(2, 1.0), gaussian(3, 1.0))
        assert find_structure(h, F8).kind == "product"


def test_a_difference_of_gaussians_is_two_products():
    a, b = gaussian(10, 2.0), gaussian(10, 3.0)
    h = outer(a, a) - 0.3 * outer(b, b)
    assert find_structure(h, F8).kind == ""
    structure = find_structure(h, F8, several=True)
    assert (structure.kind, structure.terms) == ("sum", 2)
    terms = products_of(h, structure, F8)
    assert np.linalg.norm(added(terms) - h) <= structure.error * np.linalg.norm(h)
    assert structure.error < 1e-14
    # Orthogonal, so that their norms add up to no more than sqrt(2) times the kernel's.
    first, second = (product.scale * outer(*product.factors) for product in terms)
    assert abs(np.vdot(first, second)) < 1e-14 * np.vdot(h, h)


def test_a_laplacian_of_a_gaussian_is_four_products_in_three_dimensions():
    x = np.arange(-12, 13) / 3.0
    g = np.exp(-x * x / 2)
    d = (x * x - 1) * g
    h = outer(d, g, g) + outer(g, d, g) + outer(g, g, d)
    structure = find_structure(h, F8, several=True)
    assert (structure.kind, structure.terms) == ("sum", 4)
    rest = np.linalg.norm((added(products_of(h, structure, F8)) - h).ravel())
    assert rest <= structure.error * np.linalg.norm(h.ravel())


@given(seed=st.integers(0, 2**32 - 1), digits=st.integers(1, 10), ndim=st.integers(2, 3))
def test_truncation_leaves_out_half_of_rtol_at_most(seed, digits, ndim):
    rng = np.random.default_rng(seed)
    shape = rng.integers(9, 14, ndim)
    # Products whose weights fall by ten.
    h = sum(0.1**i * outer(*(rng.standard_normal(n) for n in shape)) for i in range(12))
    rtol = 10.0**-digits
    structure = find_structure(h, F8, rtol=rtol, several=True)
    if structure.kind:
        assert structure.error <= rtol / 2
        made = added(products_of(h, structure, F8))
        rest = np.linalg.norm((made - h).ravel()) / np.linalg.norm(h.ravel())
        assert rest <= structure.error
    assert digits > 3 or structure.kind == "sum"


def test_as_many_products_as_taps_are_no_structure():
    assert find_structure(RNG.standard_normal((9, 9)), F8, several=True) == Structure()
    assert find_structure(np.arange(81).reshape(9, 9) ** 2, I8, several=True) == Structure()


def test_similar_kernels_share_a_structure():
    found = {
        find_structure(outer(*RNG.standard_normal((2, 9))), F8, rtol=rtol, several=True)
        for rtol in (None, None, 1e-3)
    }
    assert len(found) == 1
    two = [sum(outer(*RNG.standard_normal((2, 15))) for _ in range(2)) for _ in range(5)]
    assert len({find_structure(h, F8, several=True) for h in two}) <= 2


def test_a_plan_covers_what_its_structure_serves():
    product = Structure("product", 1, 1e-15, 1e-15)
    exact = Structure("product", 1, 0.0, 1e-15)
    constant = Structure("constant", 1)
    several = Structure("sum", 2, 1e-6, 1e-5)
    assert product.covers(product)
    assert product.covers(exact)
    assert product.covers(constant)
    assert not exact.covers(product)
    assert not constant.covers(product)
    assert several.covers(Structure("sum", 2, 1e-7, 1e-5))
    for other in (None, Structure(), product, constant, Structure("sum", 3, 1e-7, 1e-5)):
        assert not several.covers(other)
    assert not Structure().covers(Structure())
    # A plan for real taps drops imaginary parts.
    assert product.covers(product._replace(real=True))
    assert not product._replace(real=True).covers(product)


def test_real_taps_have_real_factors_for_complex_samples():
    h = outer(gaussian(3, 1.0), gaussian(4, 1.0))
    for taps, real in ((h, True), (h + 0j, True), (h * 1j, False)):
        structure = find_structure(taps, np.dtype("c16"))
        assert (structure.kind, structure.real) == ("product", real)
        (product,) = products_of(taps, structure, np.dtype("c16"))
        assert all((factor.dtype.kind == "f") == real for factor in product.factors)
    assert not find_structure(h, F8).real


def test_a_tap_that_really_deviates_makes_no_product_of_many_others():
    h = np.ones((101, 101), "f4")
    h[50, 50] -= np.float32(8e-5)
    assert find_structure(h, F4).kind == ""


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_rounded_gaussians_are_products_however_they_are_computed(dtype, ndim):
    x = np.linspace(-5, 5, 41 if ndim == 2 else 21, dtype=dtype)
    squares = reduce(np.add.outer, [x * x / 2] * ndim)
    for h in (np.exp(-squares), outer(*[np.exp(-x * x / 2)] * ndim)):
        for taps in (h, h / h.sum()):
            assert find_structure(taps, taps.dtype).kind == "product"


def test_subnormal_taps_are_compared_by_their_spacing():
    g = gaussian(9, 1.0).astype("f4")
    h = outer(g, g) * np.float32(1e-3)
    assert 0 < h.min() < np.finfo("f4").smallest_normal
    assert find_structure(h, F4).kind == "product"


def test_signs_hold_in_the_dtype_of_computation_and_in_the_taps_own():
    # The corner is zero in float64 and its factors are not; in float32 all of these are.
    g = np.array([1.0, 0.5, 1e-200])
    h = outer(g, g)
    assert h[2, 2] == 0 != g[2]
    assert find_structure(h, F4).kind == ""


def test_a_product_in_one_dtype_is_taken_apart_in_wider_ones():
    h = outer(gaussian(5, 2.0), gaussian(5, 2.0)).astype("f4")
    structure = find_structure(h, F4)
    (product,) = products_of(h, structure, F8)
    assert np.linalg.norm(added([product]) - h) <= structure.error * np.linalg.norm(h)


def test_a_kernel_that_is_infinite_in_the_dtype_of_computation_has_no_structure():
    u = np.array([1e25, 1, 1] * 4)
    assert find_structure(outer(u, u), F4, several=True) == Structure()
    assert find_structure(outer(u, u), F8).kind == "product"
    assert find_structure(np.full((3, 3), 1e50), F4) == Structure()


@pytest.mark.parametrize("value", [1e300, 1e-320, np.inf, np.nan])
def test_a_look_raises_no_floating_point_error(value):
    h = outer(gaussian(4, 1.0), gaussian(4, 1.0)) * 1e-10
    h[0, 0] = value
    with np.errstate(all="raise"):
        for compute in (F4, F8, np.dtype("c8")):
            structure = find_structure(h, compute, several=True)
            if structure.kind:
                for product in products_of(h, structure, compute):
                    product.ordered((0, 1), np.dtype("f4"))
