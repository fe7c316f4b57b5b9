"""Systems as others write them: coefficients, sections, zeros and poles, `scipy.signal.dlti`."""

from __future__ import annotations

import warnings
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array
from sigconv.errors import KernelError, ShapeError
from sigconv.lti.networks import Series, in_series
from sigconv.lti.node import Node
from sigconv.lti.numbers import as_coefficients, as_floats, strip
from sigconv.lti.recursion import rational, section
from sigconv.lti.taps import Taps

__all__ = ["node_of", "node_of_sections", "sections", "to_dlti", "zeros_and_poles"]

# Finding roots takes the cube of their number.
_MOST_ROOTS = 1000


def node_of(definition: Any) -> tuple[Node, float | None]:
    """Return what a definition describes, and the sampling rate if it says one."""
    if type(definition).__module__.startswith("scipy.signal"):
        return _node_of_scipy(definition)
    if isinstance(definition, tuple) and definition and not np.isscalar(definition[0]):
        return _node_of_tuple(definition), None
    taps = as_coefficients(definition, "an impulse response")
    if taps.ndim == 0 or 0 in taps.shape:
        raise ShapeError(
            f"an impulse response has at least one sample on each axis; got shape {taps.shape}."
        )
    _check_no_sections(taps)
    return Taps(taps, (0,) * taps.ndim), None


def _check_no_sections(taps: Array) -> None:
    """Raise ShapeError for what is meant as second-order sections."""
    looks_so = taps.ndim == 2 and taps.shape[1] == 6 and (taps[:, 3] == 1).all()
    if looks_so and not (taps == 1).all():
        raise ShapeError(
            f"an array of shape {taps.shape} with a0 = 1 in each row looks like second-order "
            "sections. Use System.from_sos(sos); an impulse response of this shape is one with a "
            "column of zeros appended."
        )


def node_of_sections(sos: npt.ArrayLike) -> Node:
    """Return second-order sections one after another."""
    rows = as_coefficients(sos, "sos")
    if rows.ndim != 2 or rows.shape[1] != 6 or not len(rows):
        raise ShapeError(
            f"sos has a row (b0, b1, b2, a0, a1, a2) for each section; got shape {rows.shape}."
        )
    return in_series(*(rational(row[:3], row[3:]) for row in rows))


def zeros_and_poles(node: Node) -> tuple[Array, Array, Any]:
    """Return zeros, poles and gain, part by part: products of many polynomials lose them."""
    found = [_roots_of(part) for part in _parts_of(node)]
    zeros, poles = (np.concatenate([np.atleast_1d(part[i]) for part in found]) for i in (0, 1))
    gain, late = prod(part[2] for part in found), sum(part[3] for part in found)
    if gain == 0:
        return zeros[:0], poles, gain
    # The power of 1/z that is left: poles or zeros at 0.
    origin = np.zeros(abs(late))
    if late < 0:
        return np.concatenate([zeros, origin]), poles, gain
    return zeros, np.concatenate([poles, origin]), gain


def sections(node: Node) -> Array:
    """Return second-order sections: the node's own where it is made of them."""
    rows = [_rows_of(part) for part in _parts_of(node)]
    return np.concatenate(rows)


def _rows_of(part: Node) -> Array:
    """Return the sections of one part."""
    row = section(part.rounded())
    if row is not None:
        return row[np.newaxis]
    b, a = (as_floats(values) for values in part.fraction())
    b, late = strip(b)
    if a.size == 1 and b.size <= 3 and b.dtype.kind != "c":
        made = np.concatenate([np.pad(b, (0, 3 - b.size)), [1.0, 0, 0]])[np.newaxis]
        return np.concatenate([_delays(late), made])
    if "c" in (b.dtype.kind, a.dtype.kind):
        raise KernelError(
            "sections have real coefficients, and this system has complex ones. Use to_ba() or "
            "to_zpk()."
        )
    from scipy.signal import zpk2sos

    zeros, poles, gain = zeros_and_poles(part)
    if gain == 0:
        return np.array([[0.0, 0, 0, 1, 0, 0]])
    missing = poles.size - zeros.size
    # SciPy puts zeros at 0 in the place of those that are missing, which does away with a delay.
    return np.concatenate([_delays(missing), np.asarray(zpk2sos(zeros, poles, gain))])


