"""The README's examples, as its reader pastes them, and its commands and links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from tests.acceptance.clients import PROVIDER_KEY
from tests.acceptance.process import PATIENCE, Served, clean_environment

from emberway.cli import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8787"
"""Where the README says that the gateway is; the tests' own is elsewhere."""


def printed(emberway: Served, *program: str) -> str:
    """What ``program`` says, with its reader's keys in the environment."""
    ran = subprocess.run(
        [argument.replace(ADDRESS, emberway.root) for argument in program],
        env=clean_environment() | {"EMBERWAY_API_KEY": emberway.key, "FIREWORKS_API_KEY": PROVIDER_KEY},
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return ran.stdout


def blocks(language: str) -> list[str]:
    """The README's examples in ``language``."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("client", "answer"),
    [
        ("grammar=", r"[0-9]+\+[0-9]+=[0-9]+\n"),
        ("config=", r"config\.targets\[1\] accounts/fireworks/models/llama-v3p1-8b-instruct\n"),
        ("openai import OpenAI", r".*The capital of France is Paris.*\n"),
    ],
)
def test_the_readmes_python_examples_work_as_pasted(client: str, answer: str, emberway: Served) -> None:
    (code,) = (block for block in blocks("python") if client in block)

    assert re.fullmatch(answer, printed(emberway, sys.executable, "-c", code))


@pytest.mark.usefixtures("needs_curl")
def test_the_readmes_first_call_works_as_pasted(emberway: Served) -> None:
    (command,) = (block for block in blocks("sh") if block.startswith("curl"))

    assert "The capital of France is Paris" in printed(emberway, "sh", "-c", command)


def test_the_readme_lists_every_command() -> None:
    assert {name for name in cli.list_commands(click.Context(cli)) if f"`emberway {name}" not in README} == set()


def test_every_link_of_the_project_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))]

    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []
