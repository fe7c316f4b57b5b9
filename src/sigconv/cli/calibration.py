"""What `sigconv calibrate` does and says."""

from __future__ import annotations

from math import log2

import click
import numpy as np

from sigconv.engines import Machine
from sigconv.engines.base import dtype_key
from sigconv.engines.costs import transform_cost
from sigconv.planning import MACHINE
from sigconv.planning.calibration import (
    calibration_path,
    check_target,
    clear_calibration,
    is_wanted,
    store_calibration,
    stored_calibration,
)

__all__ = ["clear", "measure", "show"]

_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))

# Samples of the transform that is shown.
_LENGTH = 8192

# Characters of the name of a figure.
_WIDTH = 32


def measure() -> None:
    """Measure this computer, write what was found, and say where and what."""
    from sigconv.planning.measuring import calibrate

    is_used = is_wanted()
    # A minute of measuring should not end in an error that was to be foreseen.
    check_target()
    found = calibrate(lambda what: click.echo(what, err=True))
    path = store_calibration(found)
    if not is_used:
        click.echo("sigconv: warning: SIGCONV_CALIBRATION is off: nothing uses this.", err=True)
    click.echo(_facts([("written to", str(path))]))
    click.echo(describe(found.machine))


def show() -> None:
    """Say which speeds are in force and where they come from."""
    found = stored_calibration()
    if found is None:
        why = "not calibrated" if is_wanted() else "SIGCONV_CALIBRATION is off"
        click.echo(_facts([("in force", f"what sigconv comes with; {why}")]))
        click.echo(describe(MACHINE))
    else:
        click.echo(_facts([("in force", str(calibration_path()))]))
        click.echo(describe(found.machine))


def clear() -> None:
    """Remove this computer's calibration and say what was removed."""
    path = clear_calibration()
    click.echo("not calibrated; nothing to remove" if path is None else f"removed {path}")


def describe(machine: Machine) -> str:
    """Return the main figures of a machine, beside those that sigconv comes with."""
    facts = [("processor", machine.name), ("measured", machine.measured)]
    if machine.wisdom:
        facts.append(("FFTW wisdom", f"{machine.wisdom_name}, {len(machine.wisdom)} transforms"))
    columns = {"here": _figures(machine), "shipped": _figures(MACHINE)}
    if machine is MACHINE:
        del columns["here"]
    table = [
        f"{name:<{_WIDTH}}" + "".join(f"{column[name]:>9.3g}" for column in columns.values())
        for name in columns["shipped"]
    ]
    head = " " * _WIDTH + "".join(f"{title:>9}" for title in columns)
    return "\n".join([_facts(facts), head, *table])


def _figures(machine: Machine) -> dict[str, float]:
    sums = {
        f"sums over taps, {dtype}, GFLOP/s": 2e-9 / machine.multiply_add[dtype_key(dtype)]
        for dtype in _DTYPES
    }
    # The usual count of operations of a real transform, 2.5 n log2(n).
    operations = 2.5e-9 * _LENGTH * log2(_LENGTH)
    transforms = {
        f"FFT of {_LENGTH}, {dtype}, GFLOP/s": operations
        / transform_cost(machine, (_LENGTH,), dtype)
        for dtype in _DTYPES
    }
    return {
        **sums,
        **transforms,
        "copy, GB/s read and written": 1e-9 / machine.copy,
        "waking a thread, us": 1e6 * machine.thread,
    }


def _facts(facts: list[tuple[str, str]]) -> str:
    return "\n".join(f"{name:<12} {value}" for name, value in facts)
