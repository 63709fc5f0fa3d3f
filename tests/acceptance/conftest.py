"""Real processes for the acceptance tests: a gateway with its emulator, another with a recorder behind it, one Node."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from portkey_ai import Portkey
from tests.acceptance.clients import NODE_FOLDER, PROVIDER_KEY, STYLES, Client, Login, Worker, closing, node_worker
from tests.acceptance.process import Served, gateway, lone_emulator
from tests.acceptance.recorder import Recorder, recording


@pytest.fixture(scope="session")
def emberway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway whose ``fireworks-ai`` is the built-in emulator."""
    with gateway(tmp_path_factory.mktemp("emberway"), "--emulator") as served:
        yield served


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The emulator alone, as the provider itself."""
    with lone_emulator(tmp_path_factory.mktemp("emulator")) as served:
        yield served


@pytest.fixture(scope="session")
def _recorder() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def recorder(_recorder: Recorder) -> Recorder:
    """An upstream that notes what it gets, with a blank sheet for each test."""
    _recorder.reset()
    return _recorder


@pytest.fixture(scope="session")
def relay(_recorder: Recorder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway whose ``fireworks-ai`` is the recorder."""
    settings = {"EMBERWAY_FIREWORKS_BASE_URL": _recorder.base_url}
    with gateway(tmp_path_factory.mktemp("relay"), settings=settings) as served:
        yield served


@pytest.fixture(scope="session")
def needs_node() -> None:
    """Skips what needs Node and the official JavaScript clients."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed: scripts/setup-system installs it")
    if not (NODE_FOLDER / "node_modules").is_dir():
        pytest.skip("the JavaScript clients are not installed: scripts/test installs them")


@pytest.fixture(scope="session")
def needs_curl() -> None:
    """Skips what needs curl."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: scripts/setup-system installs it")


@pytest.fixture(scope="session")
def _node() -> Iterator[Worker]:
    with node_worker() as worker:
        yield worker


@pytest.fixture(params=STYLES)
def client(request: pytest.FixtureRequest, emberway: Served) -> Client:
    """Each of the four client styles, as the page sets it up, in front of the emulator."""
    return _client(request, emberway)


@pytest.fixture(params=STYLES)
def relayed(request: pytest.FixtureRequest, relay: Served, recorder: Recorder) -> Client:
    """Each of the four client styles, as the page sets it up, in front of the recorder."""
    return _client(request, relay)


@pytest.fixture(scope="session")
def page_environment(emberway: Served) -> dict[str, str]:
    """What the page's JavaScript examples find in place of its ``$…`` texts."""
    return {
        "GATEWAY_URL": emberway.base_url,
        "PORTKEY_API_KEY": emberway.key,
        "PROVIDER_API_KEY": PROVIDER_KEY,
    }


@pytest.fixture(scope="session")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ``image.jpg`` of 640 by 480 pixels."""
    path = tmp_path_factory.mktemp("photograph") / "image.jpg"
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(path, "JPEG")
    return path


@pytest.fixture
def portkey(emberway: Served) -> Iterator[Any]:
    """Portkey's Python client as the page makes it; ``Any``, as its annotations allow a stream for every answer."""
    client = Portkey(
        api_key=emberway.key, provider="fireworks-ai", Authorization=PROVIDER_KEY, base_url=emberway.base_url
    )
    with closing(client):
        yield client


def _client(request: pytest.FixtureRequest, served: Served) -> Client:
    style: str = request.param
    if style.startswith("python"):
        return Client(style, Login(served.base_url, served.key), _no_node)
    request.getfixturevalue("needs_node")
    return Client(style, Login(served.base_url, served.key), request.getfixturevalue("_node"))


def _no_node(call: object) -> dict[str, object]:
    raise AssertionError("a Python client needs no Node")
