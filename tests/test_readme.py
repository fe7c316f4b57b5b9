"""The README and the pages of docs/ keep what they say: code, commands, links and targets."""

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sigconv.engines import compiled

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.joinpath("docs").glob("*.md"))]
COMMAND = Path(sys.executable).with_name("sigconv")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.REPORT_NDIFF

MEASURED = re.compile(
    r"[\d.]+(?:e[+-]?\d+)? (?:s|ms|us|times real time|[kMG]?B/s)\b"
    r"|\d+(?= of \d+ samples)"  # at full scale to within rounding
)
"""What depends on the machine: durations, speeds, and how many samples were clipped."""

LOADING = re.compile(r", after [\d.]+ m?s to load the loop")
"""What depends on what numba has on disk."""


class Block(NamedTuple):
    """A fenced block: its language, its text and the line where the text begins."""

    language: str
    text: str
    line: int


@pytest.fixture(autouse=True)
def _as_in_a_fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans depend on the loops that are loaded."""
    monkeypatch.setattr(compiled, "_state", compiled._State())


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r"^```(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(match[1], match[2], text[: match.start(2)].count("\n"))


def having(language: str) -> list[Path]:
    """The pages with a block in that language."""
    return [page for page in PAGES if any(block.language == language for block in blocks(page))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


class Checker(doctest.OutputChecker):
    """Compares what does not depend on the machine."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        want, got = (MEASURED.sub("#", LOADING.sub("", text)) for text in (want, got))
        return super().check_output(want, got, optionflags)


def complaint(want: str, got: str) -> str:
    """What is wrong with the output of a command, or nothing."""
    if Checker().check_output(want, got, FLAGS):
        return ""
    return f"expected:\n{want}\ngot:\n{got}"


@pytest.mark.parametrize("page", having("python"), ids=name_of)
def test_python_blocks_print_what_is_shown(page: Path) -> None:
    examples = []
    for block in blocks(page):
        if block.language == "python":
            found = doctest.DocTestParser().get_examples(block.text, str(page))
            assert found, f"{page}:{block.line}: a block without >>>"
            for example in found:
                example.lineno += block.line
            examples += found
    test = doctest.DocTest(examples, {}, page.name, str(page), 0, None)
    report: list[str] = []
    doctest.DocTestRunner(Checker(), optionflags=FLAGS).run(test, out=report.append)
    assert not report, "".join(report)


def sessions(page: Path) -> Iterator[tuple[str, str]]:
    """The commands of a page and the output that is shown for each."""
    for block in blocks(page):
        if block.language == "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield command, output


@pytest.mark.extras
@pytest.mark.parametrize("page", having("console"), ids=name_of)
def test_console_blocks_print_what_is_shown(page: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("src").symlink_to(ROOT / "src")
    path = os.pathsep.join((str(COMMAND.parent), os.environ["PATH"]))
    for command, output in sessions(page):
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "COLUMNS": "80"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert command.startswith("sigconv ")
        failed = output.startswith("sigconv: ") and "warning" not in output.splitlines()[0]
        assert (done.returncode != 0) == failed, f"$ {command}\n{done.stdout}"
        assert not complaint(output, done.stdout), f"$ {command}\n{complaint(output, done.stdout)}"


def named(pattern: str) -> set[str]:
    """What the pages name in code of the form `pattern`."""
    code = [
        code
        for page in PAGES
        for code in re.findall(r"`([^`\n]+)`|^(?:    |\$ )(.+)$", page.read_text(), re.MULTILINE)
    ]
    return {match[1] for one in code for part in one if (match := re.match(pattern, part))}


def test_make_targets_that_are_named_exist() -> None:
    targets = set(
        re.findall(r"^([a-z][\w-]*):", ROOT.joinpath("Makefile").read_text(), re.MULTILINE)
    )
    assert {"demo", "test"} <= named(r"make ([a-z][\w-]*)") <= targets


@pytest.mark.extras
def test_commands_that_are_named_exist() -> None:
    commands = named(r"sigconv ([a-z]\w*)")
    assert {"convolve", "plan", "info", "demo"} <= commands
    for command in sorted(commands):
        done = subprocess.run(
            [str(COMMAND), command, "--help"], capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, command


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"https?:", target):
            file, _, heading = target.partition("#")
            linked = page.parent / file if file else page
            assert linked.exists(), target
            if heading:
                titles = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
                assert heading in {title.lower().replace(" ", "-") for title in titles}, target


def test_readme_is_short() -> None:
    assert len(ROOT.joinpath("README.md").read_text(encoding="utf-8").splitlines()) <= 170
