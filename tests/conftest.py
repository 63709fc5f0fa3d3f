"""What all tests share: one event loop, examples that are the same every time, and skips that nobody overlooks."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest
from tests.examples import register_profiles

register_profiles()

_UNDER_CI = os.environ.get("CI") == "true"
_skipped = pytest.StashKey[dict[str, str]]()

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop of ``@pytest.mark.anyio``: the gateway knows no other."""
    return "asyncio"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_skipped] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _noted((yield), item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _noted((yield), collector.config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, why in sorted(config.stash[_skipped].items()):
        terminalreporter.line(f"skipped: {name} - {why}")


def _noted(report: Report, config: pytest.Config) -> Report:
    """Remembers a skip for the list at the end; under CI every real part is there, and a skip is a failure."""
    if report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        why = why.removeprefix("Skipped: ")
        config.stash[_skipped][report.nodeid] = why
        if _UNDER_CI:
            report.outcome = "failed"
            report.longrepr = f"skipped, which is a failure under CI: {why}"
    return report
