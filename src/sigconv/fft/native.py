"""FFTW's own C functions, from the library that pyFFTW brings: plans that compiled loops run.

A plan here is two addresses, that of FFTW's `execute` and its own, so a loop without the GIL
transforms thousands of short blocks with no step of Python between them.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from sigconv.core.dtypes import Array, DType

__all__ = ["Functions", "NativePlan", "find_functions", "make_plan"]

_PREFIXES = {"f": "fftwf_", "d": "fftw_", "F": "fftwf_", "D": "fftw_"}

_DESTROY_INPUT = 1
_FLAGS = {"estimate": 1 << 6, "measure": 0, "wisdom": 1 << 21}
_FORWARD, _BACKWARD = -1, 1

_VOID, _POINTER, _INT = None, ctypes.c_void_p, ctypes.c_int
_LAYOUT = (_INT, _POINTER, _INT, _POINTER, _POINTER, _POINTER)

# FFTW's prototypes: what comes back, and the arguments.
_PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "plan_guru64_dft_r2c": (_POINTER, (*_LAYOUT, ctypes.c_uint)),
    "plan_guru64_dft_c2r": (_POINTER, (*_LAYOUT, ctypes.c_uint)),
    "plan_guru64_dft": (_POINTER, (*_LAYOUT, _INT, ctypes.c_uint)),
    "execute": (_VOID, (_POINTER,)),
    "destroy_plan": (_VOID, (_POINTER,)),
    "set_timelimit": (_VOID, (ctypes.c_double,)),
    "plan_with_nthreads": (_VOID, (_INT,)),
    "execute_dft": (_VOID, (_POINTER, _POINTER, _POINTER)),
    "make_planner_thread_safe": (_VOID, ()),
}


class _Dimension(ctypes.Structure):
    """FFTW's `iodim64`: a length, and the strides of source and target in elements."""

    _fields_ = (
        ("n", ctypes.c_ssize_t),
        ("source", ctypes.c_ssize_t),
        ("target", ctypes.c_ssize_t),
    )


class Functions(NamedTuple):
    """The functions of one precision, and the addresses of `execute` and `execute_dft`."""

    real_to_complex: Callable[..., int | None]
    complex_to_real: Callable[..., int | None]
    complex_to_complex: Callable[..., int | None]
    execute: Callable[[int], None]
    destroy: Callable[[int], None]
    limit_seconds: Callable[[float], None]
    use_threads: Callable[[int], None]
    execute_dft: Callable[[int, int, int], None]
    addresses: tuple[int, int]


class NativePlan:
    """A plan for two arrays, which it keeps alive.

    `addresses` are those of FFTW's `execute`, whose only argument is `plan`, and of `execute_dft`,
    which takes other arrays of the same alignment too.
    """

    def __init__(self, functions: Functions, plan: int, arrays: tuple[Array, Array]) -> None:
        self.addresses = functions.addresses
        self.plan = plan
        self._arrays = arrays
        self._execute = functions.execute
        weakref.finalize(self, functions.destroy, plan).atexit = False

    def execute(self) -> None:
        """Transform, without the GIL."""
        self._execute(self.plan)


@cache
def find_functions(path: str, dtype: DType) -> Functions | None:
    """Return the functions for `dtype`, None where the extension at `path` does not show them.

    The system's loader finds them in the libraries that the extension is linked to, wherever
    these lie; where FFTW is linked in statically, it may not.
    """
    prefix = _PREFIXES.get(dtype.char)
    if prefix is None:
        return None
    try:
        library = ctypes.CDLL(path)
        found: list[Any] = [getattr(library, prefix + name) for name in _PROTOTYPES]
    except (OSError, AttributeError):
        return None
    for function, (result, arguments) in zip(found, _PROTOTYPES.values(), strict=True):
        function.restype, function.argtypes = result, arguments
    # pyFFTW plans under a lock of its own, which is out of reach: FFTW's serves both.
    found.pop()()
    execute, execute_at = (ctypes.cast(found[i], _POINTER).value for i in (3, 7))
    return Functions._make((*found, (execute, execute_at)))


def make_plan(
    functions: Functions,
    arrays: tuple[Array, Array],
    axes: tuple[int, ...],
    *,
    forward: bool,
    effort: str,
    limit: float,
) -> NativePlan:
    """Return a plan from one array to the other along `axes`, which may destroy the first.

    RuntimeError is raised where FFTW has none, as it happens to what wisdom does not hold.
    """
    source, target = arrays
    longer = source if source.dtype.kind == "f" else target
    sizes = [
        _Dimension(n, s // source.itemsize, t // target.itemsize)
        for n, s, t in zip(longer.shape, source.strides, target.strides, strict=True)
    ]
    layout: list[Any] = []
    for part in (axes, [axis for axis in range(source.ndim) if axis not in axes]):
        layout += [len(part), (_Dimension * max(1, len(part)))(*(sizes[axis] for axis in part))]
    layout += [source.ctypes.data, target.ctypes.data]
    flags = _FLAGS[effort] | _DESTROY_INPUT
    functions.use_threads(1)
    functions.limit_seconds(limit)
    if source.dtype.kind == "f":
        plan = functions.real_to_complex(*layout, flags)
    elif target.dtype.kind == "f":
        plan = functions.complex_to_real(*layout, flags)
    else:
        plan = functions.complex_to_complex(*layout, _FORWARD if forward else _BACKWARD, flags)
    if not plan:
        raise RuntimeError(f"FFTW has no {effort} plan for {source.shape} along {axes}.")
    return NativePlan(functions, plan, arrays)
