"""Drawn signals with gaps, and their coefficients by the definition."""

from typing import Any

import numpy as np

RNG = np.random.default_rng(7)


def drawn(shape: Any, taps: Any, share: float = 0.7) -> tuple[Any, Any, Any]:
    """A signal and a template of noise, and marks of about a share of the samples."""
    return RNG.standard_normal(shape), RNG.standard_normal(taps), RNG.random(shape) < share


def naive(signal, inside, template, mask=None, min_overlap=0.0):
    """The coefficients of the windows inside the signal, in two passes over the pairs."""
    view = np.lib.stride_tricks.sliding_window_view
    counted = np.ones(template.shape, bool) if mask is None else mask
    pairs = view(inside, template.shape)[..., counted]
    count = pairs.sum(axis=-1)

    def centred(samples):
        mean = samples.sum(axis=-1, where=pairs) / np.maximum(count, 1)
        return np.where(pairs, samples - mean[..., None], 0)

    w = view(signal, template.shape)[..., counted].astype("g")
    w, t = centred(w), centred(np.broadcast_to(template[counted].astype("g"), w.shape))
    # For levels that are no binary fractions, the mean of equal samples is rounded.
    w, t = centred(w), centred(t)
    norms = np.linalg.norm(w, axis=-1) * np.linalg.norm(t, axis=-1)
    defined = (norms > 0) & (count >= 2) & (count / counted.sum() >= min_overlap)
    return np.divide((w * t).sum(axis=-1), norms, out=np.zeros(norms.shape, "g"), where=defined)
