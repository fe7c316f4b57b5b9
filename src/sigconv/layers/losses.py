"""What a network is trained to make small, and its derivatives."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, DType, as_numeric
from sigconv.errors import DTypeError, OptionError, ShapeError
from sigconv.layers.activations import below_largest, softmax
from sigconv.layers.reals import as_reals, check_same_shape, in_dtype

__all__ = ["cross_entropy", "cross_entropy_grad", "squared_error", "squared_error_grad"]


def cross_entropy(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the mean over a batch of -log softmax(logits) at the labels.

    Parameters
    ----------
    logits : array_like (batch, classes)
        Real numbers, whose softmax are the probabilities of the classes.
    labels : array_like of int (batch,), or array_like (batch, classes)
        The classes, counted from 0; or a probability for each class, which weighs its logarithm.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ShapeError
        Where the shapes do not fit, or there is nothing in the batch.
    OptionError
        For labels that are no class.
    DTypeError
        For labels (batch,) that are not integers, and logits that are not real.

    Notes
    -----
    The logarithm is taken of no probability: log(sum exp z) - z[label] neither overflows nor
    loses what is small, and is exp(-50) for the logits 50, 0 and the label 0.

    Examples
    --------
    The label has the probability 3/4 once, and 1 once; the mean is log(4/3) / 2:

    >>> round(cross_entropy([[0, np.log(3)], [1e4, -1e4]], [1, 0]), 6)
    0.143841
    """
    (z,), _ = as_reals(logits=logits)
    shares = _shares(z, labels)
    with np.errstate(all="ignore"):
        below = below_largest(z, -1)
        weights = np.exp(below)
        # The largest is 1: what is small beside it is kept by log1p of the others.
        np.put_along_axis(weights, z.argmax(axis=-1)[:, None], 0, axis=-1)
        bits = np.log1p(weights.sum(axis=-1, keepdims=True)) - below
        # A class that cannot be adds nothing, be its logarithm infinite.
        costs = np.multiply(shares, bits, out=np.zeros_like(z), where=shares != 0)
        return float(costs.sum(axis=-1).mean())


def cross_entropy_grad(logits: npt.ArrayLike, labels: npt.ArrayLike) -> Array:
    """Return the derivative of `cross_entropy` by the logits.

    Parameters
    ----------
    logits, labels
        As for `cross_entropy`.

    Returns
    -------
    ndarray (batch, classes)
        (softmax(logits) - one-hot labels) / batch, of the dtype of `logits`; float64 for integers.

    Raises
    ------
    ShapeError, OptionError, DTypeError
        As for `cross_entropy`.

    Examples
    --------
    >>> cross_entropy_grad([[0, np.log(3)]], [1])
    array([[ 0.25, -0.25]])
    """
    (z,), dtype = as_reals(logits=logits)
    shares = _shares(z, labels)
    with np.errstate(all="ignore"):
        total = shares.sum(axis=-1, keepdims=True)
        return in_dtype((softmax(z) * total - shares) / len(z), dtype)


def squared_error(prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Return the mean of (prediction - target)^2 over all numbers.

    Parameters
    ----------
    prediction, target : array_like
        Real numbers of one shape.

    Returns
    -------
    float
        The sum of the squares is this times the number of elements. No half is taken.

    Raises
    ------
    ShapeError
        Where the shapes differ, or there are no numbers.
    DTypeError
        For numbers that are not real.

    Examples
    --------
    >>> squared_error([1, 2], [1, 4])
    2.0
    """
    (first, second), _ = _pair(prediction, target)
    with np.errstate(all="ignore"):
        return float(np.mean((first - second) ** 2))


def squared_error_grad(prediction: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """Return the derivative of `squared_error` by the prediction, 2 (prediction - target) / size.

    Parameters
    ----------
    prediction, target : array_like
        As for `squared_error`.

    Returns
    -------
    ndarray
        Of their shape and the dtype to which both promote; float64 for integers.

    Raises
    ------
    ShapeError, DTypeError
        As for `squared_error`.

    Examples
    --------
    >>> squared_error_grad([1, 2], [1, 4])
    array([ 0., -2.])
    """
    (first, second), dtype = _pair(prediction, target)
    with np.errstate(all="ignore"):
        return in_dtype((first - second) * (2 / first.size), dtype)


def _pair(prediction: npt.ArrayLike, target: npt.ArrayLike) -> tuple[list[Array], DType]:
    pair, dtype = as_reals(prediction=prediction, target=target)
    check_same_shape(target=pair[1], prediction=pair[0])
    if not pair[0].size:
        raise ShapeError("a mean needs at least one number; got none.")
    return pair, dtype


def _shares(z: Array, labels: npt.ArrayLike) -> Array:
    """Return the probability that each class should have, (batch, classes)."""
    if z.ndim != 2 or not z.size:
        raise ShapeError(f"logits have the shape (batch, classes), neither 0; got {z.shape}.")
    batch, classes = z.shape
    given = as_numeric(labels, "labels")
    if given.shape == z.shape:
        (shares,), _ = as_reals(labels=given)
        if shares.min() < 0:
            raise OptionError(
                f"labels of shape (batch, classes) are probabilities, none below 0; got "
                f"{shares.min()}. Classes are integers of shape (batch,)."
            )
        return shares
    if given.shape != (batch,):
        raise ShapeError(
            f"labels are a class for each of the batch, ({batch},), or probabilities, {z.shape}; "
            f"got the shape {given.shape}."
        )
    if given.dtype.kind not in "biu":
        raise DTypeError(f"labels of classes must be integers; got {given.dtype}.")
    if not 0 <= given.min() <= given.max() < classes:
        raise OptionError(
            f"labels lie from 0 to {classes - 1}, as there are {classes} classes; got "
            f"{given.min()} to {given.max()}."
        )
    return np.equal.outer(given, np.arange(classes)).astype(z.dtype)
