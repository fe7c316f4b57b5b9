"""What compiled loops need to run pyFFTW's plans: the addresses of FFTW's functions and plans.

A loop without the GIL then transforms thousands of short blocks with no step of Python between
them. Plans are made, kept and destroyed by pyFFTW alone, under its lock. Both addresses are looked
for where they are on the usual systems, and recognised; elsewhere there are none.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

from sigconv.core.dtypes import DType

__all__ = ["find_functions", "find_plan"]

_PREFIXES = {"f": "fftwf_", "d": "fftw_", "F": "fftwf_", "D": "fftw_"}


@cache
def find_functions(path: str, dtype: DType) -> tuple[int, int] | None:
    """Return the addresses of `execute` and `execute_dft` for `dtype`, None where there are none.

    The system's loader finds them in the libraries that the extension at `path` is linked to,
    wherever these lie; where FFTW is linked in statically, it may not.
    """
    prefix = _PREFIXES.get(dtype.char)
    if prefix is None:
        return None
    try:
        library = ctypes.CDLL(path)
        found = [_address(library, prefix + name) for name in ("execute", "execute_dft")]
    except OSError:
        return None
    execute, execute_at = found
    if not execute or not execute_at or _is_shadowed(prefix + "execute", execute):
        return None
    return execute, execute_at


def _address(library: ctypes.CDLL, name: str) -> int | None:
    function = getattr(library, name, None)
    return ctypes.cast(function, ctypes.c_void_p).value if function else None


def _is_shadowed(name: str, address: int) -> bool:
    """Tell whether the process has another function of that name, as MKL's, for everybody.

    pyFFTW's plans would be made by that library then.
    """
    if os.name != "posix":
        return False
    return _address(ctypes.CDLL(None), name) not in (None, address)


def find_plan(transform: Any) -> int | None:
    """Return the address of the plan of pyFFTW's object, None where it is not recognised.

    The object has it just before its two arrays, each followed by the address of its samples, and
    these four are known.
    """
    arrays = transform.input_array, transform.output_array
    marks = [word for array in arrays for word in (id(array), array.ctypes.data)]
    size = ctypes.sizeof(ctypes.c_void_p)
    count = type(transform).__basicsize__ // size
    words = (ctypes.c_void_p * count).from_address(id(transform))
    # Without a plan before them there would be no room for the object's head.
    for i in range(3, count - len(marks) + 1):
        if [words[j] or 0 for j in range(i, i + len(marks))] == marks:
            return words[i - 1]
    return None
