"""How many parameters layers have."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from sigconv.core.options import as_shape
from sigconv.errors import OptionError, ShapeError

__all__ = ["conv_parameters", "dense_parameters"]


def conv_parameters(
    inputs: int, outputs: int, kernel: Any, *, groups: int = 1, bias: bool = True
) -> int:
    """Return how many weights and biases `conv` has, whatever the size of the signal.

    Parameters
    ----------
    inputs, outputs : int
        Channels of the signal and of the result.
    kernel : int or sequence of int
        The taps on each axis of space; an integer is that of one axis, as nothing says how many
        there are.
    groups : int
        Parts of the channels that do not meet.
    bias : bool
        Whether each output channel has one.

    Returns
    -------
    int
        outputs (inputs / groups) taps, and as many biases as outputs.

    Raises
    ------
    ShapeError, OptionError
        For what is no number of channels or taps, and groups that do not divide the channels.

    See Also
    --------
    dense_parameters : With every input connected to every output.

    Examples
    --------
    An edge detector of 1 x 2; a hundred kernels of 5 x 5; the same 100 depthwise:

    >>> conv_parameters(1, 1, (1, 2), bias=False)
    2
    >>> conv_parameters(1, 100, (5, 5), bias=False)
    2500
    >>> conv_parameters(100, 100, (5, 5), groups=100, bias=False)
    2500
    """
    taps = as_shape(kernel, "kernel")
    if not taps or 0 in taps:
        raise ShapeError(f"kernel has at least one tap on each axis; got {kernel!r}.")
    channels = _count(inputs, "inputs"), _count(outputs, "outputs")
    parts = _count(groups, "groups")
    if any(count % parts for count in channels):
        raise ShapeError(
            f"groups must divide the input and the output channels; got groups={groups}, "
            f"{inputs} inputs and {outputs} outputs."
        )
    return channels[1] * (channels[0] // parts * prod(taps) + bool(bias))


def dense_parameters(inputs: int, outputs: int, *, bias: bool = True) -> int:
    """Return how many weights and biases `dense` has.

    Parameters
    ----------
    inputs, outputs : int
        Numbers that go in and come out, such as all pixels of all channels.
    bias : bool
        Whether each output has one.

    Returns
    -------
    int
        outputs * inputs, and as many biases as outputs.

    Raises
    ------
    OptionError
        For what is no number of inputs or outputs.

    Examples
    --------
    An image of 12 million pixels in three colours, and 100 hidden units: 3.6 billion weights,
    where a convolution learns an edge detector with 2.

    >>> dense_parameters(3 * 4000 * 3000, 100, bias=False)
    3600000000
    """
    return _count(outputs, "outputs") * (_count(inputs, "inputs") + bool(bias))


def _count(value: Any, name: str) -> int:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < 1:
        raise OptionError(f"{name} must be a whole number of at least 1; got {value!r}.")
    return int(value)
