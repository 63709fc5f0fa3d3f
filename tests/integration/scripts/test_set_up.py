"""What a person sees of the set-up in scripts/: a Python notes what it is asked, and its pip installs nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

PYTHON = f"""#!/usr/bin/env bash
# Stands for python3: pip is played, everything else is real.
echo "$*" >>"$CALLS"
case "$*" in
    *"sys.exit(sys.version_info < (3, 11))"*) [ -z "${{OLD_PYTHON:-}}" ] ;;
    -V) echo "Python 3.9.2" ;;
    "-m pip --version") [ "$PIP" != none ] && echo "pip $PIP from /usr/lib/python3/dist-packages/pip (python 3.11)" ;;
    "-m pip "*)
        echo "words of pip"
        [ -z "${{BROKEN_PIP:-}}" ] || exit 2
        printf '#!/usr/bin/env bash\\nprintf "[%%s]" emberway "$@"\\n' >"$CHECKOUT/.venv/bin/emberway"
        chmod +x "$CHECKOUT/.venv/bin/emberway" ;;
    *) exec "{sys.executable}" "$@" ;;
esac
"""


@dataclass
class Checkout:
    """A working copy with nothing in it but the scripts, one lock and the project's table."""

    folder: Path
    calls: Path
    """What the played Python was asked."""

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ``command``, a script's path first, from a folder that has nothing to do with it."""
        self.calls.write_text("")
        path = f"{self.calls.parent}:{os.environ['PATH']}"
        given = {"PATH": path, "HOME": "/", "CALLS": str(self.calls), "CHECKOUT": str(self.folder), "PIP": "23.0.1"}
        return subprocess.run(
            [self.folder / command[0], *command[1:]],
            cwd="/",
            env=given | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def installs(self) -> list[str]:
        """The installations of the last run."""
        return [call for call in self.calls.read_text().splitlines() if " install " in call]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder = tmp_path / "a check out"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    (folder / "requirements.lock").write_text("click==8.5.1 \\\n    --hash=sha256:00\n")
    (folder / "pyproject.toml").write_text("[project]\n")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").write_text(PYTHON)
    (tools / "python3").chmod(0o755)
    return Checkout(folder, tools / "calls")


def test_the_first_start_says_in_one_line_that_it_installs_and_hands_the_arguments_on(checkout: Checkout) -> None:
    run = checkout.run("scripts/up", "--data-dir", "two words")

    assert (run.returncode, run.stdout) == (0, "[emberway][up][--data-dir][two words]")
    assert run.stderr.count("\n") == 1
    assert "(1, each checked by its hash)" in run.stderr


def test_nothing_is_installed_without_its_hash(checkout: Checkout) -> None:
    checkout.run("scripts/up")

    packages, project = checkout.installs()
    assert "--require-hashes -r" in packages
    assert "--no-deps --no-build-isolation" in project


def test_the_second_start_installs_nothing_and_says_nothing(checkout: Checkout) -> None:
    checkout.run("scripts/up")

    run = checkout.run("scripts/up")

    assert (run.returncode, run.stdout, run.stderr) == (0, "[emberway][up]", "")
    assert checkout.installs() == []


@pytest.mark.parametrize("file", ["requirements.lock", "pyproject.toml"])
def test_a_change_of_what_is_needed_is_installed_at_the_next_start(file: str, checkout: Checkout) -> None:
    checkout.run("scripts/up")
    with (checkout.folder / file).open("a") as written:
        written.write("\n")

    checkout.run("scripts/up")

    assert len(checkout.installs()) == 2


def test_a_checkout_that_was_moved_is_set_up_anew(checkout: Checkout) -> None:
    checkout.run("scripts/up")
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("elsewhere"))

    run = checkout.run("scripts/up")

    assert (run.returncode, len(checkout.installs())) == (0, 2)


def test_an_environment_that_does_not_run_is_made_anew(checkout: Checkout) -> None:
    checkout.run("scripts/up")
    (checkout.folder / ".venv/bin/python").unlink()

    run = checkout.run("scripts/up")

    assert (run.returncode, run.stdout) == (0, "[emberway][up]")


def test_a_failed_installation_shows_what_pip_said_and_is_tried_again(checkout: Checkout) -> None:
    run = checkout.run("scripts/up", BROKEN_PIP="yes")

    assert run.returncode == 1
    assert "words of pip" in run.stderr
    assert checkout.run("scripts/up").returncode == 0


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"OLD_PYTHON": "yes"}, "Python 3.9.2 is too old: Emberway needs Python 3.11 or newer"),
        ({"PYTHON": "python3.99"}, "python3.99 is not installed: Emberway needs Python 3.11 or newer"),
        ({"PIP": "none"}, "python3 has no pip: install it"),
        ({"PIP": "22.2.2"}, "pip 22.2.2 of python3 is too old: Emberway is installed with pip 22.3 or newer"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(
    environment: dict[str, str], sentence: str, checkout: Checkout
) -> None:
    run = checkout.run("scripts/up", **environment)

    assert run.returncode == 1
    assert run.stderr.startswith(f"emberway: {sentence}")
    assert run.stderr.count("\n") == 1


def test_without_root_or_apt_the_missing_programs_are_named(checkout: Checkout) -> None:
    tools = checkout.calls.parent
    for name in ("bash", "env", "id"):
        (tools / name).symlink_to(str(shutil.which(name)))

    run = checkout.run("scripts/setup-system", PATH=str(tools))

    assert run.returncode == 1
    assert "missing on this machine: nodejs npm curl wrk;" in run.stderr


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_without_the_javascript_clients_tests_go_on_except_under_ci(ci: str, status: int, checkout: Checkout) -> None:
    for name in ("node", "npm"):
        tool = checkout.calls.with_name(name)
        tool.write_text("#!/usr/bin/env bash\necho words of npm\nexit 1\n")
        tool.chmod(0o755)
    script = checkout.folder / "scripts/install-clients"
    script.write_text(
        "#!/usr/bin/env bash\nset -euo pipefail\n"
        'source "$(dirname "$0")/lib/venv.sh"\nsource "$root/scripts/lib/node.sh"\nnode_ready "$root/node"\n'
    )
    script.chmod(0o755)

    run = checkout.run("scripts/install-clients", CI=ci)

    assert run.returncode == status
    assert "words of npm" in run.stderr
