"""Convolution layers as functions of arrays, with their exact gradients."""

from __future__ import annotations

from sigconv.layers.convolution import conv, conv_output_shape, conv_transpose
from sigconv.layers.gradients import conv_bias_grad, conv_input_grad, conv_weight_grad
from sigconv.layers.pooling import Pooled, avg_pool, avg_pool_grad, max_pool, max_pool_grad

__all__ = [
    "Pooled",
    "avg_pool",
    "avg_pool_grad",
    "conv",
    "conv_bias_grad",
    "conv_input_grad",
    "conv_output_shape",
    "conv_transpose",
    "conv_weight_grad",
    "max_pool",
    "max_pool_grad",
]
