"""Optional dependencies, imported at use by the one helper that names their extra."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from sigconv.errors import MissingDependencyError

__all__ = ["require"]


def require(module: str, extra: str) -> ModuleType:
    """Return the imported `module`, or say which extra of sigconv installs it.

    Parameters
    ----------
    module : str
        The dotted name of a module of an optional dependency.
    extra : str
        The extra of sigconv that lists the dependency, such as ``"audio"``.

    Raises
    ------
    MissingDependencyError
        The module cannot be imported here.

    Examples
    --------
    >>> require("json", "audio").__name__
    'json'
    """
    try:
        return import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise MissingDependencyError(
            f"this needs {name}, which cannot be imported here ({error}). "
            f'Install it with: pip install "sigconv[{extra}]"'
        ) from error
