"""A command line whose help is fast to print and begins with examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Entry:
    """One command by name; its module is imported when the command is called, not for the list of all."""

    name: str
    where: str
    """``module:attribute``."""
    about: str


class ExamplesFirst(click.Command):
    """A command whose help shows how it is used before it says what it is."""

    def __init__(self, *args: Any, examples: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, then the text."""
        write_examples(formatter, self.examples)
        super().format_help_text(ctx, formatter)


class LazyGroup(click.Group):
    """The commands of ``entries``, in their order."""

    def __init__(self, *args: Any, entries: Sequence[Entry], examples: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries = entries
        self.examples = examples

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name."""
        return [entry.name for entry in self.entries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        for entry in self.entries:
            if entry.name == cmd_name:
                module, _, attribute = entry.where.partition(":")
                command: click.Command = getattr(import_module(module), attribute)
                return command
        return None

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, then the text."""
        write_examples(formatter, self.examples)
        super().format_help_text(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list, from the entries alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.about) for entry in self.entries])


def write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    """One example for each line, as it is typed."""
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(" " * formatter.current_indent + example + "\n")
