"""Makes requests that no client should send: one function for each part of a request that can be wrong.

All chance comes from the dice that a caller brings, so that a seed names a request for good. (Hypothesis was tried: of
twenty thousand requests it drew, sixteen thousand were repeated, since its engine varies a few examples.)

Nothing here names a host or a provider outside this machine, so that no request can make the gateway call one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

Made = TypeVar("Made", bound=Hashable)

MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"
_USER = {"role": "user", "content": "Hello"}
_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
_SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@dataclass(frozen=True, slots=True)
class Request:
    """A request before the credentials are known."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    chunked: bool = False

    def encode(self, credentials: tuple[tuple[bytes, bytes], ...]) -> bytes:
        """The bytes to send; a credential gives way to a header of the same name."""
        given = {name.lower() for name, _ in self.headers}
        headers = [(b"host", b"gateway"), *(one for one in credentials if one[0] not in given), *self.headers]
        if self.chunked:
            headers.append((b"transfer-encoding", b"chunked"))
        elif self.body:
            headers.append((b"content-length", b"%d" % len(self.body)))
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (self.method, self.target, head, self._framed())

    def _framed(self) -> bytes:
        if not self.chunked:
            return self.body
        middle = len(self.body) // 2
        pieces = [piece for piece in (self.body[:middle], self.body[middle:]) if piece]
        return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


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

FRAGMENTS: tuple[bytes, ...] = (
    *(b"null", b"true", b"false", b"0", b"-1", b"-0.0", b"1.5", b"1e999", b"-1e-999", b"1" * 400, b"0x1", b"01"),
    *(b"18446744073709551616", b"NaN", b"Infinity", b"''", b"", b",", b"}", b"]", b"\x00", b"\xff", b"\xed\xa0\x80"),
    *(b'""', b'"\\u0000"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"', b'"\x01"', b'"' + b"a" * 3000 + b'"'),
    *(b"[]", b"{}", b"[[]]", b'[{}, "a", 1, null]', b'{"": {}}', b'{"a": 1, "a": 2}', b'{"type": "function"}'),
    *(b"[" * 60 + b"]" * 60, b"[" * 70 + b"]" * 70, b"[" * 20_000, b"[" * 5000 + b"]" * 5000, b'{"a":' * 3000),
    *(b'{"type": "grammar"}', b'{"type": "json_schema", "json_schema": 1}', b'{"type": "json_object", "schema": "{"}'),
    *(b'"root ::= root"', b'"root ::= ("', b'"root ::= [z-a]{9999999}"', b'"x ::= y"', b'"\\u202e\xf0\x9f\x98\x80"'),
    *(b'{"$ref": "#"}', b'{"$ref": "file:///etc/passwd"}', b'{"pattern": "("}', b'{"type": ["string", 1]}'),
    *(b'"@emulator/x"', b'"@emulator/"', b'"@nobody/x"', b'"@"', b'"accounts/"', b'"../../x"', b'"a#b"'),
    *(b'"portkey-default"', b'"data:image/png;base64,"', b'"data:,"', b'"http://127.0.0.1:1/x.png"', b'"developer"'),
)
"""JSON values, and what only looks like one, to put where something else belongs."""

_NAMES = """
    api-key provider virtual-key config trace-id metadata debug cache-force-refresh cache-namespace
    forward-headers request-timeout strict-open-ai-compliance span-id span-name parent-span-id
    sensitive-headers mode retry-count cache cache-ttl default-input-guardrails default-output-guardrails
    fetch-integrated-models nitro-mode beta openai-project openai-organization openai-beta
    aws-secret-access-key aws-access-key-id aws-session-token aws-region vertex-project-id vertex-region
    workers-ai-account-id azure-resource-name azure-deployment-id azure-api-version anthropic-beta
    anthropic-version mistral-fim-completion vertex-storage-bucket-name provider-file-name provider-model
    aws-s3-bucket aws-s3-object-key aws-bedrock-model fireworks-account-id package-version runtime
    runtime-version audio-file-duration file-purpose trace_id unheard-of
"""
PORTKEY_HEADERS: tuple[bytes, ...] = tuple(f"x-portkey-{name}".encode() for name in _NAMES.split())
"""Every name that the SDKs and the documentation know, and one that nobody does."""

