"""What a call ends in: a result, or an error and its type."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from sigconv.errors import SigconvError

ERRORS = (Exception,)


def outcome(function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Any) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*arguments, **keywords)
        except ERRORS as error:
            return error


def public_type(error: Exception) -> type:
    """The type that a program can name to catch the error."""
    return next(
        kind for kind in type(error).__mro__ if kind.__module__ in ("builtins", "numpy.exceptions")
    )


def assert_same_outcome(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    arguments: tuple[Any, ...],
    keywords: Any,
    *,
    scale: float = 1.0,
) -> None:
    """Both raise, ours a sigconv error of their type; or both return the same dtype and numbers.

    Floating results may differ by rounding of numbers as large as `scale`.
    """
    expected = outcome(theirs, arguments, keywords)
    result = outcome(ours, arguments, keywords)
    if isinstance(expected, Exception):
        assert isinstance(result, public_type(expected)), (result, expected)
        assert isinstance(result, SigconvError), repr(result)
        return
    assert not isinstance(result, Exception), repr(result)
    assert type(result) is type(expected)
    if not isinstance(expected, np.ndarray):
        assert result == expected
        return
    assert result.dtype == expected.dtype
    if result.dtype.kind not in "fc":
        np.testing.assert_array_equal(result, expected)
        return
    with np.errstate(invalid="ignore"):
        atol = 100 * float(np.finfo(result.dtype).eps) * scale
        parts = [(result.real, expected.real), (result.imag, expected.imag)]
        if np.iscomplexobj(result) and not np.isfinite(expected).all():
            # Of complex results, only where they are not finite is specified.
            finite = np.isfinite(expected)
            np.testing.assert_array_equal(np.isfinite(result), finite)
            parts = [(mine[finite], other[finite]) for mine, other in parts]
        for mine, other in parts:
            np.testing.assert_allclose(mine, other, rtol=1e-5, atol=atol)
