"""The manual in the documentation is what the command says of itself."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.extras


def test_manual_is_that_of_the_command() -> None:
    from sigconv.cli.commands import sigconv
    from sigconv.cli.manual import manual

    page = (Path(__file__).parents[2] / "docs" / "manual.md").read_text(encoding="utf-8")
    assert page == manual(), "python -m sigconv.cli.manual > docs/manual.md"
    for name, command in sigconv.commands.items():
        assert f"## {name}\n" in page
        for parameter in command.params:
            assert all(option in page for option in parameter.opts if option.startswith("-"))
