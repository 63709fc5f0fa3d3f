from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from emberway import __version__
from emberway.cli import COMMANDS, cli
from emberway.cli.group import ExamplesFirst


def loaded_after(*arguments: str) -> set[str]:
    """The modules that a call of the program has imported when it ends."""
    program = (
        "import sys; sys.argv[1:] = sys.argv[1:]\n"
        "try:\n    from emberway.__main__ import main; main()\n"
        "finally:\n    print(*sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    return set(ended.stderr.split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("up", "--help")])
def test_help_does_not_wait_for_the_gateway_to_be_imported(arguments: tuple[str, ...]) -> None:
    assert loaded_after(*arguments).isdisjoint({"granian", "msgspec", "rich", "uvloop", "cryptography", "llguidance"})


def test_every_command_is_listed_in_order() -> None:
    said = CliRunner().invoke(cli, ["--help"]).output

    places = [said.index(f"\n  {entry.name} ") for entry in COMMANDS]
    assert places == sorted(places)


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_there_is_can_be_called_and_shows_examples_first(entry: object) -> None:
    name = entry.name  # type: ignore[attr-defined]
    said = CliRunner().invoke(cli, [name, "--help"], catch_exceptions=False).output

    assert said.index("Examples:") < said.index("Options:")
    assert f"emberway {name}" in said


def test_examples_stand_before_the_explanation() -> None:
    command = ExamplesFirst("walk", help="Walk a little.", examples=("walk --far",))

    said = CliRunner().invoke(command, ["--help"]).output

    assert said.index("  walk --far\n") < said.index("Walk a little.")


def test_a_name_that_is_no_command_is_a_usage_error() -> None:
    outcome = CliRunner().invoke(cli, ["upp"])

    assert outcome.exit_code == 2
    assert "No such command 'upp'" in outcome.output


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"emberway {__version__}\n"


def test_the_group_knows_nothing_of_a_foreign_name() -> None:
    assert cli.get_command(click.Context(cli), "nothing") is None  # type: ignore[attr-defined]
