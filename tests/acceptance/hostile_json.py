"""Call bodies that are wrong: a good one of each endpoint, with something else in place of one or two of its values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"
_USER = {"role": "user", "content": "Hello"}
_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
_SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}

BODIES: tuple[tuple[bytes, dict[str, Any]], ...] = (
    (b"/v1/chat/completions", {"model": MODEL, "messages": [_USER], "max_tokens": 8}),
    (
        b"/v1/chat/completions",
        {
            "model": MODEL,
            "messages": [{"role": "developer", "content": [{"type": "text", "text": "Hi"}]}, _USER],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 8,
            "max_completion_tokens": 8,
            "temperature": 0.5,
            "top_p": 1,
            "n": 1,
            "stop": ["x"],
            "seed": 1,
            "logprobs": True,
            "top_logprobs": 2,
            "logit_bias": {"1": 1},
            "user": "u",
            "metadata": {"a": "b"},
        },
    ),
    (b"/v1/chat/completions", {"model": MODEL, "messages": [_USER], "grammar": 'root ::= "a" | "b"'}),
    (
        b"/v1/chat/completions",
        {"model": MODEL, "messages": [_USER], "response_format": {"type": "json_object"}, "json_schema": _SCHEMA},
    ),
    (
        b"/v1/chat/completions",
        {
            "model": MODEL,
            "messages": [_USER],
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": _SCHEMA, "strict": True}},
        },
    ),
    (
        b"/v1/chat/completions",
        {
            "model": MODEL,
            "messages": [
                _USER,
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                {"role": "tool", "tool_call_id": "c", "content": "1"},
            ],
            "tools": [_TOOL],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "parallel_tool_calls": False,
            "max_tokens": 8,
        },
    ),
    (
        b"/v1/chat/completions",
        {
            "model": MODEL,
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}],
                }
            ],
            "max_tokens": 8,
        },
    ),
    (b"/v1/chat/completions", {"model": MODEL, "messages": [_USER], "prompt_key": "p", "variables": {"a": 1}}),
    (b"/v1/completions", {"model": MODEL, "prompt": "One", "max_tokens": 8, "echo": True, "stream": False}),
    (
        b"/v1/embeddings",
        {"model": "nomic-ai/nomic-embed-text-v1.5", "input": ["a"], "encoding_format": "base64", "dimensions": 768},
    ),
    (b"/v1/images/generations", {"model": "no-such-image-model", "prompt": "a", "n": 1, "size": "1024x1024"}),
    (b"/v1/rerank", {"model": "fireworks/qwen3-reranker-8b", "query": "a", "documents": ["a", "b"], "top_n": 1}),
    (b"/v1/responses", {"model": MODEL, "input": [_USER], "max_output_tokens": 8}),
    (b"/v1/messages", {"model": MODEL, "messages": [_USER], "max_tokens": 8, "system": "s"}),
    (b"/v1/audio/speech", {"model": "tts-1", "input": "a", "voice": "alloy"}),
    (b"/v1/prompts/p@1/completions", {"variables": {"a": "b"}}),
    (b"/v1/feedback", {"trace_id": "t", "value": 1}),
)
"""An unspoilt body of each endpoint."""

VALUES: tuple[bytes, ...] = (
    b"null", b"true", b"false", b"0", b"-1", b"-0.0", b"1.5", b"-1e-999", b"1e308", b"1" * 400, b"18446744073709551616",
    b'""', b'"\\u0000"', b'"\\u202e\xf0\x9f\x98\x80"', b'"' + b"a" * 3000 + b'"', b'"yes"', b'"text"', b'"developer"',
    b"[]", b"{}", b"[[]]", b'[{}, "a", 1, null]', b'{"": {}}', b'{"a": 1, "a": 2}', b"[" * 60 + b"]" * 60,
    b'{"type": "function"}', b'{"type": "function", "name": "f"}', b'[{"role": 1}]', b'[{"role": "tool"}]',
    b'{"type": "grammar"}', b'{"type": "json_schema", "json_schema": 1}', b'{"type": "json_object", "schema": "{"}',
    b'"root ::= root"', b'"root ::= ("', b'"root ::= [z-a]{9999999}"', b'"x ::= y"', b'"root ::= \\"a\\"{1000000}"',
    b'{"$ref": "#"}', b'{"$ref": "file:///etc/passwd"}', b'{"pattern": "("}', b'{"type": ["string", 1]}', b'"{}"',
    b'"@emulator/x"', b'"@emulator/"', b'"@nobody/x"', b'"@"', b'"accounts/"', b'"../../x"', b'"a#b"', b'"x!nothing!"',
    b'"portkey-default"', b'"data:image/png;base64,"', b'"data:,"', b'"http://127.0.0.1:1/x.png"', b'"float"',
)  # fmt: skip
"""JSON values to put where another kind belongs."""

BROKEN: tuple[bytes, ...] = (
    b"", b",", b"}", b"]", b"\x00", b"\xff", b"\xed\xa0\x80", b"''", b"0x1", b"01", b"NaN", b"Infinity", b"1e999",
    b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"', b'"\x01"', b'"', b'"\\', b'"\\u12"', b"[1,]", b'{"a"}', b'{"a":}',
    b"-1e999", b"{1:1}", b"[" * 70 + b"]" * 70, b"[" * 5000 + b"]" * 5000, b"[" * 20_000, b'{"a":' * 3000,
)  # fmt: skip
"""What only looks like a JSON value, or no parser should be trusted with."""


@dataclass(frozen=True, slots=True)
class Hole:
    """The place of one value in a body: the text before it and after it."""

    before: bytes
    after: bytes


def spoilt(dice: Random) -> tuple[bytes, bytes]:
    """A target, and a body for it that is wrong by one or two values, or by its bytes."""
    target, holes = dice.choice(SPOILABLE)
    hole = dice.choice(holes)
    body = hole.before + _filling(dice) + hole.after
    match dice.randint(0, 9):
        case 0:
            body = body[: dice.randint(0, len(body))]
        case 1:
            place = dice.randint(0, len(body))
            body = body[:place] + dice.randbytes(dice.randint(1, 2)) + body[place + 1 :]
        case 2:
            body = b'{"%s": %s,' % (dice.choice(KEYS), _filling(dice)) + body[1:]
        case _:
            pass
    return target, body


def _filling(dice: Random) -> bytes:
    chance = dice.random()
    if chance < 0.5:
        return dice.choice(VALUES)
    if chance < 0.7:
        return json.dumps(dice.choice(_PARTS_OF_OTHERS)).encode()
    return dice.choice(BROKEN) if chance < 0.9 else dice.randbytes(dice.randint(1, 12))


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*path, key))


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _hole(value: Any, path: tuple[str | int, ...]) -> Hole:
    if not path:
        return Hole(b"", b"")
    copy = json.loads(json.dumps(value))
    _at(copy, path[:-1])[path[-1]] = "HERE"
    before, _, after = json.dumps(copy).encode().partition(b'"HERE"')
    return Hole(before, after)


SPOILABLE = tuple((target, tuple(_hole(body, path) for path in _paths(body))) for target, body in BODIES)
"""Each endpoint's target, and every place in its body where another value can stand; the whole body first."""
_PARTS_OF_OTHERS = tuple(_at(body, path) for _, body in BODIES for path in _paths(body))
KEYS = tuple({key.encode(): None for _, body in BODIES for key in body})
"""Names of fields, in any of the bodies."""
