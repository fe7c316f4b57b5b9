"""What the tests of the command share."""

import pytest

from sigconv.cli import main

RATE = 8000
"""Samples a second of the recordings."""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command in this process; return its exit code and what it printed."""
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err
