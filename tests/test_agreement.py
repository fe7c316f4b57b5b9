"""One answer: engines x modes x boundaries x dtypes x shapes x policies, against the definition.

``HYPOTHESIS_PROFILE=deep`` draws 10 000 cases.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import sigconv as sc
from sigconv.core.boundary import RULES
from sigconv.core.dtypes import resolve_dtypes
from sigconv.errors import IntegerOverflowError, NonFiniteError
from sigconv.testing import assert_close, cases, naive_convolve, tolerance

METHODS = ("auto", "direct", "fft", "overlap-save", "overlap-add")
INTEGERS = ("bool", "int8", "uint8", "int16", "uint32", "int64", "uint64")
FLOATS = ("float16", "float32", "float64", "longdouble")
COMPLEX = ("complex64", "complex128", "clongdouble")
EVERY = INTEGERS + FLOATS + COMPLEX
SPECIAL = st.sampled_from([np.nan, np.inf, -np.inf, 0.0])
WHOLE = tuple(rule for rule in RULES if rule != "absent")


def spoil(draw, array, values):
    """Put a few of `values`, or many, among the elements of `array`."""
    if array.dtype.kind in "fc" and array.size:
        for _ in range(draw(st.sampled_from([0, 1, 4, 40]))):
            array.flat[draw(st.integers(0, array.size - 1))] = draw(values)


@st.composite
def calls(draw):
    """Draw a case and a policy that fit together, with the numbers that the policy is for."""
    policy = draw(st.sampled_from(["propagate", "omit", "raise"]))
    weighted = policy == "omit" or draw(st.integers(0, 4)) == 0
    if weighted:
        rules = tuple(RULES)
        case = draw(cases(dtypes=FLOATS + COMPLEX, rules=rules, min_size=1))
        kernel = np.abs(case.kernel)
        kernel = kernel.astype(kernel.real.dtype) + kernel.real.dtype.type(0.25)
        if policy == "omit":
            spoil(draw, case.signal, st.just(np.nan))
    else:
        case = draw(cases(dtypes=EVERY, rules=WHOLE))
        kernel = case.kernel
        if case.signal.dtype.kind != "c" and kernel.dtype.kind != "c":
            spoil(draw, case.signal, SPECIAL)
            spoil(draw, kernel, SPECIAL)
    keywords = {**case.keywords, "nan_policy": policy}
    return case.signal, kernel, keywords


def reference(x, h, correlate, keywords):
    """Return the result by the definition, and how far a right one may lie from it."""
    dtypes = resolve_dtypes(x.dtype, h.dtype)
    policy = "omit" if keywords["nan_policy"] == "omit" else "propagate"
    plain = {**keywords, "nan_policy": policy}
    expected = naive_convolve(x, h, correlate=correlate, dtype=dtypes.compute, **plain)
    atol = tolerance(x, h, dtypes.result, fill_value=keywords.get("fill_value", 0.0))
    if policy == "omit" or "absent" in str(keywords["boundary"]):
        # Down to the lightest tap may be present, and be scaled up to the whole weight.
        atol *= float(h.sum() / h.min())
    return expected, atol


@settings(max_examples=5 * settings().max_examples)
@given(call=calls(), method=st.sampled_from(METHODS), correlate=st.booleans())
def test_every_call_has_one_answer(call, method, correlate):
    x, h, keywords = call
    before = x.copy(), h.copy()
    operation = sc.correlate if correlate else sc.convolve
    spoiled = not all(np.isfinite(a.astype(np.clongdouble)).all() for a in (x, h))
    try:
        y = operation(x, h, method=method, **keywords)
    except NonFiniteError:
        assert keywords["nan_policy"] == "raise"
        assert spoiled
        return
    except IntegerOverflowError:
        assert resolve_dtypes(x.dtype, h.dtype).is_integer
        return
    assert keywords["nan_policy"] != "raise" or not spoiled
    for array, copy in zip((x, h), before, strict=True):
        np.testing.assert_array_equal(array, copy)
    expected, atol = reference(x, h, correlate, keywords)
    assert_close(y, expected, atol)
