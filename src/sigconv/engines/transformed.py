"""The prepared kernel of an FFT engine: by spectra, of planes or of limbs, or under guard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.engines import compiled
from sigconv.engines.base import Machine, dtype_key
from sigconv.engines.guard import GuardedKernel
from sigconv.engines.limbs import LimbKernel
from sigconv.engines.native import NativeKernel
from sigconv.engines.native_planes import NativePlaneKernel
from sigconv.engines.plan import Plan
from sigconv.engines.planes import PlaneKernel
from sigconv.engines.spectral import SpectralKernel
from sigconv.engines.tiles import TileKernel
from sigconv.fft import TransformSpec

__all__ = ["TransformedKernel", "block_transform", "by_wisdom", "transformed"]

TransformedKernel = SpectralKernel | LimbKernel | GuardedKernel | NativeKernel | PlaneKernel


def transformed(plan: Plan, kernel: Array) -> TransformedKernel:
    """Return the kernel made ready for the plan's dtype and accuracy."""
    if plan.problem.dtypes.is_integer:
        return LimbKernel(plan, kernel)
    if plan.problem.rtol is not None:
        return GuardedKernel(plan, kernel)
    by_loops = compiled.runs_transforms(block_transform(plan).dtype)
    if plan.loop in ("numba", "pairs", "parts") and by_loops:
        return NativeKernel(plan, kernel) if len(plan.nfft) == 1 else TileKernel(plan, kernel)
    if plan.loop == "compiled planes" and by_loops:
        return NativePlaneKernel(plan, kernel)
    if plan.shares_blocks:
        return PlaneKernel(plan, kernel)
    return SpectralKernel(plan, kernel)


def block_transform(plan: Plan) -> TransformSpec:
    """Return the transform of a group of the blocks of a floating plan."""
    dtype = plan.problem.dtypes.compute
    if plan.loop == "pairs":
        dtype = np.result_type(dtype, np.complex64)
    is_native = plan.loop in ("numba", "pairs", "parts")
    return TransformSpec(plan.group, plan.nfft, dtype, plan.effort, is_native)


def by_wisdom(plan: Plan, machine: Machine) -> Plan:
    """Return the plan with its transforms planned by the machine's wisdom, where it has some."""
    plain = plan.problem.rtol is None and not plan.problem.dtypes.is_integer
    if not (machine.wisdom and plain and len(plan.nfft) == 1):
        return plan
    spec = block_transform(plan)
    if (dtype_key(spec.dtype), plan.nfft[0], spec.count) not in machine.wisdom:
        return plan
    return replace(plan, effort="wisdom", wisdom=machine.wisdom_name)