OTHER_HEADERS: tuple[bytes, ...] = (
    *(b"authorization", b"x-api-key", b"content-type", b"content-encoding", b"accept", b"accept-encoding", b"cookie"),
    *(b"expect", b"connection", b"upgrade", b"te", b"traceparent", b"tracestate", b"baggage", b"idempotency-key"),
    *(b"x-forwarded-for", b"x-session-affinity", b"range", b"if-none-match", b"origin", b"x-http-method-override"),
    *(b"host", b"x-stainless-retry-count", b"referer", b"keep-alive", b"proxy-authorization", b"x y", b"", b"\xe9"),
)
HEADER_VALUES: tuple[bytes, ...] = (
    *(
        b"",
        b" ",
        b"\t",
        b"0",
        b"-1",
        b"1",
        b"true",
        b"null",
        b"undefined",
        b"9" * 400,
        b"9" * 5000,
        b"1e9",
        b"\xff" * 9,
    ),
    *(b"\xe9\xa0", b"Bearer", b"Bearer ", b"bearer a b", b"Basic YTpi", b"Bearer fw_x", b"@", b"@/", b"@emulator/x"),
    *(b"emulator", b"@nobody", b"fireworks-ai ", b"FIREWORKS-AI", b"{}", b"[]", b'{"provider":1}', b'{"targets":[{}]}'),
    *(b"{", b"[" * 2000, b'["a","b"]', b"['A','B']", b"a,b,,C_d", b"host", b"x-portkey-api-key", b"pc-nobody-123456"),
    *(b"gzip", b"gzip, gzip", b"br", b"identity", b"application/json;charset=utf-16", b"multipart/form-data"),
    *(b"multipart/form-data; boundary=", b"text/plain", b"100-continue", b"close", b"upgrade", b"websocket", b"h2c"),
    *(b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00", b"00-zz", b"a" * 9000, b"${jndi:x}", b"%0d%0aset-cookie: a=b"),
)
CUSTOM_HOSTS: tuple[bytes, ...] = (
    *(b"http://127.0.0.1:1", b"https://127.0.0.1/v1", b"http://[::1]:1/", b"http://0x7f.1", b"http://2130706433/"),
    *(
        b"file:///etc/passwd",
        b"127.0.0.1",
        b"http://",
        b"http://127.0.0.1:99999",
        b"http://a@127.0.0.1:1",
        b"\xff",
        b"//",
    ),
    *(b"gopher://127.0.0.1:1/", b"http://169.254.169.254/latest", b"http://127.0.0.1:1/?q#f", b"http://127.0.0.1%2f:1"),
)
PATH_PIECES: tuple[bytes, ...] = (
    *(
        b"/v1",
        b"/v1/",
        b"/",
        b"//",
        b"/v2",
        b"/V1",
        b"/proxy",
        b"/chat/completions",
        b"/chat",
        b"/models",
        b"/completions",
    ),
    *(b"/models/accounts%2Ffireworks%2Fmodels%2Fx", b"/embeddings", b"/prompts/a@b/render", b"/livez", b"/metrics"),
    *(
        b"/..",
        b"/.",
        b"/%2e%2e",
        b"/%252e%252e",
        b"/..;/",
        b"/%2f",
        b"/%5c",
        b"\\",
        b"%00",
        b"%0d%0a",
        b"%",
        b"%zz",
        b"%e9",
    ),
    *(
        b"%C3%A9",
        b"\xc3\xa9",
        b"\xff",
        b"*",
        b";a=b",
        b"?",
        b"?a=b&a",
        b"?%",
        b"#x",
        b"?x=" + b"y" * 9000,
        b"a" * 300,
        b"~",
    ),
)
METHODS: tuple[bytes, ...] = (
    *(
        b"GET",
        b"POST",
        b"PUT",
        b"PATCH",
        b"DELETE",
        b"HEAD",
        b"OPTIONS",
        b"TRACE",
        b"BREW",
        b"get",
        b"PROPFIND",
        b"POST",
    ),
)

_JSON = (b"content-type", b"application/json")
_CHAT = json.dumps(BODIES[0][1]).encode()


def _holes(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _holes(inner, (*path, key))


def _around(value: Any, path: tuple[str | int, ...]) -> tuple[bytes, bytes]:
    """The JSON text before and after the value at ``path``."""
    if not path:
        return b"", b""
    copy = json.loads(json.dumps(value))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = "HERE"
    before, _, after = json.dumps(copy).encode().partition(b'"HERE"')
    return before, after


_SPOILABLE = tuple(
    (target, *_around(body, path)) for target, body in BODIES for path in _holes(body)
)  # a target, and the text around each of the values in its body


def _often(dice: Random, known: Sequence[bytes]) -> bytes:
    """Mostly one of the known troublemakers, else a few bytes of any kind."""
    return dice.choice(known) if dice.random() < 0.7 else dice.randbytes(dice.randint(0, 12))


def spoilt_body(dice: Random) -> Request:
    """A call with something else in place of one value, or with bytes cut off, changed or repeated."""
    target, before, after = dice.choice(_SPOILABLE)
    body = before + _often(dice, FRAGMENTS) + after
    way = dice.randint(0, 7)
    if way == 0:
        body = body[: dice.randint(0, len(body))]
    elif way == 1:
        place = dice.randint(0, len(body))
        body = body[:place] + dice.randbytes(dice.randint(1, 2)) + body[place + 1 :]
    elif way == 2:
        body = body[:-1] + b"," + body[1:]
    return Request(b"POST", target, (_JSON,), body, chunked=way == 3)


def spoilt_headers(dice: Random) -> Request:
    """A good call with up to three headers that are strange by name, value or both."""
    headers = [_JSON]
    for _ in range(dice.randint(1, 3)):
        name = dice.choice(dice.choice((PORTKEY_HEADERS, OTHER_HEADERS)))
        value = _often(dice, HEADER_VALUES)
        headers.append((name, value.replace(b"\r", b"").replace(b"\n", b"")))
    if dice.randint(0, 15) == 0:
        headers.append((b"x-portkey-custom-host", dice.choice(CUSTOM_HOSTS)))
    return Request(b"POST", b"/v1/chat/completions", tuple(headers), _CHAT)


def odd_target(dice: Random) -> Request:
    """Any method on a path put together from pieces."""
    method = dice.choice(METHODS)
    target = b"/" + b"".join(dice.choices(PATH_PIECES, k=dice.randint(0, 4)))
    if dice.randint(0, 3):
        target = target[1:] or b"/"
    if not target.startswith(b"/"):
        target = dice.choice((b"/", b"http://gateway/")) + target
    with_body = method not in (b"GET", b"HEAD") and dice.random() < 0.5
    return Request(method, target.replace(b"\x00", b""), (_JSON,) if with_body else (), _CHAT if with_body else b"")


PARTS: tuple[bytes, ...] = (
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-v3\r\n',
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: audio/wav\r\n\r\nRIFF\x00\r\n',
    b"--b\r\nContent-Disposition: form-data\r\n\r\n\r\n",
    b'--b\r\nContent-Disposition: form-data; name="\xff\r\n\r\nx\r\n',
    b"--b\r\n: \r\n\r\n",
    b"--b",
    b"--b--\r\n",
    b"\r\n",
    b"--b\r\nX: " + b"y" * 5000 + b"\r\n\r\n",
)


def spoilt_upload(dice: Random) -> Request:
    """A multipart body whose parts, boundary and framing do not fit together."""
    targets = (b"/v1/audio/transcriptions", b"/v1/images/edits", b"/v1/files", b"/v1/chat/completions", b"/v1/x")
    kinds = (b"multipart/form-data; boundary=b", b"multipart/form-data; boundary=other", b"multipart/form-data", b"a/b")
    pieces = [_often(dice, PARTS) for _ in range(dice.randint(0, 5))]
    kind = dice.choice(kinds)
    target = dice.choice(targets)
    return Request(b"POST", target, ((b"content-type", kind),), b"".join(pieces), chunked=dice.random() < 0.5)


_POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n"
RAW: tuple[bytes, ...] = (
    b"",
    b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET\r\n\r\n",
    b"GET /livez\r\n\r\n",
    b"GET /livez HTTP/1.0\r\n\r\n",
    b"GET /livez HTTP/9.9\r\nhost: a\r\n\r\n",
    b"GET /livez HTTP/1.1\nhost: a\n\n",
    b"GET /livez HTTP/1.1\r\n\r\n",
    b"GET  /livez HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nhost: a\r\n b\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nhost : a\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nhost: a\r\nx\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 300 + b"\r\n",
    b"GET /livez HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n" * 3,
    _POST + b"content-length: 5\r\n\r\nab",
    _POST + b"content-length: 2\r\n\r\nabcdef",
    _POST + b"content-length: -1\r\n\r\nab",
    _POST + b"content-length: 1, 2\r\n\r\nab",
    _POST + b"content-length: 99999999999999999999\r\n\r\n",
    _POST + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    _POST + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    _POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    _POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
    _POST + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\na\r\n0\r\n\r\n",
    _POST + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
    _POST + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n",
    _POST + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n{}",
    b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n",
)


def broken_framing(dice: Random) -> bytes:
    """Bytes that are not one whole HTTP request: something known to be wrong, and then perhaps more of it."""
    data = dice.choice(RAW)
    way = dice.randint(0, 3)
    if way == 0:
        return data[: dice.randint(0, len(data))]
    if way == 1:
        place = dice.randint(0, len(data))
        return data[:place] + dice.randbytes(dice.randint(1, 3)) + data[place:]
    return data + dice.choice(RAW) if way == 2 else data


def distinct(make: Callable[[Random], Made], dice: Random, count: int) -> Iterator[Made]:
    """``count`` of what ``make`` makes, no two alike."""
    seen: set[Made] = set()
    while len(seen) < count:
        made = make(dice)
        if made not in seen:
            seen.add(made)
            yield made
