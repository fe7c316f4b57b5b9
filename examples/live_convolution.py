"""Speak into a hall: the microphone through a long reverb to the loudspeakers, as it happens.

You learn to keep the work out of the audio callback, which must never wait: it only moves blocks,
and a thread convolves them. Use headphones. Needs `sigconv[live]`, which has sounddevice.
"""

import argparse
import sys
import threading

import numpy as np

import sigconv as sc

FS, BLOCK, DEPTH = 48_000, 512, 2  # Hz, frames of a block, blocks by which sound is late


class Blocks:
    """Blocks on their way from one thread to another, without a lock.

    `written` is raised by the thread that writes and `read` by the other. All arrays are made here.
    """

    def __init__(self, count, shape, filled=0):
        self.slots = tuple(np.zeros(shape, np.float32) for _ in range(count))
        self.written, self.read = filled, 0

    def __len__(self):
        return self.written - self.read

    @property
    def is_full(self):
        """Whether there is no slot to write to."""
        return len(self) == len(self.slots)

    @property
    def first(self):
        """The slot to read, before `read` is raised."""
        return self.slots[self.read % len(self.slots)]

    @property
    def free(self):
        """The slot to write, before `written` is raised."""
        return self.slots[self.written % len(self.slots)]


class LiveConvolver:
    """Convolution between an audio host's inputs and outputs, `depth` blocks late.

    `callback` has the signature of sounddevice's streams. `underruns` counts the blocks of silence
    played since none was ready, `overruns` those lost since the worker had too many to do, and
    `warnings` the calls in which the host told of gaps of its own.
    """

    def __init__(self, kernel, block_size, channels=1, depth=DEPTH):
        shape, known = (block_size, channels), {"block_size": block_size, "dtype": np.float32}
        self.stream = sc.StreamConvolver(kernel, axis=0, batch_shape=channels, **known)
        self.heard, self.ready = Blocks(2 * depth, shape), Blocks(2 * depth, shape, filled=depth)
        self.underruns = self.overruns = self.warnings = self.late = 0
        self._pause, self._ending = block_size / FS / 8, threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def callback(self, indata, outdata, frames, time, status):
        """Play a block that is ready and keep what was heard; never wait, convolve or allocate."""
        self.warnings += bool(status)
        # A silence makes what follows a block late: skip blocks once there are more of them.
        while self.late > 0 and len(self.ready) > 1:
            self.ready.read += 1
            self.late -= 1
        if self.ready:
            np.copyto(outdata, self.ready.first)
            self.ready.read += 1
        else:
            outdata.fill(0)
            self.underruns += 1
            self.late += 1
        if self.heard.is_full:
            self.overruns += 1
            self.late -= 1
        else:
            np.copyto(self.heard.free, indata)
            self.heard.written += 1

    def step(self):
        """Convolve the next block, in the worker's thread; return whether there was one."""
        if not self.heard or self.ready.is_full:
            return False
        self.stream.process(self.heard.first, out=self.ready.free)
        # In this order the callback never counts one block in both places.
        self.heard.read += 1
        self.ready.written += 1
        return True

    def start(self):
        """Let the worker begin."""
        self._thread.start()

    def stop(self):
        """Let the worker end, and wait for it."""
        self._ending.set()
        self._thread.join()

    def _work(self):
        # It looks for blocks by itself: a callback that woke it would take a lock.
        while not self._ending.is_set():
            if not self.step():
                self._ending.wait(self._pause)


def hall(seconds=2.0, decay=1.5, wet=0.3):
    """Return direct sound of amplitude 0.5, and noise that falls by 60 dB in `decay` seconds."""
    time = np.arange(round(seconds * FS)) / FS
    taps = np.random.default_rng(5).standard_normal(len(time)) * 10 ** (-3 * time / decay)
    taps *= 0.5 * wet / np.linalg.norm(taps)
    taps[0] = 0.5
    return taps.astype(np.float32)


def rehearse(live, blocks):
    """Play noise through a host that is none, and check that it comes out convolved and late."""
    heard = np.random.default_rng(1).standard_normal((blocks, BLOCK, 1), np.float32)
    played = np.empty_like(heard)
    for indata, outdata in zip(heard, played, strict=True):
        live.callback(indata, outdata, BLOCK, None, None)
        live.step()
    wanted = sc.convolve(heard.ravel(), hall())[: heard[DEPTH:].size]
    assert not played[:DEPTH].any()
    assert abs(played[DEPTH:].ravel() - wanted).max() < 1e-5 * abs(wanted).max()
    assert live.underruns == live.overruns == 0


def play(live, open_host, wait):
    """Let a host call back until `wait` returns."""
    live.start()
    try:
        with open_host(FS, BLOCK, channels=1, dtype="float32", callback=live.callback):
            wait()
    finally:
        live.stop()


def main(seconds):
    """Rehearse, then play for some seconds and tell how it went."""
    rehearse(LiveConvolver(hall(), BLOCK), 50)
    print(f"rehearsed {FS} Hz in blocks of {BLOCK}, {len(hall())} taps")
    print(f"outputs are {1000 * DEPTH * BLOCK / FS:.0f} ms late, and by what the host adds")
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: there is no PortAudio.
        sys.exit(f"cannot play ({error}): pip install sounddevice, which needs PortAudio")
    live = LiveConvolver(hall(), BLOCK)
    play(live, sounddevice.Stream, lambda: sounddevice.sleep(round(1000 * seconds)))
    print(f"{live.underruns} underruns, {live.overruns} overruns, {live.warnings} of the host")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    main(parser.parse_args().seconds)
