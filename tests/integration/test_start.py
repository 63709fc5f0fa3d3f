"""How the program starts: a real process on a free port, as its operator runs it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from tests.integration.started import (
    CHAT,
    CHOSEN,
    PATIENCE,
    descendants,
    free_port,
    gateway,
    listens,
    run,
    started,
    wait_until,
)

MASTER = base64.b64encode(bytes(range(32))).decode()


def content(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def pasted(said: str) -> str:
    """The first command of the banner, exactly as it stands there."""
    match = re.search(r"^  curl .*?^    \}'$", said, re.DOTALL | re.MULTILINE)
    assert match, said
    return match[0]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("flags", [(), ("--emulator",)])
def test_the_first_start_prints_a_call_that_works_as_pasted(tmp_path: Path, flags: tuple[str, ...]) -> None:
    with gateway(tmp_path, *flags) as running:
        answer = subprocess.run(
            ["bash", "-c", pasted(running.said)], capture_output=True, timeout=PATIENCE, check=True, cwd=tmp_path
        )

    assert json.loads(answer.stdout)["choices"][0]["message"]["content"]


def test_the_first_start_says_where_it_is_where_its_data_is_and_how_it_is_stopped(tmp_path: Path) -> None:
    with gateway(tmp_path) as running:
        said = running.said

    assert f"listens on http://127.0.0.1:{running.port}\n" in said
    assert f"{tmp_path}/.local/share/emberway\n" in said
    assert "master.key was made there just now" in said
    assert said.endswith("\nCtrl-C to stop\n")
    assert "\x1b" not in said


def test_with_the_emulator_in_its_place_the_provider_needs_no_key(tmp_path: Path) -> None:
    with gateway(tmp_path, "--emulator", "--ephemeral") as running:
        status, body = running.chat(running.key, "fireworks-ai")

        assert (status, json.loads(body)["object"]) == (200, "chat.completion")


def test_a_second_start_keeps_the_key_and_does_not_show_it(tmp_path: Path) -> None:
    with gateway(tmp_path) as first:
        key = first.key

    with gateway(tmp_path) as second:
        assert second.admits(key)
        assert key not in second.said
        assert '"x-portkey-api-key: $EMBERWAY_API_KEY"' in second.said
        assert "was shown at the first start" in second.said


def test_a_new_key_on_demand_replaces_the_old_one(tmp_path: Path) -> None:
    with gateway(tmp_path) as first:
        old = first.key

    with gateway(tmp_path, "--new-key") as second:
        assert second.admits(second.key)
        assert not second.admits(old)


def test_a_key_of_the_operator_is_used_and_never_printed(tmp_path: Path) -> None:
    with gateway(tmp_path, EMBERWAY_API_KEY=CHOSEN) as running:
        assert running.admits(CHOSEN)
        assert not running.admits(CHOSEN + "x")
        assert CHOSEN not in running.said + running.complained
        assert "was shown at the first start" not in running.said


def test_a_provider_key_in_the_environment_is_offered_by_name_only(tmp_path: Path) -> None:
    with gateway(tmp_path, "--ephemeral", FIREWORKS_API_KEY="fw_hush_hush") as running:
        assert '"Authorization: Bearer $FIREWORKS_API_KEY"' in running.said
        assert "fw_hush_hush" not in running.said + running.complained


def test_the_folder_names_the_settings(tmp_path: Path) -> None:
    (tmp_path / "emberway.toml").write_text(f'data_dir = "{tmp_path}/elsewhere"\n')

    with gateway(tmp_path) as running:
        assert f"{tmp_path}/elsewhere\n" in running.said


def test_several_workers_serve_together(tmp_path: Path) -> None:
    with gateway(tmp_path, "--ephemeral", "--workers", "2") as running:
        assert len(descendants(running.process.pid)) == 2
        assert all(running.admits(running.key) for _ in range(8))
        assert running.ends() == 0


def test_an_ephemeral_gateway_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    with gateway(tmp_path, "--ephemeral", "--emulator", TMPDIR=str(tmp_path / "tmp")) as running:
        assert running.chat(running.key)[0] == 200
        assert "nothing is kept" in running.said

    assert {path.name for path in tmp_path.rglob("*")} == {"stdout", "stderr", "tmp"}


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_what_is_kept_is_for_this_user_alone(tmp_path: Path, umask: int) -> None:
    with gateway(tmp_path, umask=umask) as running:
        data = tmp_path / ".local/share/emberway"

        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()} == {
            "api-key.json": 0o600,
            "master.key": 0o600,
        }
        for pid in running.family:
            assert "Umask:\t0077\n" in Path(f"/proc/{pid}/status").read_text()
            assert re.search(r"Max core file size +0 +0 ", Path(f"/proc/{pid}/limits").read_text())


def test_no_secret_shows_in_the_process_table(tmp_path: Path) -> None:
    secrets = {"EMBERWAY_API_KEY": CHOSEN, "EMBERWAY_MASTER_KEY": MASTER}
    with gateway(tmp_path, "--emulator", **secrets) as running:
        family = running.family
        assert len(family) == 3

        for pid in family:
            seen = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
            assert CHOSEN.encode() not in seen
            assert MASTER.encode() not in seen


def test_a_wrong_master_key_stops_the_start_and_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    with gateway(tmp_path):
        pass
    before = content(tmp_path / ".local/share/emberway")

    ended = run(tmp_path, "up", EMBERWAY_MASTER_KEY=MASTER)

    assert (ended.returncode, ended.stdout) == (78, "")
    assert re.fullmatch(r"emberway: The master key is not the one that .*\n", ended.stderr)
    assert content(tmp_path / ".local/share/emberway") == before


@pytest.mark.parametrize(
    ("flags", "settings", "status", "sentence"),
    [
        (("--host", "0.0.0.0"), {}, 78, "set EMBERWAY_API_KEY and EMBERWAY_MASTER_KEY yourself first"),
        (("--host", "::"), {"EMBERWAY_API_KEY": CHOSEN}, 78, "set EMBERWAY_MASTER_KEY yourself first"),
        ((), {"EMBERWAY_API_KEY": "short"}, 78, "EMBERWAY_API_KEY has 5 characters"),
        ((), {"EMBERWAY_MASTER_KEY": "AAAA"}, 78, "must be base64 of exactly 32 random bytes"),
        ((), {"EMBERWAY_PROT": "1"}, 3, "Did you mean EMBERWAY_PORT?"),
        ((), {"EMBERWAY_PORT": "http"}, 3, "EMBERWAY_PORT must be a whole number"),
        ((), {"EMBERWAY_DATABASE_URL": "postgresql://db.example/e"}, 3, "database_url would have no effect: unset it"),
        ((), {"EMBERWAY_MASTER_KEY_COMMAND": "/bin/true"}, 3, "master_key_command would have no effect: unset it"),
        (("--settings", "gone.toml"), {}, 3, "gone.toml cannot be read"),
        (("--new-key",), {"EMBERWAY_API_KEY": CHOSEN}, 2, "leave one away"),
        (("--port", "99999"), {}, 2, "Invalid value for '--port'"),
        (("--data-dir", "/proc/nowhere"), {}, 1, "The data folder /proc/nowhere cannot be used"),
    ],
)
def test_a_start_that_cannot_be_says_why_in_a_sentence(
    tmp_path: Path, flags: tuple[str, ...], settings: dict[str, str], status: int, sentence: str
) -> None:
    ended = run(tmp_path, "up", *flags, **settings)

    assert ended.returncode == status
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_both_keys_of_the_operator_open_every_address(tmp_path: Path) -> None:
    with gateway(tmp_path, "--host", "0.0.0.0", EMBERWAY_API_KEY=CHOSEN, EMBERWAY_MASTER_KEY=MASTER) as running:
        assert running.admits(CHOSEN)


def test_a_port_in_use_is_named_with_the_way_out(tmp_path: Path) -> None:
    with gateway(tmp_path, "--ephemeral") as running:
        ended = run(tmp_path, "up", "--ephemeral", "--port", str(running.port))

    assert ended.returncode == 1
    assert ended.stderr == (f"emberway: Port {running.port} of 127.0.0.1 is in use: choose another with --port.\n")


def test_the_demonstration_is_answered_as_it_should_be(tmp_path: Path) -> None:
    with gateway(tmp_path, "--ephemeral", EMBERWAY_API_KEY=CHOSEN) as running:
        shown = run(
            tmp_path,
            "demo",
            "-n",
            "50",
            "--json",
            "--url",
            f"http://127.0.0.1:{running.port}",
            EMBERWAY_API_KEY=CHOSEN,
        )

    assert shown.returncode == 0, shown.stderr + shown.stdout
    rows = json.loads(shown.stdout)
    assert sum(row["calls"] for row in rows.values()) == 50
    assert sum(row["failed as intended"] for row in rows.values()) > 0


def test_a_demonstration_without_a_gateway_says_how_to_start_one(tmp_path: Path) -> None:
    ended = run(tmp_path, "demo", "--url", f"http://127.0.0.1:{free_port()}", EMBERWAY_API_KEY=CHOSEN)

    assert ended.returncode == 4
    assert "start one with `emberway up`" in ended.stderr


def test_a_demonstration_with_a_wrong_key_says_so(tmp_path: Path) -> None:
    with gateway(tmp_path, "--ephemeral") as running:
        ended = run(tmp_path, "demo", "-n", "1", "--url", f"127.0.0.1:{running.port}/v1", EMBERWAY_API_KEY=CHOSEN)

    assert ended.returncode == 1
    assert "does not know this key" in ended.stderr


def test_the_emulator_runs_alone_and_takes_a_key_of_the_providers_form(tmp_path: Path) -> None:
    with started(tmp_path, command="emulator", EMBERWAY_API_KEY=CHOSEN) as running:
        wait_until(lambda: listens(running.port))

        status, _ = running.call("POST", "/inference/v1/chat/completions", {"authorization": "Bearer fw_x"}, CHAT)
        assert status == 200
        assert CHOSEN.encode() not in Path(f"/proc/{running.process.pid}/environ").read_bytes()
        assert running.ends() == 0
