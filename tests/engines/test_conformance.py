"""Every engine gives the numbers of the definition, for every plan that it offers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.engines import ENGINES
from sigconv.testing import cases, check_engine

METHODS = tuple(name for name in ENGINES if name not in ("separable", "exact"))
INTEGERS = ("bool", "int8", "uint8", "int16", "int64", "uint64")


@pytest.mark.parametrize("name", METHODS)
@given(case=cases())
def test_engine_gives_the_numbers_of_the_definition(name, case):
    ran = check_engine(ENGINES[name], case.signal, case.kernel, **case.keywords)
    problem = sc.plan(case.signal, case.kernel, **case.keywords).problem
    assert (ran > 0) == (
        not problem.is_trivial or (name == "direct" and 0 not in problem.result_shape)
    )


@pytest.mark.parametrize("name", METHODS)
@given(case=cases(dtypes=INTEGERS))
def test_engine_is_exact_in_integers(name, case):
    check_engine(ENGINES[name], case.signal, case.kernel, **case.keywords)


@st.composite
def spoiled(draw):
    """Draw a real case with NaN and infinities among samples and taps."""
    case = draw(cases(dtypes=("float32", "float64"), min_size=1))
    special = st.sampled_from([np.nan, np.inf, -np.inf, 0.0])
    for array in (case.signal, case.kernel):
        count = draw(st.sampled_from([0, 1, 3, 40]))
        for _ in range(count):
            index = draw(st.integers(0, array.size - 1))
            array.flat[index] = draw(special)
    return case


@pytest.mark.parametrize("name", METHODS)
@given(case=spoiled())
def test_nonfinite_values_reach_what_the_direct_sum_reaches(name, case):
    check_engine(ENGINES[name], case.signal, case.kernel, **case.keywords)
