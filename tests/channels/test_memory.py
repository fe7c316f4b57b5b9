"""The memory of sums over channels: less than twice that of the arrays, under every engine."""

import tracemalloc

import numpy as np
import pytest

from sigconv.errors import MethodError
from sigconv.layers import conv, conv_input_grad, conv_output_shape, conv_weight_grad

# What is in use at a time of arrays however small: for each worker a box of columns.
_LEAST = 1 << 20

# Shapes of signals and weights: images, large weights, long kernels, depthwise, edges that repeat.
LAYERS = [
    ((8, 16, 64, 64), (16, 16, 3, 3), {"padding": 1}),
    ((2, 128, 14, 14), (256, 128, 3, 3), {"padding": 1}),
    ((4, 16, 40, 40), (32, 16, 21, 21), {"padding": 10}),
    ((2, 8, 20000), (8, 8, 501), {}),
    ((2, 16, 128, 128), (16, 1, 15, 15), {"padding": 7, "groups": 16}),
    ((4, 16, 128, 128), (16, 16, 5, 5), {"padding": 2, "boundary": "reflect"}),
    ((4, 128, 128, 16), (16, 16, 3, 3), {"padding": 1, "layout": "channels_last"}),
    ((4, 16, 128, 128), (16, 16, 3, 3), {"stride": 2}),
]


def peak_of(call):
    """The bytes that a call holds at most, beside what there was, its result included."""
    call()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", ["direct", "gemm", "fft"])
@pytest.mark.parametrize(("x_shape", "weight_shape", "options"), LAYERS)
def test_a_layer_takes_less_than_twice_the_memory_of_its_arrays(
    x_shape, weight_shape, options, method
):
    x, weight = np.ones(x_shape, "f4"), np.ones(weight_shape, "f4")
    grad = np.ones(conv_output_shape(x_shape, weight_shape, **options), "f4")
    bias = np.ones(weight_shape[0], "f4")
    total = x.nbytes + weight.nbytes + grad.nbytes
    calls = [
        (lambda **way: conv(x, weight, bias, **options, **way), (x, weight)),
        (lambda **way: conv_input_grad(grad, weight, x_shape, **options, **way), (grad, weight)),
        (lambda **way: conv_weight_grad(grad, x, weight_shape, **options, **way), (grad, x)),
    ]
    for call, given in calls:
        try:
            peak = peak_of(lambda call=call: call(method=method, workers=2))
        except MethodError:
            continue
        assert peak + sum(a.nbytes for a in given) < 2 * total + _LEAST
