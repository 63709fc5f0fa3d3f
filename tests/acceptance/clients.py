"""The page's four official clients behind one small face, so that one test can hold all of them to a promise."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import openai
from portkey_ai import Portkey, createHeaders
from tests.acceptance.process import PATIENCE, clean_environment

NODE_FOLDER = Path(__file__).parent / "node"
STYLES = ("python-portkey", "python-openai", "node-portkey", "node-openai")

PROVIDER_KEY = "fw_acceptance"
"""A key of the form that the emulator takes."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where a client calls, and the credentials that it shows there; ``None`` leaves one out."""

    base_url: str
    key: str | None
    provider: str | None = "fireworks-ai"
    provider_key: str | None = PROVIDER_KEY
    forward: Mapping[str, str] = field(default_factory=dict)
    """Headers that are sent as they are, and named in ``x-portkey-forward-headers``."""
    config: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None

    def headers(self, **names: str) -> dict[str, Any]:
        """The arguments of ``createHeaders``, spelled as ``names`` say for the language at hand."""
        options: dict[str, Any] = {names["key"]: self.key, "provider": self.provider}
        options |= {"config": self.config, "metadata": self.metadata}
        forward = {names["forward"]: list(self.forward), **self.forward} if self.forward else {}
        return {name: value for name, value in options.items() if value is not None} | forward


@dataclass(frozen=True, slots=True)
class Raised:
    """What a client threw."""

    name: str
    """Of the class."""
    status: int | None
    message: str
    body: Any = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a user of a client gets from one call."""

    value: Any = None
    chunks: list[Any] | None = None
    """Of a stream, also of one that broke."""
    raised: Raised | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """What ``get_headers()`` gives, where the client has it."""

    def good(self) -> Outcome:
        """This outcome; AssertionError if the client raised."""
        assert self.raised is None, self.raised
        return self

    @property
    def error(self) -> Raised:
        """What was raised; AssertionError if nothing was."""
        assert self.raised is not None, self
        return self.raised

    @property
    def content(self) -> str:
        """The text of the first choice, whole or put together from the chunks."""
        if self.chunks is None:
            return str(self.good().value["choices"][0]["message"]["content"])
        choices = [choice for chunk in self.chunks for choice in chunk["choices"]]
        return "".join(choice["delta"].get("content") or "" for choice in choices)


class Worker(Protocol):
    """Makes one call in a program of another language."""

    def __call__(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        """The worker's answer to ``call``."""


@dataclass(frozen=True, slots=True)
class Client:
    """One client style with a login."""

    style: str
    login: Login
    node: Worker

    def using(self, **changes: Any) -> Client:
        """The same style with another login."""
        return replace(self, login=replace(self.login, **changes))

    def call(self, method: str, *args: Any, **fields: Any) -> Outcome:
        """Call ``method`` as a program would: ``fields`` are keyword arguments in Python, an object in JavaScript."""
        if self.style.startswith("python"):
            return _in_python(self, method, args, fields)
        arguments = [*args, fields] if fields else list(args)
        return Outcome(**_revived(self.node(_node_call(self, method, arguments))))


