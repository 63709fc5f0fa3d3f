"""Pictures in a conversation are really looked at."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image
from tests.integration.emulator.asgi import LLAMA, Api

LLAVA = "accounts/fireworks/models/llava-v1.5-7b-4096-preview"


def data_uri(colour: str = "red", size: tuple[int, int] = (640, 480), kind: str = "JPEG") -> str:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def seen(*addresses: str, role: str = "user") -> list[dict[str, Any]]:
    parts = [{"type": "image_url", "image_url": {"url": address}} for address in addresses]
    return [{"role": "user", "content": "What's in this image?"}, {"role": role, "content": parts}]


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


@pytest.mark.parametrize("role", ["user", "system"])
def test_the_answer_names_size_format_and_colour_whoever_shows_the_picture(api: Api, role: str) -> None:
    body = api.chat(model=LLAVA, messages=seen(data_uri(), role=role)).json

    assert "a 640 by 480 JPEG, mostly red" in body["choices"][0]["message"]["content"]
    assert 576 < body["usage"]["prompt_tokens"] < 650


def test_a_fragment_after_the_data_is_ignored(api: Api) -> None:
    answer = api.chat(model=LLAVA, messages=seen(data_uri("blue", kind="PNG") + "#transform=inline"))

    assert "640 by 480 PNG, mostly blue" in answer.json["choices"][0]["message"]["content"]


def test_an_address_is_not_fetched_and_the_answer_says_so(api: Api) -> None:
    answer = api.chat(model=LLAVA, messages=seen("http://127.0.0.1:9/secret.png?token=x"))

    text = answer.json["choices"][0]["message"]["content"]
    assert "cannot fetch http://127.0.0.1:9/secret.png." in text
    assert "token" not in text


def test_a_model_without_eyes_refuses(api: Api) -> None:
    assert api.chat(model=LLAMA, messages=seen(data_uri())).status == 400


@pytest.mark.parametrize(
    "address",
    ["data:image/png;base64,@@@", "data:image/png;base64,aGVsbG8=", "data:image/png,plain", "not base64!", ""],
)
def test_what_is_no_picture_is_refused(api: Api, address: str) -> None:
    answer = api.chat(model=LLAVA, messages=seen(address))

    assert answer.status == 400
    assert "messages[1].content[0].image_url.url" in answer.message


def test_thirty_pictures_are_the_most(api: Api) -> None:
    small = data_uri(size=(2, 2), kind="PNG")
    large = "accounts/fireworks/models/kimi-k3"

    assert api.chat(model=large, messages=seen(*[small] * 30)).status == 200
    assert api.chat(model=large, messages=seen(*[small] * 31)).status == 400


def test_ten_megabytes_of_pictures_are_the_most(api: Api) -> None:
    answer = api.chat(model=LLAVA, messages=seen("data:image/png;base64," + "A" * 10_000_000))

    assert answer.status == 400
    assert "10 MB" in answer.message


@pytest.mark.parametrize(
    "part",
    [{"type": "video_url", "video_url": {"url": "data:,"}}, {"type": "file"}, {"type": "text"}, {"type": "image_url"}],
)
def test_other_and_incomplete_parts_are_refused(api: Api, part: dict[str, Any]) -> None:
    assert api.chat(model=LLAVA, messages=[{"role": "user", "content": [part]}]).status == 400


def test_completions_take_pictures_as_well(api: Api) -> None:
    body = {"model": LLAVA, "prompt": "<image> What is it?", "images": [data_uri("green")]}

    assert "mostly green" in api.post("/v1/completions", body).json["choices"][0]["text"]
