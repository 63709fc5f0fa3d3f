"""Every example of the integration page, as the clients really send it, and what reaches Fireworks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.providers.calls import call, sent, write

from emberway.providers.fireworks import FIREWORKS

CAPTURES = Path(__file__).parents[2] / "data" / "captures"


def examples(endpoint: str) -> list[Any]:
    read = {file.stem: msgspec.json.decode(file.read_bytes()) for file in sorted(CAPTURES.glob("*.json"))}
    return [
        pytest.param(example, client, id=f"{name}, {client['client']}")
        for name, example in read.items()
        if example["endpoint"] == endpoint
        for client in example["clients"]
    ]


@pytest.mark.parametrize(("example", "client"), examples("chat"))
def test_a_chat_example_of_the_page_reaches_fireworks_in_a_form_that_it_honours(example, client):
    one = call(example["body"], package_version=client["package_version"])

    written = write(one)

    assert sent(written) == example["wire"]
    assert list(written.changed) == example["changed"]
    assert (written.body is one.body) == (not example["changed"])
    assert written.warnings == ()


@pytest.mark.parametrize(("example", "client"), examples("images"))
def test_the_image_example_of_the_page_becomes_one_request_that_fireworks_knows(example, client):
    converse = FIREWORKS.dialects["images"].converse
    assert converse is not None

    (ask,) = next(converse(call(example["body"], "images", package_version=client["package_version"])))

    assert ask.path == "/image_generation/accounts/fireworks/models/stable-diffusion-xl-1024-v1-0"
    assert msgspec.json.decode(ask.body) == example["wire"]
