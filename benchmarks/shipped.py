"""Measure this computer and write what `sigconv` assumes where nobody has calibrated it.

``python -m benchmarks.shipped`` prints the text of src/sigconv/planning/machine.py, and with
``--write`` replaces that file. It takes half a minute, on a computer that does nothing else.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sigconv.engines import Machine
from sigconv.planning.measuring import measure_machine

__all__ = ["source_of"]

_TEXT = '''"""Measured speeds of one machine, by ``python -m benchmarks.shipped``; do not edit."""

from __future__ import annotations

from dataclasses import replace

from sigconv.engines.base import Machine

__all__ = ["MACHINE", "READY"]

# Length, and picoseconds per sample and log2 of the length for f4, f8, c8 and c16.
_FFT = (
{table}
)

# Length of an axis, and the same for columns of c8 and c16, and rows of f4, f8, c8 and c16.
_AXES = (
{axes}
)

MACHINE = Machine(
    name="{name}",
    measured="{measured}",
    fft_samples=tuple(row[0] for row in _FFT),
    fft={{
        key: tuple(row[i] * 1e-12 for row in _FFT)
        for i, key in enumerate(("f4", "f8", "c8", "c16"), start=1)
    }},
    axis_lengths=tuple(row[0] for row in _AXES),
    fft_columns={{
        key: tuple(row[i] * 1e-12 for row in _AXES) for i, key in enumerate(("c8", "c16"), start=1)
    }},
    fft_rows={{
        key: tuple(row[i] * 1e-12 for row in _AXES)
        for i, key in enumerate(("f4", "f8", "c8", "c16"), start=3)
    }},
{tables}
{figures}
)

READY = replace(MACHINE, cold_loop=0.0, compile_loop=0.0)
"""The same with its compiled loops loaded: for plans that will be used many times."""
'''

_TABLES = {
    "fft_nd": "Seconds per sample and log2 of the number of samples.",
    "multiply_add": "Seconds per tap and output, by the compiled loop.",
    "slice_add": "The same by NumPy slices.",
    "convolve": "np.convolve: seconds per output, and per tap and output.",
}

_FIGURES = {
    "multiply": "Seconds per bin of a spectrum multiplied, in single precision.",
    "copy": "Per byte read or written in a copy.",
    "call": "Per call.",
    "block": "Per block.",
    "cold_loop": "To import numba and load a first loop.",
    "compile_loop": "To compile a loop.",
    "thread": "To wake a thread.",
}


def source_of(machine: Machine) -> str:
    """Return the module that defines `machine`, as ruff formats it."""
    keys = ("f4", "f8", "c8", "c16")
    table = _picoseconds(machine.fft_samples, *(machine.fft[key] for key in keys))
    axes = _picoseconds(
        machine.axis_lengths,
        *(machine.fft_columns[key] for key in ("c8", "c16")),
        *(machine.fft_rows[key] for key in keys),
    )
    tables = "\n".join(
        f"    # {title}\n    {field}={{\n{_entries(getattr(machine, field))}\n    }},"
        for field, title in _TABLES.items()
    )
    figures = [
        f"    # {title}\n    {field}={_number(getattr(machine, field))},"
        for field, title in _FIGURES.items()
    ]
    figures.append(
        f"    # Half of a core's second-level cache.\n    cache_bytes={machine.cache_bytes},"
    )
    return _TEXT.format(
        table=table,
        axes=axes,
        name=machine.name,
        measured=machine.measured,
        tables=tables,
        figures="\n".join(figures),
    )


def _picoseconds(lengths: tuple[int, ...], *columns: tuple[float, ...]) -> str:
    return "\n".join(
        f"    ({n}, {', '.join(f'{rate * 1e12:.0f}' for rate in rates)}),"
        for n, *rates in zip(lengths, *columns, strict=True)
    )


def _entries(rates: dict[str, float] | dict[str, tuple[float, float]]) -> str:
    return "\n".join(f'        "{key}": {_number(rate)},' for key, rate in rates.items())


def _number(value: float | tuple[float, float]) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_number, value))})"
    return repr(float(f"{value:.3g}"))


if __name__ == "__main__":
    text = source_of(measure_machine(lambda what: print(what, file=sys.stderr)))
    if "--write" in sys.argv[1:]:
        target = Path(__file__).parents[1] / "src/sigconv/planning/machine.py"
        target.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
