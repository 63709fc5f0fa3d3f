from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from emberway.cli import cli


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(*flags: str, **environ: str) -> str:
    return CliRunner().invoke(cli, ["settings", *flags], env=environ, catch_exceptions=False).output


def test_each_value_is_shown_with_its_source(tmp_path: Path) -> None:
    (tmp_path / "emberway.toml").write_text("workers = 2\n")

    lines = [line.split() for line in said("--origin", EMBERWAY_PORT="9000").splitlines()]

    assert ["port", "9000", "EMBERWAY_PORT"] in lines
    assert ["workers", "2", "emberway.toml"] in lines
    assert ["host", "127.0.0.1", "default"] in lines


def test_secrets_are_masked_in_every_form() -> None:
    for flags in ((), ("--origin",), ("--json",)):
        shown = said(*flags, EMBERWAY_API_KEY="sesame-open-yourself")
        assert "sesame" not in shown
        assert "***" in shown


def test_a_program_gets_values_of_their_own_type() -> None:
    table = json.loads(said("--json", EMBERWAY_TRUSTED_ORIGINS="http://a:1"))

    assert table["port"] == {"value": 8787, "origin": "default"}
    assert table["access_log"]["value"] is True
    assert table["ca_file"]["value"] is None
    assert table["trusted_origins"] == {"value": ["http://a:1"], "origin": "EMBERWAY_TRUSTED_ORIGINS"}


def test_the_file_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("workers = 3\n")

    lines = said("--origin", "--settings", "other.toml").splitlines()

    assert ["workers", "3", "other.toml"] in [line.split() for line in lines]
