"""What a stream goes on from: checks of a state that another stream gave."""

from __future__ import annotations

from typing import Any

from sigconv.core.dtypes import Array
from sigconv.engines import compiled
from sigconv.errors import MethodError, StreamError
from sigconv.fft import backend_version, current_backend
from sigconv.planning import check_wisdom
from sigconv.streaming.plan import StreamPlan

__all__ = ["FORMAT", "are_equal", "check_state", "computed_by"]

FORMAT = "sigconv stream 1"

FIELDS = {
    "about",
    "axis",
    "computed_by",
    "dtypes",
    "early",
    "is_ended",
    "kernels",
    "known",
    "lost",
    "others",
    "plan",
    "running",
    "size",
    "weak",
}


def computed_by() -> str:
    """Return what transforms here, which the last bits depend on."""
    return backend_version()


def check_state(state: Any, about: dict[str, Any], kernels: tuple[Array, Array]) -> None:
    """Raise StreamError unless a stream that is `about` so much can go on from a state.

    `kernels` are the one that it was made with and the one in force.
    """
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise StreamError(
            f"this is no state of a stream: {str(state)[:60]!r}. Pass what stream.state() returned."
        )
    if missing := FIELDS - state.keys():
        raise StreamError(
            f"this state lacks {', '.join(sorted(missing))}: it was cut or changed. Pass what "
            "stream.state() returned."
        )
    theirs = state["about"]
    differences = [
        f"{name} ({theirs.get(name)!r} there, {mine!r} here)"
        for name, mine in about.items()
        # NaN is not equal to itself.
        if repr(theirs.get(name)) != repr(mine)
    ]
    if not any(are_equal(a, b) for a in kernels for b in state["kernels"]):
        differences.append("kernel")
    if differences:
        raise StreamError(
            f"the state is of a stream with another {', another '.join(differences)}. Make this "
            "one with the same arguments."
        )
    if state["plan"] is not None:
        _check_at_hand(state["plan"], state["computed_by"])


def are_equal(mine: Array, theirs: Array) -> bool:
    """Tell whether two kernels are the same numbers, NaN among them."""
    if mine.dtype != theirs.dtype or mine.shape != theirs.shape:
        return False
    return mine.tobytes() == theirs.tobytes() or bool((mine == theirs).all())


def _check_at_hand(plan: StreamPlan, computer: str) -> None:
    """Raise StreamError where the plan cannot be carried out here, bit for bit."""
    way, missing = plan.way, list[str]()
    loops = (way.loop, way.transforms) if way is not None else (plan.slab and plan.slab.loop,)
    if not compiled.has_numba() and any(loop in ("numba", "pairs", "parts") for loop in loops):
        missing.append("numba")
    uses_fft = bool(way.layout.stages if way is not None else plan.slab and plan.slab.nfft)
    if uses_fft and way is not None and way.backend != current_backend():
        missing.append(f"the FFT backend {way.backend} ({current_backend()} here)")
    elif uses_fft and computer != computed_by():
        missing.append(f"{computer} ({computed_by()} here)")
    if missing:
        raise StreamError(
            f"the state was computed with {', '.join(missing)}; the last bits would differ here. "
            "Continue it where that is at hand."
        )
    if plan.slab is not None:
        try:
            check_wisdom(plan.slab)
        except MethodError as error:
            raise StreamError(str(error)) from error
