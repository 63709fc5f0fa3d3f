"""``emberway check``: what the gateway would say about a grammar or a JSON Schema, told without a call."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from emberway.cli.failure import FAILED
from emberway.cli.group import ExamplesFirst, write_examples
from emberway.wire.gbnf import check_grammar
from emberway.wire.gbnf_text import LINE_END
from emberway.wire.json_place import locate, syntax_error
from emberway.wire.schema_check import check_schema_bytes

WIDTH: Final = 100
"""Most of a source line that is shown, in characters."""

EXAMPLES = (
    "emberway check grammar answer.gbnf",
    "emberway check schema person.json order.json",
    "cat answer.gbnf | emberway check grammar -",
    "emberway check grammar --json *.gbnf",
)


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding with its place in a file; ``certain`` ones are what the gateway refuses."""

    file: str
    line: int
    column: int
    reason: str
    certain: bool


class _CheckGroup(click.Group):
    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, EXAMPLES)
        super().format_help_text(ctx, formatter)


@click.group(cls=_CheckGroup)
def check() -> None:
    """Check a grammar or a JSON Schema before a provider sees it.

    Prints each mistake as file:line:column with the line and a caret. Ends with 0 when the gateway would pass all files
    on, with 1 when it would refuse one. What only some providers take is a warning on stderr and refuses nothing.
    """


_FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True), metavar="FILE..."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON array of findings.")


@check.command(cls=ExamplesFirst, examples=(EXAMPLES[0], EXAMPLES[2], EXAMPLES[3]))
@_FILES
@_JSON
def grammar(files: Sequence[str], *, as_json: bool) -> None:
    """Check GBNF grammars; - reads standard input."""
    _check_files(files, _remarks_on_grammar, as_json=as_json)


@check.command(cls=ExamplesFirst, examples=(EXAMPLES[1], "emberway check schema - < person.json"))
@_FILES
@_JSON
def schema(files: Sequence[str], *, as_json: bool) -> None:
    """Check JSON Schemas; - reads standard input."""
    _check_files(files, _remarks_on_schema, as_json=as_json)


def _check_files(files: Sequence[str], examine: Callable[[str, bytes], list[Remark]], *, as_json: bool) -> None:
    everything: list[Remark] = []
    for file in files:
        raw, name = _read(file), "<stdin>" if file == "-" else file
        remarks = examine(name, raw)
        everything += remarks
        if not as_json:
            _print(name, raw, remarks)
    if as_json:
        click.echo(json.dumps([asdict(remark) for remark in everything], indent=2, ensure_ascii=False))
    if any(remark.certain for remark in everything):
        click.get_current_context().exit(FAILED)


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    return Path(file).read_bytes()


def _remarks_on_grammar(file: str, raw: bytes) -> list[Remark]:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        before = LINE_END.split(raw[: error.start].decode())
        return [Remark(file, len(before), len(before[-1]) + 1, "the text is not UTF-8", certain=True)]
    return [Remark(file, each.line, each.column, each.reason, each.certain) for each in check_grammar(text)]


def _remarks_on_schema(file: str, raw: bytes) -> list[Remark]:
    problem = syntax_error(raw)
    if problem is not None:
        line, column, reason = problem
        return [Remark(file, line, column, f"not JSON: {reason}", certain=True)]
    text = raw.decode()
    return [
        Remark(file, *locate(text, each.path), f"{each.path}: {each.reason}", each.certain)
        for each in check_schema_bytes(raw)
    ]


def _print(file: str, raw: bytes, remarks: Sequence[Remark]) -> None:
    lines = LINE_END.split(raw.decode(errors="replace"))
    for remark in remarks:
        kind = "" if remark.certain else "warning: "
        click.echo(f"{remark.file}:{remark.line}:{remark.column}: {kind}{remark.reason}", err=not remark.certain)
        click.echo(_pointed_at(lines[remark.line - 1], remark.column), err=not remark.certain)
    if not any(remark.certain for remark in remarks):
        click.echo(f"{file}: ok" + (f", {_count(len(remarks))}" if remarks else ""))


def _pointed_at(line: str, column: int) -> str:
    """The line, or the part of a long one around ``column``, and a caret below the character there."""
    first = max(0, min(column - 1 - WIDTH // 2, len(line) - WIDTH))
    shown = "".join(each if each.isprintable() or each == "\t" else "\ufffd" for each in line[first : first + WIDTH])
    indent = "".join(_blank(each) for each in shown[: column - 1 - first])
    return f"  {shown}\n  {indent}^"


def _blank(character: str) -> str:
    """As much room as the character takes on a terminal."""
    if character == "\t":
        return character
    if unicodedata.combining(character):
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "


def _count(warnings: int) -> str:
    return "1 warning" if warnings == 1 else f"{warnings} warnings"
