"""What these functions do to a process cannot be undone, so each test lets a process of its own do it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")


def printed(program: str, **environ: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environ, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_hardened_process_shows_its_memory_to_nobody() -> None:
    program = (
        "import ctypes, os, resource; from emberway.hardening import harden; harden();"
        "print(ctypes.CDLL(None).prctl(3), *resource.getrlimit(resource.RLIMIT_CORE), oct(os.umask(0)))"
    )

    assert printed(program) == "0 0 0 0o77"


def test_as_many_files_may_be_open_as_the_system_lets_us() -> None:
    program = (
        "import resource as r; hard = r.getrlimit(r.RLIMIT_NOFILE)[1]; r.setrlimit(r.RLIMIT_NOFILE, (64, hard));"
        "from emberway.hardening import allow_many_files; allow_many_files();"
        "print(r.getrlimit(r.RLIMIT_NOFILE)[0] == min(hard, 65536) or hard == r.RLIM_INFINITY)"
    )

    assert printed(program) == "True"


def test_a_limit_that_is_high_enough_stays() -> None:
    program = (
        "import resource as r; from emberway.hardening import allow_many_files; allow_many_files();"
        "before = r.getrlimit(r.RLIMIT_NOFILE); allow_many_files(); print(before == r.getrlimit(r.RLIMIT_NOFILE))"
    )

    assert printed(program) == "True"


def test_a_wiped_variable_is_gone_from_the_process_table_and_from_children_but_not_from_python() -> None:
    program = (
        "import os, subprocess; from emberway.hardening import wipe_initial_environment as wipe;"
        "wipe(['HUSH_HUSH', 'NOT_SET']); print(os.environ.pop('HUSH_HUSH'),"
        "b'sesame' in open('/proc/self/environ', 'rb').read(),"
        "b'sesame' in subprocess.run(['env'], capture_output=True).stdout)"
    )

    assert printed(program, HUSH_HUSH="sesame") == "sesame False False"
