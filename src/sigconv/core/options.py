"""Arguments in a plain form: hashable, with Python's own numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigconv.core.dtypes import as_dtype
from sigconv.core.problem import Options
from sigconv.errors import OptionError, ShapeError

__all__ = ["as_shape", "hashable", "options_from"]


def options_from(*arguments: Any, **named: Any) -> Options:
    """Return the arguments of a call as `Options`, hashable and with plain integers."""
    keywords = {**dict(zip(Options._fields, arguments, strict=False)), **named}
    if keywords.get("dtype") is not None:
        keywords["dtype"] = as_dtype(keywords["dtype"])
    plain = {name: hashable(name, value) for name, value in keywords.items()}
    for name in ("axes", "center", "max_lag"):
        value = plain.get(name)
        for item in value if isinstance(value, tuple) else (value,):
            # 1.0 == 1: a cache of descriptions would not tell them apart.
            if item is not None and not isinstance(item, int):
                raise ShapeError(f"{name} takes integers; got {value!r}.")
    return Options(**plain)


def as_shape(value: Any, name: str) -> tuple[int, ...]:
    """Return `value`, an integer or a sequence of them, as the shape of an array."""
    plain = hashable(name, value)
    shape = plain if isinstance(plain, tuple) else (plain,)
    if any(not isinstance(n, int) or n < 0 for n in shape):
        raise ShapeError(f"the {name}'s shape consists of non-negative integers; got {value!r}.")
    return shape


def hashable(name: str, value: Any) -> Any:
    """Return `value` with sequences as tuples, all the way down, and NumPy numbers as Python's."""
    if isinstance(value, np.ndarray) or (
        isinstance(value, np.generic) and value.dtype.kind in "biuf"
    ):
        value = value.tolist()
    if isinstance(value, list | tuple | range):
        return tuple(hashable(name, item) for item in value)
    if isinstance(value, float) and value != value:
        # One object: as a part of a tuple it then equals itself.
        return math.nan
    try:
        hash(value)
    except TypeError:
        raise OptionError(
            f"{name} takes a string, a number, or a sequence of them; got {value!r:.80}."
        ) from None
    return value
