"""Real programs that print a key, or something else, or nothing, or never end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.unit.vault.parts import carried

from emberway.vault.key_command import MOST_BYTES, ask
from emberway.vault.master_key import MasterKeyProblem

LONG = 60.0
"""Seconds; nothing here waits for them."""


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *arguments)


def complaint(command: tuple[str, ...], patience: float = LONG) -> str:
    with pytest.raises(MasterKeyProblem) as raised:
        ask(command, patience)
    assert raised.value.__context__ is None
    assert "hush" not in "\n".join(carried(raised.value)).replace(repr(command), "")
    return str(raised.value).removeprefix(f"The program that prints the master key, {command[0]}, ")


def test_what_the_program_prints_is_the_key() -> None:
    assert ask(python("print('the key')")).reveal() == "the key\n"


def test_no_shell_reads_the_arguments() -> None:
    code = "import sys; print(sys.argv[1:])"

    assert ask(python(code, "$HOME", "a b", "; echo x")).reveal() == "['$HOME', 'a b', '; echo x']\n"


def test_the_program_finds_nothing_to_read() -> None:
    assert ask(python("import sys; print(repr(sys.stdin.read()))")).reveal() == "''\n"


def test_bytes_that_are_no_text_are_not_taken_for_any() -> None:
    assert ask(python("import os; os.write(1, b'\\xff')")).reveal() == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        (("/nowhere/keeper",), "cannot be started: No such file or directory."),
        (("/",), "cannot be started: Permission denied."),
        (("keeper\0",), "cannot be started: its name or an argument holds a zero byte."),
        (python("print('hush'); raise SystemExit(3)"), "ended with status 3."),
        (python("import os; os.write(1, b'hush'); os.kill(os.getpid(), 9)"), "was ended by signal 9."),
        (python(f"print('hush' * {MOST_BYTES})"), f"printed more than {MOST_BYTES} bytes."),
        (python("while True: print('hush')"), f"printed more than {MOST_BYTES} bytes."),
    ],
)
def test_a_program_that_does_not_do_its_work_is_refused_and_its_output_not_shown(
    command: tuple[str, ...], fault: str
) -> None:
    assert complaint(command) == fault


def test_as_much_as_is_allowed_is_read_whole() -> None:
    assert len(ask(python(f"print('x' * {MOST_BYTES - 1})")).reveal()) == MOST_BYTES


def test_its_complaints_appear_where_ours_do(capfd: pytest.CaptureFixture[str]) -> None:
    complaint(python("import sys; sys.exit('log in to the keeper first')"))

    assert capfd.readouterr().err == "log in to the keeper first\n"


@pytest.mark.parametrize(
    "script",
    [
        "exec sleep 1000 3>$0",
        "sleep 1000 3>$0 & sleep 1000 3>$0",
        "sleep 1000 3>$0 & exit 0",
        "exec 1>&-; exec sleep 1000 3>$0",
    ],
    ids=["it sleeps", "it and its child sleep", "its child holds on to the output", "it closes its output and sleeps"],
)
def test_a_program_that_does_not_end_in_time_is_killed_with_all_that_it_started(tmp_path: Path, script: str) -> None:
    os.mkfifo(tmp_path / "alive")
    pipe = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)

    assert complaint(("/bin/sh", "-c", script, str(tmp_path / "alive")), patience=0.3) == "did not end in time."

    # Whoever of them got so far holds the pipe open while it lives: the end of the file says that none does.
    os.set_blocking(pipe, True)
    assert os.read(pipe, 1) == b""
    os.close(pipe)
