"""Lending transforms: planned once, used by one borrower at a time, kept for the next."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, overload

from sigconv.fft.backend import Spec, current_backend, make_transform
from sigconv.fft.planes import ColumnSpec, ColumnTransform, PlaneSpec, PlaneTransform
from sigconv.fft.transform import Transform, TransformSpec

__all__ = ["IDLE_BYTES", "borrow_transform", "clear_transforms", "idle_bytes"]

IDLE_BYTES = 64 << 20
"""The scratch memory that transforms may hold while nobody uses them."""

_Key = tuple[Spec, str]


class _Pool:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.idle: OrderedDict[_Key, list[Any]] = OrderedDict()
        self.nbytes = 0

    def take(self, key: _Key) -> Any | None:
        with self.lock:
            transforms = self.idle.get(key)
            if not transforms:
                return None
            transform = transforms.pop()
            self.nbytes -= transform.spec.nbytes
            if not transforms:
                del self.idle[key]
            return transform

    def give(self, key: _Key, transform: Any) -> None:
        # A transform's own specification has counted its bytes before.
        nbytes = transform.spec.nbytes
        if nbytes > IDLE_BYTES:
            return
        with self.lock:
            self.idle.setdefault(key, []).append(transform)
            self.idle.move_to_end(key)
            self.nbytes += nbytes
            while self.nbytes > IDLE_BYTES:
                oldest, transforms = next(iter(self.idle.items()))
                self.nbytes -= transforms.pop().spec.nbytes
                if not transforms:
                    del self.idle[oldest]


_pool = _Pool()


@overload
def borrow_transform(spec: TransformSpec) -> AbstractContextManager[Transform]: ...
@overload
def borrow_transform(spec: PlaneSpec) -> AbstractContextManager[PlaneTransform]: ...
@overload
def borrow_transform(spec: ColumnSpec) -> AbstractContextManager[ColumnTransform]: ...
def borrow_transform(spec: Spec) -> AbstractContextManager[Any]:
    """Lend a transform for exclusive use; its scratch holds whatever the last user left.

    After Ctrl-C it is not lent again: the transform may still be running.
    """
    return _borrowed(spec)


@contextmanager
def _borrowed(spec: Spec) -> Iterator[Any]:
    pool = _pool
    key = (spec, current_backend())
    transform = pool.take(key) or make_transform(*key)
    try:
        yield transform
    except Exception:
        pool.give(key, transform)
        raise
    pool.give(key, transform)


def clear_transforms() -> None:
    """Forget every idle transform and free its scratch."""
    global _pool
    _pool = _Pool()


def idle_bytes() -> int:
    """Return the scratch memory held by idle transforms."""
    return _pool.nbytes


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=clear_transforms)
