"""The `sigconv` command: parse, call, exit code; the numbers are made elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sigconv.core.optional import require
from sigconv.errors import MissingDependencyError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; that of this process by default.

    Returns
    -------
    int
        0; 1 failed; 2 usage; 3 input missing, corrupt or truncated; 4 output exists;
        130 interrupted; 141 nobody reads what is printed; 143 terminated.
    """
    try:
        require("click", "cli")
    except MissingDependencyError as error:
        print(f"sigconv: {error}", file=sys.stderr)
        return 1
    try:
        from sigconv.cli.run import run
    except KeyboardInterrupt:
        print("sigconv: interrupted; no output was written.", file=sys.stderr)
        return 130
    return run(sys.argv[1:] if arguments is None else list(arguments))
