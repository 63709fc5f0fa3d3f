"""FLUX, which answers at once, and FLUX Kontext, which has to be asked after, behind OpenAI's one call for images."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import openai
import pytest
from PIL import Image
from portkey_ai import Portkey, createHeaders
from tests.acceptance.clients import PROVIDER_KEY, STYLES, Client, closing, run_node
from tests.acceptance.process import Served

FLUX = "accounts/fireworks/models/flux-1-schnell-fp8"
KONTEXT = "accounts/fireworks/models/flux-kontext-pro"
PROMPT = "A futuristic cityscape with flying cars"

ORDERS: dict[str, dict[str, Any]] = {
    "flux": {"model": FLUX, "prompt": PROMPT, "n": 2, "size": "1792x1024", "extra_body": {"seed": 7}},
    "kontext": {"model": KONTEXT, "prompt": PROMPT, "size": "1024x1792", "extra_body": {}},
}
"""``extra_body``: what OpenAI's call does not have, as both clients for Python take it."""
SIZES = {"flux": (1344, 768), "kontext": (768, 1344)}
"""Of the pictures: both models take a ratio, and the one nearest to OpenAI's size is 16:9 or 9:16."""


@pytest.fixture(scope="module")
def by_python(emberway: Served) -> dict[str, Any]:
    """Client style and name of the order → what came, all asked for at once: Kontext takes seconds."""
    asking = {"python-portkey": by_portkey, "python-openai": by_openai}
    with ThreadPoolExecutor() as pool:
        coming = {
            style: {name: pool.submit(ask, emberway, **order) for name, order in ORDERS.items()}
            for style, ask in asking.items()
        }
        return {style: {name: each.result() for name, each in some.items()} for style, some in coming.items()}


@pytest.fixture(scope="module")
def by_javascript(page_environment: Mapping[str, str], needs_node: None) -> dict[str, Any]:
    """The same by the clients for JavaScript, which take fields that they do not know like any other."""
    orders = {name: flat(**order) for name, order in ORDERS.items()}
    came: dict[str, Any] = run_node("flux.mjs", **page_environment, ORDERS=json.dumps(orders))
    assert "raised" not in came, came
    return came


@pytest.fixture(params=STYLES)
def came(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Name of the order → what came, for each of the four client styles."""
    style: str = request.param
    asked: dict[str, Any] = request.getfixturevalue("by_python" if style.startswith("python") else "by_javascript")
    of_style: dict[str, Any] = asked[style]
    return of_style


def flat(*, extra_body: Mapping[str, Any], **order: Any) -> dict[str, Any]:
    return {**order, **extra_body}


def by_portkey(served: Served, **order: Any) -> dict[str, Any]:
    client = Portkey(api_key=served.key, provider="fireworks-ai", Authorization=PROVIDER_KEY, base_url=served.base_url)
    with closing(client):
        answer = client.images.generate(**order)
        return {"data": answer.model_dump()["data"], "provider": answer.get_headers()["provider"]}


def by_openai(served: Served, **order: Any) -> dict[str, Any]:
    headers = createHeaders(api_key=served.key, provider="fireworks-ai")
    with openai.OpenAI(api_key=PROVIDER_KEY, base_url=served.base_url, default_headers=headers) as client:
        raw = client.images.with_raw_response.generate(**order)
    return {
        "data": raw.parse().model_dump()["data"],
        "provider": raw.headers["x-portkey-provider"],
        "changed": raw.headers["x-emberway-changed"],
    }


def opened(entry: Mapping[str, Any]) -> Image.Image:
    """The picture of an entry, which its address shows as well."""
    data = base64.b64decode(entry["b64_json"], validate=True)
    with urlopen(entry["url"]) as answer:
        assert answer.read() == data
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture


@pytest.mark.parametrize("name", ORDERS)
def test_a_flux_picture_opens_from_its_address_and_its_data_in_the_size_nearest_to_what_was_asked(
    came: dict[str, Any], name: str
) -> None:
    pictures = [opened(entry) for entry in came[name]["data"]]

    assert [picture.size for picture in pictures] == [SIZES[name]] * ORDERS[name].get("n", 1)
    assert came[name]["provider"] == "fireworks-ai"


def test_several_flux_pictures_of_one_call_differ_and_name_their_seeds(came: dict[str, Any]) -> None:
    first, second = came["flux"]["data"]

    assert (first["seed"], second["seed"]) == (7, 8)
    assert first["b64_json"] != second["b64_json"]


@pytest.mark.parametrize("came", ["python-openai", "node-openai"], indirect=True)
@pytest.mark.parametrize("name", ORDERS)
def test_what_was_changed_in_a_flux_call_is_told_with_its_pictures(came: dict[str, Any], name: str) -> None:
    consumed = ORDERS[name].keys() & {"model", "n", "size"}

    assert set(came[name]["changed"].split(", ")) == {f"images:{field}" for field in consumed}


def test_a_flux_call_for_base64_alone_is_answered_without_an_address(client: Client) -> None:
    answer = client.call("images.generate", model=FLUX, prompt=PROMPT, response_format="b64_json").good()

    (entry,) = answer.value["data"]
    assert "url" not in entry
    with Image.open(io.BytesIO(base64.b64decode(entry["b64_json"]))) as picture:
        assert picture.size == (1024, 1024)


@pytest.mark.parametrize("output_format", ["png", "jpeg"])
def test_a_flux_picture_has_the_format_that_was_asked_for(client: Client, output_format: str) -> None:
    answer = client.call("images.generate", model=FLUX, prompt=PROMPT, output_format=output_format).good()

    (entry,) = answer.value["data"]
    assert entry["url"].startswith(f"data:image/{output_format};base64,")
    assert opened(entry).format == output_format.upper()


def test_kontext_repaints_a_picture_in_its_own_shape(emberway: Served, photograph: Path) -> None:
    shown = "data:image/jpeg;base64," + base64.b64encode(photograph.read_bytes()).decode()

    came = by_openai(emberway, model=KONTEXT, prompt="Make it night", extra_body={"input_image": shown})

    (entry,) = came["data"]
    assert opened(entry).size == (1152, 864)


@pytest.mark.parametrize("client", ["python-portkey", "node-openai"], indirect=True)
def test_a_moderated_kontext_picture_is_an_error_that_names_the_prompt(client: Client) -> None:
    error = client.call("images.generate", model=KONTEXT, prompt="A forbidden thing").error

    assert (error.name, error.status) == ("BadRequestError", 400)
    assert "Send another prompt" in error.message
