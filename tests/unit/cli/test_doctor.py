from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from emberway.accounts.bootstrap import in_folder
from emberway.cli import cli
from emberway.cli.examination import Finding, clock, examine_machine, examine_start
from emberway.secret import Secret
from emberway.settings import Settings


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def settings(tmp_path: Path, closed_port: int) -> Settings:
    """A start that would work, with a provider that cannot be reached."""
    url = f"http://127.0.0.1:{closed_port}/v1"
    return Settings(port=0, data_dir=tmp_path / "data", fireworks_base_url=url)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def finding(settings: Settings, about: str, **environ: str) -> Finding:
    return next(one for one in examine_start(settings, environ) if one.about == about)


def test_a_machine_that_runs_these_tests_has_no_problem() -> None:
    assert [one for one in examine_machine() if one.verdict == "problem"] == []


def test_a_start_that_would_work_has_no_problem_and_is_left_undone(settings: Settings) -> None:
    assert [one for one in examine_start(settings, {}) if one.verdict == "problem"] == []
    assert not settings.data_dir.exists()


def test_a_provider_out_of_reach_is_a_warning_since_the_emulator_needs_none(settings: Settings) -> None:
    assert finding(settings, "provider").verdict == "warning"
    assert "the emulator works without it" in finding(settings, "provider").detail


def test_a_provider_within_reach_is_good(settings: Settings, taken_port: int) -> None:
    url = f"http://127.0.0.1:{taken_port}/v1"

    assert finding(replace(settings, fireworks_base_url=url), "provider").verdict == "ok"


def test_a_provider_without_the_tls_that_it_should_have_is_a_warning(settings: Settings, closed_port: int) -> None:
    url = f"https://127.0.0.1:{closed_port}/v1"

    assert finding(replace(settings, fireworks_base_url=url), "provider").verdict == "warning"


def test_a_port_of_somebody_else_is_a_problem(settings: Settings, taken_port: int) -> None:
    found = finding(replace(settings, port=taken_port), "port")

    assert (found.verdict, "choose another with --port" in found.detail) == ("problem", True)


def test_an_exposed_gateway_without_keys_is_a_problem(settings: Settings) -> None:
    assert finding(replace(settings, host="0.0.0.0"), "address").verdict == "problem"
    assert finding(replace(settings, host="0.0.0.0", insecure=True), "address").verdict == "ok"


def test_an_unusable_key_is_a_problem(settings: Settings) -> None:
    found = finding(replace(settings, api_key=Secret("short")), "data folder")

    assert (found.verdict, "5 characters" in found.detail) == ("problem", True)


def test_a_folder_open_to_others_is_a_problem(settings: Settings) -> None:
    settings.data_dir.mkdir(mode=0o755)

    found = finding(settings, "data folder")

    assert (found.verdict, "chmod 700" in found.detail) == ("problem", True)


def test_a_key_that_is_there_is_named_by_its_last_characters(settings: Settings) -> None:
    in_folder(settings.data_dir, Secret("sesame-open-yourself"), None, new_key=False, now=datetime.now(UTC))

    assert "holds an API key that ends in self" in finding(settings, "data folder").detail


def test_certificates_that_cannot_be_read_are_a_problem(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")

    assert finding(replace(settings, ca_file=tmp_path / "ca.pem"), "certificates").verdict == "problem"
    assert finding(replace(settings, ca_file=tmp_path / "gone.pem"), "certificates").verdict == "problem"


def test_a_proxy_that_is_ignored_is_worth_knowing(settings: Settings) -> None:
    found = finding(settings, "proxy", HTTPS_PROXY="http://proxy:3128")

    assert (found.verdict, found.detail) == ("warning", "HTTPS_PROXY ignored: calls go straight to the provider")


def test_a_clock_before_the_installation_is_worth_knowing() -> None:
    assert clock(now=1000.0, installed=2000.0).verdict == "warning"
    assert clock(now=2000.0, installed=1000.0) == Finding("clock", "ok", "1970-01-01T00:33:20+00:00")


def doctor(tmp_path: Path, closed_port: int, *flags: str, **environ: str) -> Result:
    mine = {
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": "",
        "EMBERWAY_PORT": "0",
        "EMBERWAY_FIREWORKS_BASE_URL": f"http://127.0.0.1:{closed_port}/v1",
    }
    return CliRunner().invoke(cli, ["doctor", *flags], env=mine | environ)


def test_warnings_alone_do_not_fail_the_command(tmp_path: Path, closed_port: int) -> None:
    outcome = doctor(tmp_path, closed_port)

    assert outcome.exit_code == 0
    assert "warning  provider" in outcome.output
    assert list(tmp_path.iterdir()) == []


def test_a_problem_fails_the_command(tmp_path: Path, closed_port: int) -> None:
    outcome = doctor(tmp_path, closed_port, EMBERWAY_PROT="1")

    assert outcome.exit_code != 0
    assert "PROBLEM  settings" in outcome.output
    assert "Did you mean EMBERWAY_PORT?" in outcome.output


def test_the_findings_can_be_read_by_a_program(tmp_path: Path, closed_port: int) -> None:
    findings = json.loads(doctor(tmp_path, closed_port, "--json").output)

    assert {"about": "port", "verdict": "ok"}.items() <= next(one for one in findings if one["about"] == "port").items()
