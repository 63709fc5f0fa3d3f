from __future__ import annotations

import subprocess
import sys

import click
import pytest

from emberway import __main__ as program
from emberway.cli.failure import CommandFailed


def status_when(command_raises: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def main(**_: object) -> None:
        raise command_raises

    monkeypatch.setattr(program.cli, "main", main)
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_failure_is_one_sentence_and_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_when(CommandFailed("Nothing is there.", 4), monkeypatch) == 4
    assert capsys.readouterr() == ("", "emberway: Nothing is there.\n")


@pytest.mark.parametrize(
    ("raised", "status"),
    [(KeyboardInterrupt(), 130), (click.Abort(), 130), (click.UsageError("no"), 2), (CommandFailed("no"), 1)],
)
def test_each_way_to_end_has_its_status(raised: BaseException, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert status_when(raised, monkeypatch) == status


def test_a_reader_that_leaves_early_causes_no_complaint() -> None:
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m emberway settings --reference | true"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stderr == ""
