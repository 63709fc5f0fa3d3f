"""A skipped test is listed with its reason, and on the machine that has everything it is a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = ROOT / "tests" / "conftest.py"

TESTS = """
import pytest

def test_in_its_body():
    pytest.skip("no chromium here")

@pytest.mark.skipif(True, reason="no node here")
def test_by_its_mark():
    pass

def test_that_runs():
    pass
"""
MODULE = "import pytest\npytest.importorskip('no_such_module', reason='no such module here')\n"


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_skips_are_listed_with_their_reasons_and_fail_under_ci(ci: str, status: int, tmp_path: Path) -> None:
    ran = run(tmp_path, TESTS, ci)

    assert ran.returncode == status
    assert "skipped: test_some.py::test_in_its_body - no chromium here" in ran.stdout
    assert "skipped: test_some.py::test_by_its_mark - no node here" in ran.stdout
    assert "1 passed" in ran.stdout


@pytest.mark.parametrize(
    ("ci", "status"), [("", pytest.ExitCode.NO_TESTS_COLLECTED), ("true", pytest.ExitCode.INTERRUPTED)]
)
def test_a_whole_file_that_is_skipped_is_listed_and_fails_under_ci(ci: str, status: int, tmp_path: Path) -> None:
    ran = run(tmp_path, MODULE, ci)

    assert ran.returncode == status
    assert "skipped: test_some.py - no such module here" in ran.stdout


def run(folder: Path, tests: str, ci: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    (folder / "test_some.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    env = os.environ | {"CI": ci, "PYTHONPATH": str(ROOT)}  # the conftest imports from tests
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
