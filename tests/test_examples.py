"""Every program in examples/ runs on its own, asserts its result and saves a picture.

The one that needs a microphone has tests of its own, test_live_convolution.py.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted(Path(__file__).parents[1].joinpath("examples").glob("*.py"))
LIVE = "live_convolution"
LARGEST, LARGEST_LIVE = 80, 160
AS_A_USER = """
import runpy, sys
sys.modules["pytest"] = None
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
PNG = b"\x89PNG\r\n\x1a\n"


def run(example: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The finished run of an example as a user has it: without pytest, warnings as errors."""
    command = [sys.executable, "-c", AS_A_USER, str(example), *arguments]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PYTHONWARNINGS": "error:::__main__"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 16


@pytest.mark.extras
@pytest.mark.parametrize(
    "example", [path for path in EXAMPLES if path.stem != LIVE], ids=lambda path: path.stem
)
def test_example_asserts_its_result_and_saves_a_picture(example: Path, tmp_path: Path) -> None:
    done = run(example, "--output", "made/here", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) >= 3
    pictures = list(tmp_path.joinpath("made", "here").glob("*.png"))
    assert pictures
    assert all(path.read_bytes().startswith(PNG) for path in pictures)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_short_and_has_a_main(example: Path) -> None:
    text = example.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= (LARGEST_LIVE if example.stem == LIVE else LARGEST)
    assert "\ndef main(" in text
    assert "    assert " in text
