"""The calls that `emberway demo` sends: each kind that the provider's documentation shows, and some that fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emberway.cli.http import Answer

CHAT_MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"
VISION_MODEL = "accounts/fireworks/models/llava-v1.5-7b-4096-preview"
IMAGE_MODEL = "accounts/fireworks/models/stable-diffusion-xl-1024-v1-0"
EMBEDDING_MODEL = "nomic-ai/nomic-embed-text-v1.5"

CHAT, EMBEDDINGS, IMAGES = "/v1/chat/completions", "/v1/embeddings", "/v1/images/generations"

_PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_GRAMMAR = 'root ::= number "+" number "=" number\nnumber ::= [0-9]+'
_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
}
_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of call and how its answer is told from a wrong one."""

    name: str
    share: int
    """Of a hundred calls."""
    path: str
    body: Mapping[str, Any]
    is_right: Callable[[Answer], bool]
    fault: str = ""
    """What the emulator is asked to do wrong."""
    fails: bool = False
    """Whether the right answer is a failure."""

    def encoded(self) -> bytes:
        """The body as it is sent."""
        return json.dumps(self.body).encode()


def _says(*words: str, status: int = 200) -> Callable[[Answer], bool]:
    def is_right(answer: Answer) -> bool:
        return answer.status == status and all(word.encode() in answer.body for word in words)

    return is_right


def _chat(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": CHAT_MODEL, "messages": [{"role": "user", "content": text}], "max_tokens": 200, **fields}


_SEE = [{"type": "text", "text": "What is in this picture?"}, {"type": "image_url", "image_url": {"url": _PIXEL}}]

KINDS = (
    Kind("chat", 24, CHAT, _chat("Say this is a test"), _says('"content"', '"usage"')),
    Kind("chat, streamed", 24, CHAT, _chat("Tell me a short story", stream=True), _says("data: [DONE]")),
    Kind(
        "tools", 8, CHAT, _chat("How is the weather in Paris?", tools=[_TOOL], tool_choice="any"), _says("get_weather")
    ),
    Kind(
        "grammar", 8, CHAT, _chat("Add", response_format={"type": "grammar", "grammar": _GRAMMAR}), _says('"content"')
    ),
    Kind(
        "JSON schema",
        6,
        CHAT,
        _chat(
            "Weather?",
            response_format={"type": "json_schema", "json_schema": {"name": "weather", "schema": _SCHEMA}},
        ),
        _says("degrees"),
    ),
    Kind("JSON mode", 4, CHAT, _chat("Weather?", response_format={"type": "json_object"}), _says('"content"')),
    Kind(
        "vision",
        4,
        CHAT,
        {"model": VISION_MODEL, "messages": [{"role": "user", "content": _SEE}], "max_tokens": 100},
        _says('"content"'),
    ),
    Kind("embeddings", 8, EMBEDDINGS, {"model": EMBEDDING_MODEL, "input": ["one", "two"]}, _says('"embedding"')),
    Kind(
        "images",
        2,
        IMAGES,
        {"model": IMAGE_MODEL, "prompt": "an ember", "n": 1, "response_format": "b64_json"},
        _says('"b64_json"'),
    ),
    Kind("provider is busy", 4, CHAT, _chat("Hello"), _says(status=429), fault="429", fails=True),
    Kind("provider fails", 3, CHAT, _chat("Hello"), _says(status=500), fault="500", fails=True),
    Kind(
        "stream breaks off",
        3,
        CHAT,
        _chat("Tell me a short story", stream=True),
        _says('"error"'),
        fault="cut;k=3",
        fails=True,
    ),
    Kind(
        "broken grammar",
        2,
        CHAT,
        _chat("Add", response_format={"type": "grammar", "grammar": "root ::= ("}),
        _says('"error"', status=400),
        fails=True,
    ),
)


def mixed(count: int) -> list[Kind]:
    """``count`` kinds, each as often as its share says, well mixed and the same every time."""
    whole = sum(kind.share for kind in KINDS)
    owed = [0] * len(KINDS)
    chosen = []
    for _ in range(count):
        owed = [debt + kind.share for debt, kind in zip(owed, KINDS, strict=True)]
        most = owed.index(max(owed))
        owed[most] -= whole
        chosen.append(KINDS[most])
    return chosen
