"""Sums over channels by FFT: the spectra of a tile's channels meet those of all their kernels.

Tiles overlap by the kernel's reach, as in overlap-save. Each input channel is transformed once for
a block of output channels, whose kernels' spectra take no more memory than the arrays themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np

from sigconv.channels.problem import ChannelProblem, bias_view
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import gather_region
from sigconv.core.index import leading, trailing
from sigconv.core.nonfinite import is_finite
from sigconv.core.shapes import regular_length
from sigconv.engines.base import Machine, NonFiniteSamples
from sigconv.engines.costs import transform_cost
from sigconv.engines.workers import run_shared
from sigconv.fft import TransformSpec, borrow_transform
from sigconv.planning import current_machine

__all__ = ["Spectra", "multiply_spectra", "sum_spectra"]

# Lengths of tiles, in kernels, among which the cheapest is taken.
_TILES = (2, 3, 4, 6, 8, 12)

# A complex product of spectra by a bin that is multiplied in memory; what copies beside transforms
# take, in transforms; and seconds of a tile.
_PRODUCT, _COPIES, _TILE = 0.5, 2.2, 1e-4

# Seconds of a call.
_CALL = 3e-4

# The part of the arrays' memory that a block's spectra take: workers have some of them each.
_SHARE = 6


class Spectra(NamedTuple):
    """How a problem is transformed: the tile's lengths, and the output channels of a block."""

    nfft: tuple[int, ...]
    block: int
    seconds: float

    @classmethod
    def of(cls, problem: ChannelProblem, machine: Machine) -> Spectra:
        """Return the cheapest that takes no more memory than the arrays do."""
        found = [cls._with(problem, machine, factor) for factor in _TILES]
        fitting = [spectra for spectra in found if spectra._scratch(problem) <= _room(problem)]
        return min(fitting or found[:1], key=lambda spectra: spectra.seconds)

    @classmethod
    def _with(cls, problem: ChannelProblem, machine: Machine, factor: int) -> Spectra:
        nfft = tuple(
            regular_length(min(factor * axis.taps, axis.length + axis.taps - 1))
            for axis in problem.axes
        )
        dtype = problem.dtypes.compute
        spec = TransformSpec(1, nfft, dtype)
        inputs, outputs = problem.inputs // problem.groups, problem.outputs // problem.groups
        bins = prod(spec.bins)
        room = _room(problem)
        channel = inputs * bins * spec.spectrum_dtype.itemsize
        block = min(outputs, max(1, room // channel))
        tiles = problem.batch * prod(
            -(-axis.length // (n - axis.taps + 1))
            for axis, n in zip(problem.axes, nfft, strict=True)
        )
        times = -(-outputs // block)
        transforms = inputs * outputs + tiles * (times * inputs + outputs)
        seconds = transforms * transform_cost(machine, nfft, dtype)
        seconds += tiles * inputs * outputs * bins * machine.multiply * _PRODUCT
        seconds = problem.groups * (_COPIES * seconds + _TILE * tiles * times)
        return cls(nfft, block, seconds + _CALL)

    def _scratch(self, problem: ChannelProblem) -> int:
        """Return the bytes of a tile's samples and spectra, of all channels that meet."""
        channels = problem.inputs // problem.groups + self.block
        return 3 * channels * prod(self.nfft) * problem.dtypes.compute.itemsize


def _room(problem: ChannelProblem) -> int:
    """Return the bytes that a worker's spectra may take."""
    arrays = problem.signal_shape, problem.result_shape, problem.weight_shape
    return sum(map(prod, arrays)) * problem.dtypes.compute.itemsize // _SHARE


class _Tile(NamedTuple):
    """A signal, and a range of outputs on each axis."""

    n: int
    spans: tuple[tuple[int, int], ...]

    @property
    def slices(self) -> tuple[slice, ...]:
        return tuple(slice(*span) for span in self.spans)


class _Block(NamedTuple):
    """A group, its input channels, and some of its output channels, counted among all."""

    inputs: slice
    outputs: slice


def sum_spectra(
    problem: ChannelProblem,
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    *,
    workers: int,
) -> None:
    """Write the result for a signal (batch, inputs, *space).

    Raises NonFiniteSamples where a sample or a weight is not finite: it would reach all outputs of
    its tile.
    """
    if not is_finite(weight):
        raise NonFiniteSamples
    spectra = Spectra.of(problem, current_machine())
    tiles = list(_tiles(problem, spectra))
    none = np.zeros(problem.outputs, problem.dtypes.compute)
    shifts = bias_view(problem, none if bias is None else bias)
    for block in _blocks(problem, spectra):
        kernels = _kernel_spectra(problem, weight[block.outputs], spectra)

        def work(taken: Iterator[_Tile], block: _Block = block, kernels: Array = kernels) -> None:
            for tile in taken:
                samples = _tile_spectra(problem, x, block.inputs, tile, spectra)
                with np.errstate(all="ignore"):
                    sums = np.matmul(kernels, samples)[..., 0].T
                place = out[tile.n][leading((block.outputs, *tile.slices))]
                _write(sums, spectra, shifts[block.outputs], place)

        run_shared(work, tiles, workers)


def multiply_spectra(
    problem: ChannelProblem, x: Array, grad: Array, out: Array, *, workers: int
) -> None:
    """Write the sums over the batch and all outputs of grad[..., q] conj(x[..., q + k]).

    Raises NonFiniteSamples where a sample or an error is not finite.
    """
    if not is_finite(grad):
        raise NonFiniteSamples
    spectra = Spectra.of(problem, current_machine())
    tiles = list(_tiles(problem, spectra))
    dtype = problem.dtypes.compute
    spec = TransformSpec(1, spectra.nfft, dtype)
    bins = prod(spec.bins)

    def work(blocks: Iterator[_Block]) -> None:
        for block in blocks:
            count = block.inputs.stop - block.inputs.start
            outputs = block.outputs.stop - block.outputs.start
            total = np.zeros((bins, count, outputs), spec.spectrum_dtype)
            for tile in tiles:
                samples = _tile_spectra(problem, x, block.inputs, tile, spectra)
                errors = grad[(slice(tile.n, tile.n + 1), block.outputs, *tile.slices)][0]
                transformed = _transformed(errors, spectra, dtype)
                spectrum = transformed[..., 0].conj()
                with np.errstate(all="ignore"):
                    for i in range(samples.shape[1]):
                        total[:, i] += spectrum * samples[:, i]
            # What numpy.errstate says holds for one thread alone.
            with np.errstate(all="ignore"):
                _write_weights(total, problem, spectra, out[block.outputs])

    run_shared(work, list(_blocks(problem, spectra)), workers)


def _tiles(problem: ChannelProblem, spectra: Spectra) -> Iterator[_Tile]:
    spans = []
    for axis, n in zip(problem.axes, spectra.nfft, strict=True):
        step = n - axis.taps + 1
        spans.append([(a, min(a + step, axis.length)) for a in range(0, axis.length, step)])
    for n in range(problem.batch):
        for met in product(*spans):
            yield _Tile(n, met)


def _blocks(problem: ChannelProblem, spectra: Spectra) -> Iterator[_Block]:
    inputs, outputs = problem.inputs // problem.groups, problem.outputs // problem.groups
    for group in range(problem.groups):
        own = slice(group * inputs, (group + 1) * inputs)
        for first in range(0, outputs, spectra.block):
            last = min(first + spectra.block, outputs)
            yield _Block(own, slice(group * outputs + first, group * outputs + last))


def _transformed(values: Array, spectra: Spectra, dtype: DType) -> Array:
    """Return spectra (bins, channels, 1) of arrays (channels, *space), with zeros after them."""
    with borrow_transform(TransformSpec(len(values), spectra.nfft, dtype)) as transform:
        transform.samples[...] = 0
        transform.samples[trailing(slice(0, n) for n in values.shape[1:])] = values
        transform.forward()
        # A copy: the transform is lent to others next.
        made: Array = transform.spectrum.reshape(len(values), -1).T.copy(order="C")[..., None]
        return made


def _kernel_spectra(problem: ChannelProblem, weight: Array, spectra: Spectra) -> Array:
    """Return the scaled spectra (bins, outputs, inputs) of the reversed kernels."""
    spec = TransformSpec(1, spectra.nfft, problem.dtypes.compute)
    made = np.empty((prod(spec.bins), *weight.shape[:2]), spec.spectrum_dtype)
    for o, kernels in enumerate(weight):
        # F(conj w) conjugated is the spectrum of w reversed about its first tap.
        np.conj(_transformed(kernels.conj(), spectra, spec.dtype)[..., 0], out=made[:, o])
    made /= prod(spectra.nfft)
    return made


def _tile_spectra(
    problem: ChannelProblem, x: Array, channels: slice, tile: _Tile, spectra: Spectra
) -> Array:
    """Return the spectra (bins, inputs, 1) of what a tile of outputs meets."""
    region = tuple(
        (first + start, first + stop + axis.taps - 1)
        for axis, first, (start, stop) in zip(problem.axes, problem.firsts, tile.spans, strict=True)
    )
    batch = slice(tile.n, tile.n + 1), channels
    samples = gather_region(x, problem.axes, batch, region, problem.dtypes.compute)[0]
    made = _transformed(samples, spectra, problem.dtypes.compute)
    # The sum of all samples, which is bin 0, is finite only if each of them is.
    if not np.isfinite(made[0]).all():
        raise NonFiniteSamples
    return made


def _write(sums: Array, spectra: Spectra, shifts: Array, out: Array) -> None:
    """Write the outputs of a tile whose spectra are (channels, bins), with their biases."""
    with borrow_transform(TransformSpec(len(sums), spectra.nfft, shifts.dtype)) as transform:
        transform.spectrum[...] = sums.reshape(transform.spectrum.shape)
        transform.inverse()
        found = transform.samples[trailing(slice(0, n) for n in out.shape[1:])]
        with np.errstate(all="ignore"):
            np.add(found, shifts, out=out, casting="same_kind")


def _write_weights(total: Array, problem: ChannelProblem, spectra: Spectra, out: Array) -> None:
    """Write the weights whose spectra are (bins, inputs, outputs)."""
    dtype = problem.dtypes.compute
    taps = tuple(axis.taps for axis in problem.axes)
    for o, place in enumerate(out):
        with borrow_transform(TransformSpec(len(place), spectra.nfft, dtype)) as transform:
            transform.spectrum[...] = total[:, :, o].T.reshape(transform.spectrum.shape)
            transform.inverse()
            found = transform.samples[trailing(slice(0, n) for n in taps)]
            with np.errstate(all="ignore"):
                place[...] = found.conj() / prod(spectra.nfft)
