"""The emulator as a process of its own, over real sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import IncompleteRead
from typing import Any

import pytest
from tests.integration.emulator.asgi import LLAMA
from tests.integration.emulator.process import Emulated, announced_port, emulator

COMMAND = [sys.executable, "-m", "fireworks_emulator", "--quiet"]
HEADERS = {"authorization": "Bearer fw_test", "content-type": "application/json"}


@pytest.fixture(scope="module")
def running() -> Iterator[Emulated]:
    with emulator("--seed", "1") as started:
        yield started


def chat_body(**fields: Any) -> bytes:
    return json.dumps({"model": LLAMA, "messages": [{"role": "user", "content": "hi"}], **fields}).encode()


@contextlib.contextmanager
def asking(port: int, body: bytes, **headers: str) -> Iterator[http.client.HTTPResponse]:
    """An answer, its body unread, on a connection of its own."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("POST", "/v1/chat/completions", body, HEADERS | headers)
        with connection.getresponse() as answer:
            yield answer


def status(port: int, body: bytes, **headers: str) -> int:
    with asking(port, body, **headers) as answer:
        answer.read()
        return answer.status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_line_is_printed_and_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        port = announced_port(process)
        with socket.create_connection(("127.0.0.1", port), timeout=20):
            pass
        process.send_signal(number)
        rest, complaints = process.communicate(timeout=20)

    assert (process.returncode, rest, complaints) == (0, b"", b"")


def test_an_open_stream_does_not_keep_it_alive() -> None:
    endless = chat_body(stream=True, ignore_eos=True, max_tokens=2000)

    with emulator("--rate", "5") as started, asking(started.port, endless) as answer:
        assert answer.readline().startswith(b"data: ")
        started.process.terminate()
        _, complaints = started.process.communicate(timeout=20)

    assert (started.process.returncode, complaints) == (0, b"")


def test_it_ends_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as parent:
        command = [*COMMAND, "--parent", str(parent.pid)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            announced_port(process)
            parent.kill()
            process.communicate(timeout=20)

    assert process.returncode == 0


def test_it_does_not_outlive_a_parent_that_is_gone_already() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as parent:
        parent.wait(timeout=20)
    with subprocess.Popen([*COMMAND, "--parent", str(parent.pid)], stdout=subprocess.PIPE) as process:
        process.communicate(timeout=20)

    assert process.returncode == 0


def test_a_port_that_is_taken_is_refused_with_one_line(running: Emulated) -> None:
    second = subprocess.run([*COMMAND, "--port", str(running.port)], capture_output=True, timeout=20)

    assert (second.returncode, second.stdout) == (1, b"")
    assert second.stderr.decode().startswith(f"cannot listen on 127.0.0.1:{running.port}: ")


@pytest.mark.parametrize("rate", ["-1", "nan", "inf", "fast"])
def test_a_wrong_rate_is_refused(rate: str) -> None:
    assert subprocess.run([*COMMAND, f"--rate={rate}"], capture_output=True, timeout=20).returncode == 2


def test_a_cut_stream_really_breaks_off(running: Emulated) -> None:
    fault = {"x-emulator-fault": "cut;k=2"}

    with asking(running.port, chat_body(stream=True), **fault) as answer, pytest.raises(IncompleteRead) as broken:
        answer.read()

    assert answer.status == 200
    assert broken.value.partial.count(b"data: ") == 2


def test_a_cut_plain_answer_really_breaks_off(running: Emulated) -> None:
    fault = {"x-emulator-fault": "cut"}

    with asking(running.port, chat_body(), **fault) as answer, pytest.raises(IncompleteRead):
        answer.read()


def test_a_hanging_call_stays_open_until_the_client_leaves(running: Emulated) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", running.port, timeout=0.3)) as connection:
        connection.request("POST", "/v1/chat/completions", chat_body(), {**HEADERS, "x-emulator-fault": "hang"})
        with pytest.raises(TimeoutError):
            connection.getresponse()

    assert status(running.port, chat_body()) == 200


def test_others_are_served_while_a_stream_runs(running: Emulated) -> None:
    endless = chat_body(stream=True, ignore_eos=True, max_tokens=100_000)

    with asking(running.port, endless) as stream:
        assert stream.readline().startswith(b"data: ")
        assert status(running.port, chat_body()) == 200
        assert stream.readline() == b"\n"


def test_an_operators_key_is_accepted() -> None:
    with emulator("--key", "local", "--strict-catalogue") as started:
        wrong = status(started.port, chat_body(), authorization="Bearer other")
        right = status(started.port, chat_body(), authorization="Bearer local")

    assert (wrong, right) == (401, 404)


def test_each_call_is_one_line_on_stderr_unless_quiet() -> None:
    command = [sys.executable, "-m", "fireworks_emulator"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert status(announced_port(process), chat_body()) == 200
        process.terminate()
        _, lines = process.communicate(timeout=20)

    assert lines.startswith(b"POST /v1/chat/completions 200 ")
    assert lines.count(b"\n") == 1


def test_a_picture_can_be_fetched_without_a_key_where_the_answer_says(running: Emulated) -> None:
    path = "/inference/v1/workflows/accounts/fireworks/models/flux-kontext-pro"
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    connection.request("POST", path, json.dumps({"prompt": "a lighthouse"}), HEADERS)
    number = json.loads(connection.getresponse().read())["request_id"]
    sample = None
    while not sample:
        connection.request("POST", f"{path}/get_result", json.dumps({"id": number}), HEADERS)
        found = json.loads(connection.getresponse().read())
        sample = (found["result"] or {}).get("sample")

    connection.request("GET", sample.removeprefix(running.url))
    picture = connection.getresponse().read()
    connection.close()

    assert picture.startswith((b"\x89PNG", b"\xff\xd8"))
