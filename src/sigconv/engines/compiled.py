"""When compiled loops are loaded: at once for long work, behind the scenes for much short work.

Importing numba and reading a loop from its cache takes tenths of a second, and compiling it the
first time takes seconds, once per dtype. Until then NumPy slices or an FFT serve. What calls
lose by that is added up; when it comes to a quarter of what loading takes, the loop is loaded by a
thread of its own. So nobody waits for a loop that saves little.

A loop is called by its kind and its dtype, as "taps f4": `taps` sums over all taps of a kernel,
`windows`, `parts` and `planes` run FFTW, `passes` sums along one axis after the other. What copies
elements is called by the two dtypes, as "moves u1:f4". Streams have `heads`, the sums over first
taps, and `blocks`, the transforms of the others.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from sigconv.core.dtypes import DType
from sigconv.engines.base import Machine, dtype_key
from sigconv.errors import MissingDependencyError
from sigconv.fft import is_native

__all__ = [
    "has_numba",
    "is_moved",
    "load",
    "load_mover",
    "load_seconds",
    "loaded",
    "loop_for",
    "lose",
    "mover",
    "name_of",
    "runs_transforms",
]

# The share of its price that is lost before a loop is loaded: another processor does that.
_PATIENCE = 0.25

# A wait without end hears no Ctrl-C on Windows.
_HEARD = 0.5


_COMPILED = ("f4", "f8", "c8", "c16", "i8", "u8")


@cache
def has_numba() -> bool:
    """Tell whether numba is installed, without importing it."""
    return find_spec("numba") is not None


def loop_for(dtype: DType) -> str:
    """Return the inner loop for long work in `dtype`."""
    return "numba" if has_numba() and dtype_key(dtype) in _COMPILED else "numpy"


def runs_transforms(dtype: DType) -> bool:
    """Tell whether compiled loops can run transforms of `dtype` here and now."""
    return has_numba() and is_native(dtype)


class _State:
    def __init__(self) -> None:
        self.loaded: frozenset[str] = frozenset()
        self.lost: dict[str, float] = {}
        self.ending = False
        # Held while a loop is loaded.
        self.busy = threading.RLock()


_state = _State()


def name_of(dtype: DType, kind: str = "taps") -> str:
    """Return what a loop is called."""
    return f"{kind} {dtype_key(dtype)}"


def loaded() -> frozenset[str]:
    """Return the names of the loops that are loaded: with them, plans change."""
    return _state.loaded


def load_seconds(dtype: DType, machine: Machine, kind: str = "taps") -> float:
    """Return what loading a loop would take, 0 where it is loaded."""
    if name_of(dtype, kind) in _state.loaded:
        return 0.0
    start = 0.0 if _state.loaded else machine.cold_loop
    return start if _is_cached(kind) else start + machine.compile_loop * _LOOPS.get(kind, 1)


def load(dtype: DType, kind: str = "taps") -> None:
    """Load a loop unless it is loaded.

    Ctrl-C ends the wait, and not the loading: a module left half imported would not come back.
    """
    _need(name_of(dtype, kind))


def load_mover(source: DType, target: DType) -> None:
    """Load what `mover` finds, unless it is loaded."""
    _need(_name_of_mover(source, target))


def _need(name: str) -> None:
    if name in _state.loaded:
        return
    errors: list[Exception] = []

    def run() -> None:
        try:
            _load(name)
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            errors.append(error)

    main = threading.current_thread() is threading.main_thread()
    thread = _start(run) if main else None
    if thread is None:
        run()
    else:
        while thread.is_alive():
            thread.join(_HEARD)
    if errors:
        raise errors[0]


def lose(name: str, seconds: float, price: float) -> None:
    """Count what a call lost without a loop, and in the end load it behind the scenes."""
    lost = _state.lost.get(name, 0.0) + seconds
    if lost >= _PATIENCE * price and name not in _state.loaded:
        # No second thread meanwhile, nor ever if this one fails: the others go on serving.
        lost = -np.inf
        _start(partial(_load_behind, name))
    _state.lost[name] = lost


def mover(source: DType, target: DType) -> int | None:
    """Return the address of what copies elements of one native dtype to another.

    None if there is no such thing, or not yet: it is loaded behind the scenes.
    """
    if not (has_numba() and is_moved(source, target)):
        return None
    name = _name_of_mover(source, target)
    if name not in _state.loaded:
        lose(name, 0.0, 0.0)
        return None
    from sigconv.loops.moves import address_of

    return address_of(source, target)


def _name_of_mover(source: DType, target: DType) -> str:
    return f"moves {dtype_key(source)}:{dtype_key(target)}"


@cache
def is_moved(source: DType, target: DType) -> bool:
    """Tell whether a loop can copy elements of one dtype to another: not complex to real ones."""
    numbers = {"i1", "u1", "i2", "u2", "i4", "u4", *_COMPILED}
    narrows = source.kind == "c" and target.kind != "c"
    known = dtype_key(source) in {"b1", *numbers} and dtype_key(target) in numbers
    return source.isnative and target.isnative and known and not narrows


def _start(run: Callable[[], None]) -> threading.Thread | None:
    """Return a thread that runs, or None where none can start any more."""
    thread = threading.Thread(target=run, name="sigconv loop", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return None
    return thread


def _load_behind(name: str) -> None:
    with _state.busy, suppress(Exception):
        if not _state.ending:
            _load(name)


def _load(name: str) -> None:
    """Run a loop once: numba compiles it then, or reads it from its cache."""
    with _state.busy:
        if name not in _state.loaded:
            kind, keys = name.split()
            _RUNS[kind](*map(np.dtype, keys.split(":")))
            _state.loaded |= {name}


def _run_taps(dtype: DType) -> None:
    from sigconv.loops.counting import try_counting
    from sigconv.loops.sums import try_sums

    try_counting()
    try_sums(dtype)


def _run_windows(dtype: DType) -> None:
    from sigconv.loops.fft_windows import try_windows

    _need_fftw(dtype)
    try_windows(dtype)


def _run_parts(dtype: DType) -> None:
    from sigconv.loops.fft_parts import try_parts

    _need_fftw(dtype)
    try_parts(dtype)


def _run_passes(dtype: DType) -> None:
    from sigconv.engines.factors import try_passes
    from sigconv.loops.counting import try_counting

    try_counting()
    try_passes(dtype)


def _run_planes(dtype: DType) -> None:
    from sigconv.loops.fft_planes import try_planes

    _need_fftw(dtype)
    try_planes(dtype)


def _run_heads(dtype: DType) -> None:
    from sigconv.loops.stream import try_heads

    try_heads(dtype)


def _run_blocks(dtype: DType) -> None:
    from sigconv.loops.stream import try_blocks

    _need_fftw(dtype)
    try_blocks(dtype)


def _run_channels(dtype: DType) -> None:
    from sigconv.loops.channels import try_channels
    from sigconv.loops.counting import try_counting

    try_counting()
    try_channels(dtype)


def _run_products(dtype: DType) -> None:
    from sigconv.loops.counting import try_counting
    from sigconv.loops.products import try_products

    try_counting()
    try_products(dtype)


def _run_moves(source: DType, target: DType) -> None:
    from sigconv.loops.moves import address_of

    address_of(source, target)


def _need_fftw(dtype: DType) -> None:
    if not is_native(dtype):
        raise MissingDependencyError("FFTW's functions are not to be found")


_RUNS: dict[str, Callable[..., None]] = {
    "taps": _run_taps,
    "windows": _run_windows,
    "parts": _run_parts,
    "planes": _run_planes,
    "passes": _run_passes,
    "heads": _run_heads,
    "blocks": _run_blocks,
    "channels": _run_channels,
    "products": _run_products,
    "moves": _run_moves,
}

# A file of the cache of each kind.
_CACHED = {
    "taps": "sums.sum_taps-*.nbi",
    "windows": "fft_windows.filter_windows-*.nbi",
    "parts": "fft_parts.filter_parts-*.nbi",
    "planes": "fft_planes.filter_tiles-*.nbi",
    "passes": "passes.sum_passes-*.nbi",
    "heads": "stream.sum_first_taps-*.nbi",
    "blocks": "stream.run_blocks-*.nbi",
    "channels": "channels._sum_boxes-*.nbi",
    "products": "products._multiply_shares-*.nbi",
    "moves": "moves._move-*.nbi",
}

# How long loops take to compile, where `taps` take 1.
_LOOPS = {"passes": 1.2, "planes": 1.0, "windows": 0.5, "parts": 0.5}


@cache
def _is_cached(kind: str) -> bool:
    """Tell whether numba has loops of a kind on disk; outdated ones are taken for good ones."""
    name = _CACHED[kind]
    # Directories may not be readable, and a user may have no home.
    with suppress(OSError, RuntimeError):
        if chosen := os.environ.get("NUMBA_CACHE_DIR"):
            return any(Path(chosen).glob(f"*/{name}"))
        if any((Path(__file__).parents[1] / "loops" / "__pycache__").glob(name)):
            return True
        caches = {"win32": "AppData/Local", "darwin": "Library/Caches"}
        shared = Path("~", caches.get(sys.platform, ".cache")).expanduser()
        return any(shared.glob(f"numba/**/{name}"))
    return False


def _end() -> None:
    with _state.busy:
        _state.ending = True


# The compiler must not run on while the interpreter ends, nor stop half-way in a forked child.
atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_state.busy.acquire,
        after_in_parent=_state.busy.release,
        after_in_child=_state.busy.release,
    )
