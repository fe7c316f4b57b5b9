"""A stream in any order of calls is the convolution of all that came."""

import pickle

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import sigconv as sc
from sigconv.errors import DTypeError, ShapeError, StreamError
from sigconv.streaming import losses
from tests.streaming.streams import choose_any

MOST = 300


class Model:
    """Which kernel has which weight at each time, by the definition of swaps and fades."""

    def __init__(self, kernel):
        self.kernels, self.weights = [kernel], []
        self.fade, self.done, self.waiting = 0, 0, None

    def pass_time(self, count):
        for _ in range(count):
            weights = np.zeros(len(self.kernels))
            if self.fade:
                w = np.sin(np.pi * (self.done + 0.5) / (2 * self.fade)) ** 2
                weights[-2:] = 1 - w, w
                self.done += 1
                if self.done == self.fade:
                    self.fade = self.done = 0
                    if self.waiting:
                        swap, self.waiting = self.waiting, None
                        self.weights.append(weights)
                        self.swap(*swap)
                        continue
            else:
                weights[-1] = 1
            self.weights.append(weights)

    def swap(self, kernel, fade):
        if self.fade:
            self.waiting = kernel, fade
        else:
            self.kernels.append(kernel)
            self.fade, self.done = fade, 0

    @property
    def newest(self):
        return self.waiting[0] if self.waiting else self.kernels[-1]

    @property
    def taps(self):
        """The most taps of a kernel that is in force or to come."""
        last = self.kernels[-2:] if self.fade else self.kernels[-1:]
        return max(len(k) for k in [*last, *([self.waiting[0]] if self.waiting else [])])

    def expected(self, x, latency):
        count = len(self.weights)
        y = np.zeros((count, *x.shape[1:]))
        for number, kernel in enumerate(self.kernels):
            made = np.zeros_like(y)
            part = sc.convolve(x, kernel, axes=0, method="direct")[: max(0, count - latency)]
            made[latency : latency + len(part)] = part
            weights = np.array([w[number] if number < len(w) else 0.0 for w in self.weights])
            y += weights.reshape(-1, *[1] * (y.ndim - 1)) * made
        return y


class StreamMachine(RuleBasedStateMachine):
    """process, flush, reset, swap, state and refused calls in any order."""

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()

    @initialize(
        seed=st.integers(0, 2**32 - 1),
        taps=st.integers(1, MOST),
        latency=st.sampled_from([0, 0, 1, 37, 200]),
        channels=st.sampled_from([None, None, 2]),
        block=st.sampled_from([None, 1, 50, 128]),
        anew=st.booleans(),
    )
    def begin(self, seed, taps, latency, channels, block, anew):
        choose_any(self.patch, seed)
        if anew:
            # Every chunk is a reason to plan anew.
            self.patch.setattr(losses, "_PATIENCE", -1.0)
        self.rng = np.random.default_rng(seed)
        self.kernel = self.drawn(taps)
        self.channels, self.latency = channels, latency
        self.keywords = {
            "latency": latency,
            "max_taps": MOST,
            "axis": None if channels is None else 0,
            "block_size": block,
        }
        self.stream = sc.StreamConvolver(self.kernel, **self.keywords)
        self.start(self.kernel)

    def start(self, kernel):
        self.model, self.x, self.y, self.is_ended = Model(kernel), [], [], False

    def drawn(self, taps):
        return self.rng.standard_normal(taps)

    @precondition(lambda self: not self.is_ended)
    @rule(size=st.integers(0, 7) | st.sampled_from([31, 64, 100, 257, 1000]))
    def process(self, size):
        shape = (size,) if self.channels is None else (size, self.channels)
        chunk = self.rng.standard_normal(shape)
        self.x.append(chunk)
        self.y.append(self.stream.process(chunk))
        assert self.y[-1].shape == chunk.shape
        self.model.pass_time(size)

    @precondition(lambda self: not self.is_ended)
    @rule(taps=st.integers(1, MOST), fade=st.sampled_from([0, 0, 1, 5, 64, 300]))
    def swap(self, taps, fade):
        kernel = self.drawn(taps)
        self.stream.swap(kernel, fade)
        self.model.swap(kernel, fade)

    @rule()
    def go_on_elsewhere(self):
        state = pickle.loads(pickle.dumps(self.stream.state()))
        self.stream = sc.StreamConvolver(self.kernel, **self.keywords)
        self.stream.restore(state)

    @precondition(lambda self: not self.is_ended and any(map(len, self.x)))
    @rule()
    def refuse(self):
        with pytest.raises(DTypeError, match="complex128"):
            self.stream.process(np.ones_like(next(x for x in self.x if len(x)), complex))
        with pytest.raises(ShapeError, match=r"chunk|axis"):
            self.stream.process(np.ones((3, 4, 5)))
        with pytest.raises(ShapeError, match="max_taps"):
            self.stream.swap(np.ones(MOST + 1))

    @precondition(lambda self: not self.is_ended)
    @rule()
    def flush(self):
        came = any(map(len, self.x))
        tail = self.stream.flush()
        assert len(tail) == (self.model.taps - 1 + self.latency if came else 0)
        self.y.append(tail)
        self.model.pass_time(len(tail))
        self.is_ended = True
        with pytest.raises(StreamError, match="reset"):
            self.stream.process(np.ones(1))

    @rule()
    def reset(self):
        self.check()
        self.stream.reset()
        self.start(self.model.newest)

    def check(self):
        if not any(map(len, self.x)):
            return
        x, y = np.concatenate(self.x), np.concatenate([part for part in self.y if part.size])
        expected = self.model.expected(x, self.latency)
        assert y.shape == expected.shape
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-11)

    def teardown(self):
        if hasattr(self, "stream"):
            self.check()
        self.patch.undo()


TestStream = StreamMachine.TestCase
TestStream.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
