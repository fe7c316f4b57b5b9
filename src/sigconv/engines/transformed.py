"""The prepared kernel of an FFT engine: by spectra, by spectra of limbs, or under guard."""

from __future__ import annotations

from sigconv.core.dtypes import Array
from sigconv.engines.guard import GuardedKernel
from sigconv.engines.limbs import LimbKernel
from sigconv.engines.plan import Plan
from sigconv.engines.spectral import SpectralKernel

__all__ = ["TransformedKernel", "transformed"]

TransformedKernel = SpectralKernel | LimbKernel | GuardedKernel


def transformed(plan: Plan, kernel: Array) -> TransformedKernel:
    """Return the kernel made ready for the plan's dtype and accuracy."""
    if plan.problem.dtypes.is_integer:
        return LimbKernel(plan, kernel)
    if plan.problem.rtol is not None:
        return GuardedKernel(plan, kernel)
    return SpectralKernel(plan, kernel)
