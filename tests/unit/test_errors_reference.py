"""docs/reference/errors.md tells of every error that the code can give, as the code gives it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from emberway.errors import GatewayError

ROOT = Path(__file__).parents[2]
ROWS = [
    re.findall(r"`([^`]*)`|(?<=\| )(\d{3}|–)(?= \|)", line)
    for line in (ROOT / "docs/reference/errors.md").read_text("utf-8").splitlines()
    if line.startswith("| `")
]
TOLD = [tuple(name or number for name, number in row) for row in ROWS]
"""What each row of the page's tables has in backticks, and its status, in order."""


def tree(top: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    yield top
    for below in top.__subclasses__():
        if below.__module__ == top.__module__:
            yield from tree(below)


def written_codes() -> Iterator[str]:
    """Every code in the source: ``code="…"``, the one of a ``Refused``, and any text in the form of an upstream's."""
    for path in ROOT.glob("src/emberway/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                yield node.value.value
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Refused":
                yield from (each.value for each in node.args[1:2] if isinstance(each, ast.Constant))
            elif isinstance(node, ast.Constant) and re.fullmatch(r"upstream_[a-z_]+", str(node.value)):
                yield node.value


@pytest.mark.parametrize("error", [*tree()], ids=lambda error: error.__name__)
def test_the_page_has_every_class_with_its_status_type_and_code(error: type[GatewayError]) -> None:
    row = next((told for told in TOLD if told[0] == error.__name__), ())

    assert row[:4] == (error.__name__, str(error.status), error.type, error.default_code)


@pytest.mark.parametrize("code", sorted({*written_codes()}))
def test_the_page_has_every_code(code: str) -> None:
    assert any(code == told[0] or (len(told) > 3 and code == told[3]) for told in TOLD)


def test_the_page_has_no_class_that_does_not_exist() -> None:
    known = {error.__name__ for error in tree()}

    assert {told[0] for told in TOLD if told[0][0].isupper()} <= known
