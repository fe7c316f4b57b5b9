"""For tests, yours too: the naive reference, Hypothesis strategies, engine conformance.

The strategies need Hypothesis (``pip install hypothesis``); the rest needs only NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sigconv.testing.conformance import check_engine
from sigconv.testing.reference import assert_close, naive_convolve, tolerance

if TYPE_CHECKING:
    from sigconv.testing.strategies import Case, cases, samples

__all__ = [
    "Case",
    "assert_close",
    "cases",
    "check_engine",
    "naive_convolve",
    "samples",
    "tolerance",
]


def __getattr__(name: str) -> Any:
    if name in ("Case", "cases", "samples"):
        return getattr(import_module("sigconv.testing.strategies"), name)
    raise AttributeError(f"module 'sigconv.testing' has no attribute {name!r}")
