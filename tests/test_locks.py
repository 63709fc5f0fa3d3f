"""What the lock files promise: exactly these packages, from wherever the reader's machine gets its packages."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NPM_LOCK = ROOT / "tests/acceptance/node/package-lock.json"

GROUPS = PROJECT["dependency-groups"]
LOCKS = {
    "requirements.lock": [*PROJECT["project"]["dependencies"], *GROUPS["build"]],
    "requirements-dev.lock": [*PROJECT["project"]["dependencies"], *GROUPS["build"], *GROUPS["dev"]],
}
"""Each lock file, and what it is made from."""


def entries(lock: str) -> list[str]:
    """One for each version of a package: its line with the hash lines that follow."""
    return re.findall(r"^\S.*(?:\n[ \t].*)*", (ROOT / lock).read_text("utf-8"), re.MULTILINE)


def versions(lock: str) -> dict[str, str]:
    """Package → version. Where a marker chooses, the version that it chooses on this machine."""
    pins = [Requirement(entry.split("\\")[0]) for entry in entries(lock)]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in pins if not pin.marker or pin.marker.evaluate()}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_to_a_version_and_to_the_hashes_of_its_files(lock: str) -> None:
    whole = re.compile(r"[a-z0-9.-]+==[\w.!+-]+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+")

    assert [entry for entry in entries(lock) if not whole.fullmatch(entry)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_of_the_project_is_locked_at_a_version_that_fits(lock: str) -> None:
    locked = versions(lock)
    wanted = [Requirement(text) for text in LOCKS[lock]]

    assert [str(one) for one in wanted if not one.specifier.contains(locked[one.name], prereleases=True)] == []


def test_tests_run_with_the_versions_that_users_get() -> None:
    assert versions("requirements.lock").items() <= versions("requirements-dev.lock").items()


def test_the_project_depends_on_what_it_imports_and_on_nothing_else() -> None:
    nodes = [node for path in ROOT.glob("src/**/*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    foreign = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"emberway", "fireworks_emulator"}
    used = {packages_distributions()[name][0].lower().replace("_", "-") for name in foreign}
    used.add("python-multipart")  # Starlette imports it when a form comes

    assert {Requirement(text).name for text in PROJECT["project"]["dependencies"]} == used


def test_no_javascript_package_has_an_address_and_each_has_a_hash() -> None:
    packages = json.loads(NPM_LOCK.read_text("utf-8"))["packages"]
    locked = {name: package for name, package in packages.items() if name}

    assert [name for name, package in locked.items() if "resolved" in package or "integrity" not in package] == []


def test_the_locked_javascript_packages_are_those_that_are_asked_for() -> None:
    asked = json.loads(NPM_LOCK.with_name("package.json").read_text("utf-8"))["dependencies"]

    assert json.loads(NPM_LOCK.read_text("utf-8"))["packages"][""]["dependencies"] == asked
