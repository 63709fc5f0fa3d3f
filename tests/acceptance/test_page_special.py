"""The integration page's vision, image, grammar and JSON examples: the answer holds what the page promises."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import jsonschema_rs
import pytest
from PIL import Image
from tests.acceptance.clients import run_node

EQUATION = re.compile(r"[0-9]+\+[0-9]+=[0-9]+")
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"],
}


def describes_the_photograph(content: str | None) -> bool:
    """Whether an answer names the real size and format of the picture that was sent."""
    return content is not None and "640" in content and "480" in content and "jpeg" in content.lower()


def size_of_picture_at(url: str) -> tuple[int, int]:
    """Width and height of the picture that a browser would show for ``url``."""
    assert url.startswith(("data:image/", "http://127.0.0.1:"))
    with urlopen(url) as answer, Image.open(io.BytesIO(answer.read())) as picture:
        picture.load()
        return picture.size


def size_of_picture_in(encoded: str) -> tuple[int, int]:
    """Width and height of a picture in base64."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        pytest.fail(f"not base64: {encoded[:60]}")
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture.size


def test_the_pages_vision_example_names_what_was_shown_in_python(portkey: Any, photograph: Path) -> None:
    with photograph.open("rb") as image_file:
        image_base64 = base64.b64encode(image_file.read()).decode("utf-8")

    response = portkey.chat.completions.create(
        model="accounts/fireworks/models/llava-v1.5-7b-4096-preview",
        messages=[
            {"role": "user", "content": "What's in this image?"},
            {
                "role": "system",
                "content": [{"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{image_base64}"}}],
            },
        ],
    )

    assert describes_the_photograph(response.choices[0].message.content)


@pytest.mark.usefixtures("needs_node")
def test_the_pages_vision_example_names_what_was_shown_in_javascript(
    page_environment: Mapping[str, str], photograph: Path
) -> None:
    response = run_node("page/vision.mjs", **page_environment, IMAGE=str(photograph))

    assert describes_the_photograph(response["choices"][0]["message"]["content"])


def test_the_pages_image_example_gives_a_url_that_opens_and_the_data_in_python(portkey: Any) -> None:
    response = portkey.images.generate(
        model="accounts/fireworks/models/stable-diffusion-xl-1024-v1-0",
        prompt="A futuristic cityscape with flying cars",
        n=1,
        size="1024x1024",
    )

    image_url = response.data[0].url
    assert size_of_picture_at(image_url) == (1024, 1024)
    assert size_of_picture_in(response.data[0].b64_json) == (1024, 1024)


@pytest.mark.usefixtures("needs_node")
def test_the_pages_image_example_gives_a_url_that_opens_and_the_data_in_javascript(
    page_environment: Mapping[str, str],
) -> None:
    response = run_node("page/images.mjs", **page_environment)

    assert size_of_picture_at(response["imageUrl"]) == (1024, 1024)
    assert size_of_picture_in(response["b64_json"]) == (1024, 1024)


def test_the_pages_grammar_example_gives_an_equation_in_python(portkey: Any) -> None:
    grammar = """root ::= number "+" number "=" number
number ::= [0-9]+"""

    response = portkey.chat.completions.create(
        model="accounts/fireworks/models/llama-v3p1-405b-instruct",
        messages=[{"role": "user", "content": "Give me a simple addition equation."}],
        grammar=grammar,
    )

    assert EQUATION.fullmatch(response.choices[0].message.content)


@pytest.mark.usefixtures("needs_node")
def test_the_pages_grammar_example_gives_an_equation_in_javascript(page_environment: Mapping[str, str]) -> None:
    response = run_node("page/grammar.mjs", **page_environment)

    assert EQUATION.fullmatch(response["choices"][0]["message"]["content"])


def test_the_pages_json_example_gives_a_person_of_the_schema_in_python(portkey: Any) -> None:
    json_schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
        "required": ["name", "age", "city"],
    }

    response = portkey.chat.completions.create(
        model="accounts/fireworks/models/llama-v3p1-405b-instruct",
        messages=[{"role": "user", "content": "Generate a person's details."}],
        response_format={"type": "json_object"},
        json_schema=json_schema,
    )

    generated_json = json.loads(response.choices[0].message.content)
    jsonschema_rs.validate(json_schema, generated_json)


@pytest.mark.usefixtures("needs_node")
def test_the_pages_json_example_gives_a_person_of_the_schema_in_javascript(
    page_environment: Mapping[str, str],
) -> None:
    generated_json = run_node("page/json-mode.mjs", **page_environment)

    jsonschema_rs.validate(PERSON, generated_json)
