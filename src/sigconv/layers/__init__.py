"""Convolution layers as functions of arrays, with their exact gradients."""

from __future__ import annotations

from sigconv.layers.convolution import conv, conv_output_shape, conv_transpose
from sigconv.layers.gradients import conv_bias_grad, conv_input_grad, conv_weight_grad

__all__ = [
    "conv",
    "conv_bias_grad",
    "conv_input_grad",
    "conv_output_shape",
    "conv_transpose",
    "conv_weight_grad",
]