@contextmanager
def node_worker() -> Iterator[Worker]:
    """One Node process for all calls: loading the packages costs more than the calls do."""
    process = subprocess.Popen(
        ["node", "worker.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=NODE_FOLDER,
        env=clean_environment(),
        text=True,
        encoding="utf-8",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    reader = threading.Thread(target=_hand_over, args=(stdout, answers))
    reader.start()

    def work(call: Mapping[str, Any]) -> Mapping[str, Any]:
        stdin.write(json.dumps(call) + "\n")
        stdin.flush()
        line = answers.get(timeout=PATIENCE)
        assert line, f"node ended with {process.wait(PATIENCE)}"
        answer: Mapping[str, Any] = json.loads(line)
        return answer

    try:
        yield work
        stdin.close()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        stdin.close()
        reader.join()
        stdout.close()


def run_node(script: str, **environment: str) -> Any:
    """Run one of the programs in ``node/`` and give back the JSON that it prints last."""
    done = subprocess.run(
        ["node", script],
        cwd=NODE_FOLDER,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{script} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def run_curl(*arguments: str) -> tuple[int, Any]:
    """Status and decoded JSON of what curl got."""
    done = subprocess.run(
        [
            "curl",
            "--silent",
            "--show-error",
            "--max-time",
            f"{PATIENCE:.0f}",
            "--write-out",
            "\n%{http_code}",
            *arguments,
        ],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


@contextmanager
def closing(library: Any) -> Iterator[Any]:
    """Closes a Python client at last, and the second one, of OpenAI's, that Portkey's holds for half of its calls."""
    try:
        yield library
    finally:
        for held in (library, getattr(library, "openai_client", None)):
            if held is not None:
                held.close()


def _hand_over(lines: Iterable[str], answers: queue.SimpleQueue[str]) -> None:
    for line in lines:
        answers.put(line)
    answers.put("")


def _in_python(client: Client, method: str, args: tuple[Any, ...], fields: Mapping[str, Any]) -> Outcome:
    with closing(_python_client(client)) as library:
        try:
            value = _reach(library, method)(*args, **_extras(client.style, fields))
        except Exception as error:  # Whatever a client raises is the outcome that is asked about.
            return Outcome(raised=_described(error))
        return _streamed(value) if fields.get("stream") else Outcome(_plain(value), headers=_headers_of(value))


def _python_client(client: Client) -> Any:
    login = client.login
    if client.style == "python-portkey":
        options = login.headers(key="api_key", forward="forward_headers")
        if login.provider_key is not None:
            options["Authorization"] = login.provider_key
        return Portkey(base_url=login.base_url, **options)
    headers = createHeaders(**login.headers(key="api_key", forward="forward_headers"))
    return openai.OpenAI(
        api_key=login.provider_key or login.key or "", base_url=login.base_url, default_headers=headers
    )


def _node_call(client: Client, method: str, args: list[Any]) -> dict[str, Any]:
    login = client.login
    headers = login.headers(key="apiKey", forward="forwardHeaders")
    if client.style == "node-portkey":
        options = {"baseURL": login.base_url, **headers}
        if login.provider_key is not None:
            options["Authorization"] = login.provider_key
        return {"client": "portkey", "options": options, "method": method, "args": args}
    options = {"baseURL": login.base_url, "apiKey": login.provider_key or login.key or "", "headers": headers}
    return {"client": "openai", "options": options, "method": method, "args": args}


def _reach(library: Any, method: str) -> Any:
    for step in method.split("."):
        library = getattr(library, step)
    return library


def _extras(style: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The OpenAI client takes parameters that it does not know only by its own ``extra_body``."""
    own = ("grammar", "json_schema")
    if style != "python-openai" or not any(name in fields for name in own):
        return dict(fields)
    known = {name: value for name, value in fields.items() if name not in own}
    return known | {"extra_body": {name: fields[name] for name in own if name in fields}}


def _streamed(stream: Iterable[Any]) -> Outcome:
    chunks: list[Any] = []
    try:
        chunks.extend(_plain(chunk) for chunk in stream)
    except Exception as error:  # A stream that breaks keeps what came before.
        return Outcome(chunks=chunks, raised=_described(error))
    return Outcome(chunks=chunks)


def _plain(value: Any) -> Any:
    return value.model_dump(exclude_unset=True, warnings=False) if hasattr(value, "model_dump") else value


def _headers_of(value: Any) -> Mapping[str, str]:
    return dict(value.get_headers() or {}) if hasattr(value, "get_headers") else {}


def _described(error: Exception) -> Raised:
    return Raised(type(error).__name__, getattr(error, "status_code", None), str(error), getattr(error, "body", None))


def _revived(answer: Mapping[str, Any]) -> dict[str, Any]:
    raised = answer.get("raised")
    return dict(answer) | ({"raised": Raised(**raised)} if raised else {})
