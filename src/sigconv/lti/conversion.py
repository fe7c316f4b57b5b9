"""Systems as others write them: coefficients, sections, zeros and poles, `scipy.signal.dlti`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import KernelError, NonFiniteError, ShapeError
from sigconv.lti.networks import Series, in_series
from sigconv.lti.node import Node, as_floats
from sigconv.lti.recursion import rational, section
from sigconv.lti.taps import Taps

__all__ = ["node_of", "node_of_sections", "sections", "to_dlti", "zeros_and_poles"]


def node_of(definition: Any) -> tuple[Node, float | None]:
    """Return what a definition describes, and the sampling rate if it says one."""
    if type(definition).__module__.startswith("scipy.signal"):
        return _node_of_scipy(definition)
    if isinstance(definition, tuple) and definition and not np.isscalar(definition[0]):
        return _node_of_tuple(definition), None
    taps = _checked(definition, "an impulse response")
    if taps.ndim == 0 or 0 in taps.shape:
        raise ShapeError(
            f"an impulse response has at least one sample on each axis; got shape {taps.shape}."
        )
    return Taps(taps, (0,) * taps.ndim), None


def node_of_sections(sos: npt.ArrayLike) -> Node:
    """Return second-order sections one after another."""
    rows = _checked(sos, "sos")
    if rows.ndim != 2 or rows.shape[1] != 6 or not len(rows):
        raise ShapeError(
            f"sos has a row (b0, b1, b2, a0, a1, a2) for each section; got shape {rows.shape}."
        )
    return in_series(*(rational(row[:3], row[3:]) for row in rows))


def zeros_and_poles(node: Node) -> tuple[Array, Array, Any]:
    """Return zeros, poles and gain."""
    from scipy.signal import sos2zpk, tf2zpk

    if (rows := _own_sections(node)) is not None:
        zeros, poles, gain = sos2zpk(rows)
        # Sections of the first order have a zero and a pole at 0 each.
        zeros, poles = _without_common_zeros(np.asarray(zeros), np.asarray(poles))
        return zeros, poles, gain
    b, a = _in_powers_of_z(node)
    made: tuple[Array, Array, Any] = tf2zpk(b, a)
    return made


def sections(node: Node) -> Array:
    """Return second-order sections: the node's own where it is made of them."""
    from scipy.signal import zpk2sos

    if (rows := _own_sections(node)) is not None:
        return rows
    zeros, poles, gain = zeros_and_poles(node)
    made: Array = np.asarray(zpk2sos(zeros, poles, gain))
    # SciPy puts zeros at 0 in the place of those that are missing, which does away with a delay.
    lag = poles.size - zeros.size
    delays = [[0.0, 0, 1, 1, 0, 0]] * (lag // 2) + [[0.0, 1, 0, 1, 0, 0]] * (lag % 2)
    return np.concatenate([made, np.reshape(delays, (-1, 6))])


def to_dlti(node: Node, fs: float | None) -> Any:
    """Return a `scipy.signal.dlti` with polynomials in z."""
    from scipy import signal

    make: Any = signal.dlti
    b, a = _in_powers_of_z(node)
    return make(b, a, dt=True if fs is None else 1 / fs)


def _node_of_scipy(definition: Any) -> tuple[Node, float | None]:
    if not hasattr(definition, "to_tf"):
        raise KernelError(
            f"a {type(definition).__name__} is no linear time-invariant system of one input. "
            "Pass a scipy.signal.dlti, or coefficients."
        )
    if getattr(definition, "dt", None) is None:
        raise KernelError(
            "this system is continuous in time. Sample it first: system.to_discrete(dt)."
        )
    if hasattr(definition, "poles") and hasattr(definition, "gain"):
        node = _node_of_tuple((definition.zeros, definition.poles, definition.gain))
    else:
        transfer = definition.to_tf()
        above, below = np.asarray(transfer.num), np.asarray(transfer.den)
        if above.ndim != 1:
            raise ShapeError(
                f"a system has one input and one output; this one has {len(above)} outputs. Take "
                "them one by one."
            )
        lag = below.size - above.size
        if lag < 0:
            raise KernelError(
                f"the transfer function has {above.size - 1} zeros and {below.size - 1} poles: an "
                "output would depend on later inputs. Delay it."
            )
        node = rational(np.concatenate([np.zeros(lag), above]), below)
    return node, None if definition.dt is True else 1 / definition.dt


def _node_of_tuple(definition: tuple[Any, ...]) -> Node:
    if len(definition) == 2:
        b, a = (_checked(part, name) for part, name in zip(definition, ("b", "a"), strict=True))
        if b.ndim != 1 or a.ndim != 1:
            raise ShapeError(
                f"b and a are sequences of coefficients; got shapes {b.shape} and {a.shape}. An "
                "impulse response of several axes is an array, not a tuple."
            )
        return rational(b, a)
    if len(definition) == 3 and np.ndim(definition[2]) == 0:
        return _node_of_zeros(*definition)
    raise KernelError(
        "a tuple is (b, a) or (zeros, poles, gain); got "
        f"{len(definition)} parts. An impulse response is an array or a list of numbers."
    )


def _node_of_zeros(zeros: Any, poles: Any, gain: Any) -> Node:
    z, p = (np.atleast_1d(_checked(part, "zeros and poles")) for part in (zeros, poles))
    k = _checked(gain, "gain")
    if z.size > p.size:
        raise KernelError(
            f"there are {z.size} zeros and {p.size} poles: an output would depend on later inputs. "
            "Add poles at 0, which delay."
        )
    if _has_partners(z) and _has_partners(p) and k.dtype.kind != "c":
        from scipy.signal import zpk2sos

        # SciPy puts zeros at 0 in the place of those that are missing.
        late = Taps(np.ones(1, int), (p.size - z.size,))
        return in_series(late, node_of_sections(zpk2sos(z, p, float(k))))
    above = np.concatenate([np.zeros(p.size - z.size), np.atleast_1d(k * np.poly(z))])
    return rational(above, np.atleast_1d(np.poly(p)))


def _has_partners(roots: Array) -> bool:
    """Tell whether roots are real or come with their conjugates."""
    made = np.poly(roots)
    return bool(np.isrealobj(made))


def _checked(values: Any, name: str) -> Array:
    array = as_numeric(values, name)
    if array.dtype.kind in "fc" and not np.isfinite(array).all():
        raise NonFiniteError(f"{name} of a system must be finite; got {array}.")
    return array


def _own_sections(node: Node) -> Array | None:
    """Return the rows of sections that a node is made of, None if it has other parts."""
    parts = node.parts if isinstance(node, Series) else (node,)
    rows = [section(part.rounded()) for part in parts]
    known = [row for row in rows if row is not None and row[0] != 0]
    return np.array(known) if len(known) == len(parts) else None


def _in_powers_of_z(node: Node) -> tuple[Array, Array]:
    """Return polynomials in z, from the highest power on, the first coefficients not 0."""
    b, a = (as_floats(values) for values in node.fraction())
    size = max(b.size, a.size)
    b, a = np.pad(b, (0, size - b.size)), np.pad(a, (0, size - a.size))
    places = np.flatnonzero(b)
    return b[places[0] :] if places.size else b[-1:], a


def _without_common_zeros(zeros: Array, poles: Array) -> tuple[Array, Array]:
    """Return roots without as many at 0 as both have."""
    common = min(np.count_nonzero(zeros == 0), np.count_nonzero(poles == 0))
    kept = []
    for roots in (zeros, poles):
        others = roots[roots != 0]
        count = np.count_nonzero(roots == 0) - common
        kept.append(np.concatenate([others, np.zeros(count, roots.dtype)]))
    return kept[0], kept[1]
