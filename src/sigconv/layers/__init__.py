"""Convolution layers as functions of arrays, with their exact gradients."""

from __future__ import annotations

from sigconv.layers.activations import (
    relu,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    softmax,
    softmax_grad,
    tanh,
    tanh_grad,
)
from sigconv.layers.convolution import conv, conv_output_shape, conv_plan, conv_transpose
from sigconv.layers.counts import conv_parameters, dense_parameters
from sigconv.layers.dense import DenseGrad, dense, dense_grad
from sigconv.layers.equivariance import check_shift_equivariance, shifted
from sigconv.layers.gradients import conv_bias_grad, conv_input_grad, conv_weight_grad
from sigconv.layers.losses import (
    cross_entropy,
    cross_entropy_grad,
    squared_error,
    squared_error_grad,
)
from sigconv.layers.pooling import Pooled, avg_pool, max_pool
from sigconv.layers.pooling_gradients import avg_pool_grad, max_pool_grad

__all__ = [
    "DenseGrad",
    "Pooled",
    "avg_pool",
    "avg_pool_grad",
    "check_shift_equivariance",
    "conv",
    "conv_bias_grad",
    "conv_input_grad",
    "conv_output_shape",
    "conv_parameters",
    "conv_plan",
    "conv_transpose",
    "conv_weight_grad",
    "cross_entropy",
    "cross_entropy_grad",
    "dense",
    "dense_grad",
    "dense_parameters",
    "max_pool",
    "max_pool_grad",
    "relu",
    "relu_grad",
    "shifted",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_grad",
    "squared_error",
    "squared_error_grad",
    "tanh",
    "tanh_grad",
]
