"""The manual: every command and option, as the command itself describes them.

``python -m sigconv.cli.manual > docs/manual.md`` writes it anew; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from sigconv.cli.commands import sigconv

__all__ = ["manual"]


def manual() -> str:
    """Return the manual as a page of Markdown."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Manual of the command"
    yield ""
    yield "Printed by `python -m sigconv.cli.manual`. [The command](command.md) has examples."
    yield ""
    yield from _paragraphs(sigconv)
    for name in sorted(sigconv.commands):
        command = sigconv.commands[name]
        context = click.Context(command, info_name=f"sigconv {name}")
        yield f"## {name}"
        yield ""
        yield f"    {' '.join(command.get_usage(context).removeprefix('Usage: ').split())}"
        yield ""
        yield from _paragraphs(command)
        yield "| option | meaning |"
        yield "|---|---|"
        for parameter in command.get_params(context):
            record = parameter.get_help_record(context)
            # Arguments are in the usage; only some versions of click list them too.
            is_option = isinstance(parameter, click.Option) and "--help" not in parameter.opts
            if record is not None and is_option:
                names, text = (_cell(part) for part in record)
                yield f"| `{names}` | {text} |"
        yield ""


def _paragraphs(command: click.Command) -> Iterator[str]:
    for paragraph in (command.help or "").split("\n\n"):
        yield " ".join(paragraph.split())
        yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    click.echo(manual(), nl=False)