def _delays(samples: int) -> Array:
    rows = [[0.0, 0, 1, 1, 0, 0]] * (samples // 2) + [[0.0, 1, 0, 1, 0, 0]] * (samples % 2)
    return np.reshape(rows, (-1, 6))


def _parts_of(node: Node) -> tuple[Node, ...]:
    return node.parts if isinstance(node, Series) else (node,)


def _roots_of(part: Node) -> tuple[Array, Array, Any, int]:
    """Return zeros and poles that are not 0, the gain, and the delay."""
    b, a = part.fraction()
    if max(np.count_nonzero(b), np.count_nonzero(a)) > 1 and max(b.size, a.size) > _MOST_ROOTS:
        raise KernelError(
            f"a polynomial of degree {max(b.size, a.size) - 1} has more roots than are looked for, "
            f"{_MOST_ROOTS}. Use to_ba(), or to_fir() and its impulse_response()."
        )
    (b, late), (a, _) = (strip(as_floats(values).astype(_wide(values))) for values in (b, a))
    return np.roots(b), np.roots(a), b[0] / a[0], late - a.size + b.size


def _wide(values: Array) -> Any:
    return np.result_type(as_floats(values), float)


def to_dlti(node: Node, fs: float | None) -> Any:
    """Return a `scipy.signal.dlti`: polynomials in z, or zeros and poles of a series."""
    from scipy import signal

    make: Any = signal.dlti
    with warnings.catch_warnings():
        # Of numerators that begin with zeros, which delay.
        warnings.simplefilter("ignore")
        arguments = zeros_and_poles(node) if isinstance(node, Series) else _in_powers_of_z(node)
        return make(*arguments, dt=True if fs is None else 1 / fs)


def _in_powers_of_z(node: Node) -> tuple[Array, Array]:
    """Return polynomials of one length: powers of z^-1 are then powers of z, from the highest."""
    b, a = (as_floats(values) for values in node.fraction())
    size = max(b.size, a.size)
    return np.pad(b, (0, size - b.size)), np.pad(a, (0, size - a.size))


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
    _check_one_to_one(definition)
    if hasattr(definition, "gain"):
        node = _node_of_tuple((definition.zeros, definition.poles, definition.gain))
    else:
        with warnings.catch_warnings():
            # Of numerators that begin with zeros, as those of state spaces do.
            warnings.simplefilter("ignore")
            transfer = definition.to_tf()
        above, below = np.ravel(transfer.num), np.ravel(transfer.den)
        lag = below.size - above.size
        if lag < 0:
            raise KernelError(
                f"the transfer function has {above.size - 1} zeros and {below.size - 1} poles: an "
                "output would depend on later inputs. Delay it."
            )
        node = rational(np.concatenate([np.zeros(lag), above]), below)
    return node, None if definition.dt is True else 1 / definition.dt


def _check_one_to_one(definition: Any) -> None:
    """Raise ShapeError for systems of several inputs or outputs."""
    inputs = np.shape(definition.B)[1] if hasattr(definition, "B") else 1
    outputs = np.shape(definition.C)[0] if hasattr(definition, "C") else 1
    if np.ndim(getattr(definition, "num", 0)) == 2:
        outputs = len(definition.num)
    if (inputs, outputs) != (1, 1):
        raise ShapeError(
            f"a system has one input and one output; this one has {inputs} and {outputs}. Take "
            "them one by one."
        )


def _node_of_tuple(definition: tuple[Any, ...]) -> Node:
    if len(definition) == 2:
        b, a = (
            as_coefficients(part, name) for part, name in zip(definition, ("b", "a"), strict=True)
        )
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
    z, p, k = (
        as_floats(as_coefficients(part, "zeros, poles and gain")) for part in (zeros, poles, gain)
    )
    z, p = np.atleast_1d(z), np.atleast_1d(p)
    if not z.size and not p.size:
        return Taps(k.reshape(1), (0,))
    if z.size > p.size:
        raise KernelError(
            f"there are {z.size} zeros and {p.size} poles: an output would depend on later inputs. "
            "Add poles at 0, which delay."
        )
    if k == 0:
        return Taps(np.zeros(1), (0,))
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
