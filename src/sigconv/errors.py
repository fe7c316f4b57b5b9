"""Typed errors; each is also the builtin that a caller would expect."""

from __future__ import annotations

__all__ = [
    "BoundaryError",
    "BudgetError",
    "DTypeError",
    "IntegerOverflowError",
    "KernelError",
    "MethodError",
    "MissingDependencyError",
    "ModeError",
    "NonFiniteError",
    "OptionError",
    "OutputExistsError",
    "ShapeError",
    "SigconvError",
    "SourceError",
    "StreamError",
    "TargetError",
]


class SigconvError(Exception):
    """Base of every error that sigconv raises on purpose."""


class ShapeError(SigconvError, ValueError):
    """Shapes, axes, centres or sizes that do not fit together."""


class ModeError(SigconvError, ValueError):
    """A mode that does not exist, or one that the inputs do not allow."""


class BoundaryError(SigconvError, ValueError):
    """A boundary specification that does not exist or does not fit."""


class MethodError(SigconvError, ValueError):
    """A method that does not exist, or that cannot do what was asked."""


class KernelError(SigconvError, ValueError):
    """Kernel parameters or a kernel specification that make no kernel."""


class DTypeError(SigconvError, TypeError):
    """Element types that have no convolution, or not this one."""


class IntegerOverflowError(SigconvError, OverflowError):
    """Exact integer results may not fit the result dtype."""


class NonFiniteError(SigconvError, ValueError):
    """A NaN or an infinity where the caller asked for none."""


class SourceError(SigconvError, OSError):
    """A file that is missing, truncated, corrupt or not what its name says."""


class BudgetError(SigconvError, MemoryError):
    """Work that needs more memory than it was allowed."""


class OptionError(SigconvError, ValueError):
    """A keyword with a value that does not exist."""


class StreamError(SigconvError, RuntimeError):
    """A stream that is used out of turn: after its end, or by two threads at once."""


class TargetError(SigconvError, OSError):
    """An output that cannot be written where, or as what, it was asked for."""


class OutputExistsError(SigconvError, FileExistsError):
    """The target is there already and was not to be replaced."""


class MissingDependencyError(SigconvError, ImportError):
    """An optional dependency is not installed; the message names the extra."""
