"""``emberway doctor``: what would keep the gateway from running here, and what is only worth knowing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from emberway.cli.examination import Finding, examine_machine, examine_start
from emberway.cli.failure import CommandFailed
from emberway.cli.group import ExamplesFirst
from emberway.cli.sources import environment_and_settings

EXAMPLES = (
    "emberway doctor",
    "emberway doctor --port 9000 --json",
)
_MARKS = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}


@click.command(cls=ExamplesFirst, examples=EXAMPLES)
@click.option("--host", metavar="ADDRESS", help="As for `up`.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="As for `up`.")
@click.option("--data-dir", type=click.Path(), metavar="FOLDER", help="As for `up`.")
@click.option("--settings", type=click.Path(), metavar="FILE", help="As for `up`.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(*, as_json: bool, **flags: Any) -> None:
    """See whether this machine lets the gateway run. Ends with 1 only when `up` would not start."""
    findings = examine_machine()
    try:
        environ, loaded = environment_and_settings(flags)
    except CommandFailed as error:
        findings.append(Finding("settings", "problem", str(error)))
    else:
        findings += examine_start(loaded.settings, environ)
    click.echo(_as_json(findings) if as_json else _as_lines(findings))
    if any(finding.verdict == "problem" for finding in findings):
        raise CommandFailed("`emberway up` would not start: see PROBLEM above.")


def _as_json(findings: Sequence[Finding]) -> str:
    return json.dumps([asdict(finding) for finding in findings], indent=2)


def _as_lines(findings: Sequence[Finding]) -> str:
    wide = max(len(finding.about) for finding in findings)
    return "\n".join(f"{_MARKS[one.verdict]}  {one.about:{wide}}  {one.detail}" for one in findings)
