"""Convolution layers beside PyTorch's, in turns in one run, and resampling beside SciPy's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import signal

import sigconv as sc
from benchmarks.peers import THREADS
from benchmarks.timing import Entry, Patience, Ratio, compare, ratio, time_in_turns

__all__ = ["LAYERS", "Layer", "LayerRow", "layer_entries", "layer_rows"]

Array = np.ndarray[Any, Any]

RESULT, WEIGHTS, INPUT = "result", "weight gradient", "input gradient"


class Layer(NamedTuple):
    """A layer's shapes, with kernels as wide on each axis, and how fast it should be."""

    name: str
    batch: int
    inputs: int
    outputs: int
    size: int
    taps: int
    ndim: int = 2
    groups: int = 1
    stride: int = 1
    wanted: float | None = None

    @property
    def signal_shape(self) -> tuple[int, ...]:
        """The shape of its input."""
        return self.batch, self.inputs, *(self.size,) * self.ndim

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """The shape of its weights."""
        return self.outputs, self.inputs // self.groups, *(self.taps,) * self.ndim

    @property
    def options(self) -> dict[str, Any]:
        """The keywords that both libraries know."""
        return {"stride": self.stride, "padding": self.taps // 2, "groups": self.groups}

    def __str__(self) -> str:
        sizes = f"{self.size}" + "²³"[self.ndim - 2]
        stride = f", stride {self.stride}" if self.stride > 1 else ""
        taps = f"{self.taps}" + "²³"[self.ndim - 2]
        return (
            f"{self.name}: {self.batch} x {self.inputs} x {sizes} to {self.outputs}, {taps}{stride}"
        )


LAYERS = (
    *(Layer("many channels", 8, 16, 32, 128, k, wanted=0.5) for k in range(1, 8)),
    *(Layer("one channel", 8, 1, 1, 128, k, wanted=1.0) for k in (3, 5, 7, 15)),
    *(Layer("depthwise", 8, 16, 16, 128, k, groups=16, wanted=1.0) for k in (3, 5, 7)),
    Layer("depthwise", 8, 16, 16, 128, 31, groups=16, wanted=3.0),
    *(Layer("volumes", 1, 8, 8, 64, k, 3, wanted=1.0) for k in (3, 7)),
    *(Layer("volumes", 1, 8, 16, 64, k, 3, wanted=1.0) for k in (3, 7)),
    Layer("deep", 8, 64, 64, 56, 3),
    Layer("deep", 8, 128, 128, 28, 3),
    Layer("deep", 8, 256, 256, 14, 3),
    Layer("deep", 8, 512, 512, 7, 3),
    Layer("deep, 1 tap", 8, 256, 64, 56, 1),
    Layer("first", 8, 3, 64, 224, 7, stride=2),
    Layer("halving", 8, 128, 128, 56, 3, stride=2),
    Layer("halving depthwise", 8, 96, 96, 56, 3, groups=96, stride=2),
    Layer("small", 1, 1, 8, 28, 3),
)

RATES = (
    (1_000_000, 64, 1, 4),
    (1_000_000, 64, 4, 1),
    (1_000_000, 3840, 160, 147),
    (1000, 32, 2, 1),
)
"""Samples, taps, and the rates up and down."""


class LayerRow(NamedTuple):
    """What was compared, its ratio to the peer's time or memory, and what was wanted."""

    title: str
    kind: str
    ratio: Ratio
    wanted: float | None

    @property
    def is_met(self) -> bool:
        """Whether it is as fast as wanted."""
        return self.wanted is None or self.ratio.median >= self.wanted


def layer_rows(patience: Patience) -> Iterator[LayerRow]:
    """Yield all rows: those beside PyTorch only where it is installed."""
    if find_spec("torch"):
        for layer in LAYERS:
            for kind, entries in layer_entries(layer).items():
                compare(entries, f"{layer}, {kind}")
                own, peer = time_in_turns(entries, patience)
                wanted = layer.wanted if kind != INPUT else None
                yield LayerRow(str(layer), f"{kind}, over torch", ratio(own, peer), wanted)
    yield from _resampled(patience)
    if Path("/proc/self/clear_refs").exists():
        for layer in (LAYERS[2], LAYERS[6], LAYERS[16], LAYERS[22]):
            yield _memory(layer)


def layer_entries(layer: Layer) -> dict[str, list[Entry]]:
    """Return the calls of both libraries for the result and two gradients."""
    torch: Any = import_module("torch")
    rng = np.random.default_rng(0)
    x = rng.standard_normal(layer.signal_shape).astype("f4")
    weight = rng.standard_normal(layer.weight_shape).astype("f4")
    options = layer.options
    grad = sc.layers.conv(x, weight, **options)
    forward = getattr(torch.nn.functional, f"conv{layer.ndim}d")
    tensors = [torch.from_numpy(array) for array in (grad, x, weight)]

    def theirs(kind: str) -> Array:
        with torch.no_grad():
            if kind == RESULT:
                made = forward(*tensors[1:], **options)
            else:
                made = _derivative(torch, tensors, layer, kind)
            array: Array = made.numpy()
            return array

    own: dict[str, Callable[[], Array]] = {
        RESULT: lambda: sc.layers.conv(x, weight, **options),
        WEIGHTS: lambda: sc.layers.conv_weight_grad(grad, x, weight.shape, **options),
        INPUT: lambda: sc.layers.conv_input_grad(grad, weight, x.shape, **options),
    }
    return {
        kind: [
            Entry("sigconv", call, THREADS),
            Entry("torch", partial(theirs, kind), THREADS, _torch_threads),
        ]
        for kind, call in own.items()
    }


def _derivative(torch: Any, tensors: list[Any], layer: Layer, kind: str) -> Any:
    each = (1,) * layer.ndim
    wants = [kind == INPUT, kind == WEIGHTS, False]
    made = torch.ops.aten.convolution_backward(
        *tensors,
        None,
        [layer.stride] * layer.ndim,
        [layer.taps // 2] * layer.ndim,
        each,
        False,
        [0] * layer.ndim,
        layer.groups,
        wants,
    )
    return made[wants.index(True)]


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    torch: Any = import_module("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


def _resampled(patience: Patience) -> Iterator[LayerRow]:
    rng = np.random.default_rng(0)
    for size, taps, up, down in RATES:
        x = rng.standard_normal(size).astype("f4")
        h = rng.standard_normal(taps).astype("f4")
        entries = [
            Entry("sigconv", partial(sc.resample_conv, x, h, up, down), THREADS),
            Entry("upfirdn", partial(signal.upfirdn, h, x, up, down)),
        ]
        title = f"{size} samples, {taps} taps, up {up}, down {down}"
        compare(entries, title)
        own, peer = time_in_turns(entries, patience)
        yield LayerRow(title, "over scipy.signal.upfirdn", ratio(own, peer), None)


# VmHWM is this program's own peak; 5 resets it (proc(5)).
CHILD = """
import sys
import numpy as np
import sigconv as sc
shapes, options = eval(sys.argv[1])

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

x, weight = (np.ones(shape, "f4") for shape in shapes)
small = np.ones((1, *x.shape[1:2], *(9,) * (x.ndim - 2)), "f4")
sc.layers.conv(small, weight, method="direct", **options)
sc.layers.conv_weight_grad(
    sc.layers.conv(small, weight, **options), small, weight.shape, method="direct", **options)
open("/proc/self/clear_refs", "w").write("5")
before = peak()
y = sc.layers.conv(x, weight, **options)
forward = peak() - before
open("/proc/self/clear_refs", "w").write("5")
before = peak()
sc.layers.conv_weight_grad(y, x, weight.shape, **options)
print(forward - y.nbytes, peak() - before - weight.nbytes, x.nbytes + y.nbytes + weight.nbytes)
"""


def _memory(layer: Layer) -> LayerRow:
    """Return how many times the arrays' own memory is free for what is needed beside them."""
    asked = repr(((layer.signal_shape, layer.weight_shape), layer.options))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, asked], check=True, capture_output=True, text=True
    )
    forward, backward, arrays = map(int, done.stdout.split())
    times = 2 * arrays / (arrays + max(forward, backward, 0))
    kind = "twice the arrays' memory, over the memory taken"
    return LayerRow(str(layer), kind, Ratio(times, times, times), 1.0)
