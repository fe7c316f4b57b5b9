"""Convolution and correlation of signals that come in chunks."""

from sigconv.streaming.convolver import StreamConvolver
from sigconv.streaming.matrix import StreamMatrixConvolver
from sigconv.streaming.plan import StreamPlan

__all__ = ["StreamConvolver", "StreamMatrixConvolver", "StreamPlan"]
