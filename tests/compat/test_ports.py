"""Every row of the tables in docs/ports.md holds: the cells are the code that runs here."""

import ast
import doctest
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage, signal

import sigconv as sc

PAGE = Path(__file__).parents[2] / "docs" / "ports.md"
TEXT = PAGE.read_text(encoding="utf-8")


def rows(title: str) -> list[Any]:
    """The rows of a table: what is called there, what here, and what both give if it says so."""
    section = re.search(
        rf"^### {re.escape(title)}\n(.*?)(?=^###? |\Z)", TEXT, re.MULTILINE | re.DOTALL
    )
    assert section, title
    cells = [
        re.findall(r"`([^`]+)`", row) for row in re.findall(r"^\| `.*\|$", section[1], re.MULTILINE)
    ]
    return [pytest.param(*row, id=row[0]) for row in cells]


def names() -> dict[str, Any]:
    """The arrays that the page defines, and the modules that its rows use."""
    known: dict[str, Any] = {"np": np, "sc": sc, "signal": signal, "ndimage": ndimage}
    for example in doctest.DocTestParser().get_examples(TEXT):
        if " = np." in example.source:
            exec(example.source, known)
    for code in re.findall(r"`(\w+ = np\.[^`]+)`", TEXT):
        exec(code, known)
    return known


NAMES = names()


def run(code: str, **extra: Any) -> Any:
    return eval(code, {**NAMES, **extra})


def agree(first: Any, second: Any) -> None:
    first, second = np.asarray(first), np.asarray(second)
    assert first.shape == second.shape
    np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(
    ("there", "here"), [*rows("NumPy"), *rows("scipy.signal"), *rows("scipy.ndimage")]
)
def test_peer_gives_the_same(there: str, here: str) -> None:
    agree(run(here), run(there))


@pytest.mark.parametrize(
    ("there", "here", "gives"), [*rows("MATLAB"), *rows("OpenCV"), *rows("PyTorch")]
)
def test_row_gives_what_the_peer_defines(there: str, here: str, gives: str) -> None:
    agree(run(here), run(gives))


@pytest.mark.parametrize(("there", "here", "gives"), rows("OpenCV"))
def test_opencv_gives_the_same(there: str, here: str, gives: str) -> None:
    cv2 = pytest.importorskip("cv2", reason='needs OpenCV: pip install "sigconv[bench]"')
    agree(run(there, cv2=cv2), run(here))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize(("there", "here", "gives"), rows("PyTorch"))
def test_pytorch_gives_the_same(there: str, here: str, gives: str) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")
    arrays = {
        "X": NAMES["x"],
        "H": NAMES["h"],
        "EVEN": NAMES["even"],
        "SRC": NAMES["src"],
        "TAPS": NAMES["taps"][:, :2],
    }
    tensors = {name: torch.tensor(array)[None, None] for name, array in arrays.items()}
    result = run(there, F=torch.nn.functional, **tensors)
    agree(result.numpy()[0, 0], run(here))


def test_each_table_has_its_rows() -> None:
    counts = {
        title: len(rows(title))
        for title in ("NumPy", "scipy.signal", "scipy.ndimage", "MATLAB", "OpenCV", "PyTorch")
    }
    tables = re.findall(r"^\| `.*\|$", TEXT.partition("## The tables")[2], re.MULTILINE)
    assert sum(counts.values()) == len(tables)
    assert min(counts.values()) >= 8


def test_calls_use_names_that_the_page_defines() -> None:
    for title in ("NumPy", "MATLAB", "OpenCV", "PyTorch", "scipy.signal", "scipy.ndimage"):
        for row in rows(title):
            used = {
                node.id for node in ast.walk(ast.parse(row.values[1])) if isinstance(node, ast.Name)
            }
            assert used <= NAMES.keys()
