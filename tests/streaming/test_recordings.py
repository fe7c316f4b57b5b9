"""Streams over recordings, as soundfile reads them."""

import numpy as np
import pytest

import sigconv as sc
from sigconv import data

pytestmark = pytest.mark.extras


def test_blocks_of_soundfile_go_through_as_they_are():
    soundfile = pytest.importorskip("soundfile")
    path = data.path("perc_door.flac")
    x, _ = soundfile.read(path, dtype="float32", always_2d=True)
    h = np.exp(-np.arange(30_000) / 5000).astype("f4")
    stream = sc.StreamConvolver(h, axis=0)
    blocks = soundfile.blocks(path, blocksize=5000, dtype="float32", always_2d=True)
    y = np.concatenate(list(stream.run(blocks)))
    expected = sc.convolve(x, h, axes=0)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
