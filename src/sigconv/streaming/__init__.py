"""Convolution and correlation of signals that come in chunks."""

from sigconv.streaming.convolver import StreamConvolver
from sigconv.streaming.correlator import StreamCorrelator
from sigconv.streaming.delays import StreamDelayEstimator
from sigconv.streaming.matrix import StreamMatrixConvolver
from sigconv.streaming.plan import StreamPlan

__all__ = [
    "StreamConvolver",
    "StreamCorrelator",
    "StreamDelayEstimator",
    "StreamMatrixConvolver",
    "StreamPlan",
]
