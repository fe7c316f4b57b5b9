"""soundfile, imported at use, and what it raises."""

from __future__ import annotations

from types import ModuleType

from sigconv.core.optional import require

__all__ = ["errors", "reason", "soundfile"]


def soundfile() -> ModuleType:
    """Return soundfile, or say which extra installs it."""
    return require("soundfile", "audio")


def errors() -> tuple[type[Exception], ...]:
    """Return what a file that cannot be opened or decoded raises."""
    return (soundfile().LibsndfileError, RuntimeError, OSError, TypeError)


def reason(error: Exception) -> str:
    """Return what libsndfile says, without the temporary path that soundfile adds."""
    return str(getattr(error, "error_string", error)).rstrip(".")
