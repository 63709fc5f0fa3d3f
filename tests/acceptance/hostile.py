"""Makes requests that no client should send: one function for each part of a request that can be wrong.

All chance comes from the dice that a caller brings, so that a seed names a request for good. (Hypothesis was tried: of
twenty thousand requests it drew, sixteen thousand were repeated, since its engine varies a few examples. It has
`hostile_strategies` for what it does better: to name the smallest request that fails.)

Nothing here names a host or a provider outside this machine, so that no request can make the gateway call one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from tests.acceptance import hostile_json

Made = TypeVar("Made", bound=Hashable)


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
    b"authorization", b"x-api-key", b"content-type", b"content-encoding", b"accept", b"accept-encoding", b"cookie",
    b"expect", b"connection", b"upgrade", b"te", b"traceparent", b"tracestate", b"baggage", b"idempotency-key",
    b"x-forwarded-for", b"x-session-affinity", b"range", b"if-none-match", b"origin", b"x-http-method-override",
    b"host", b"x-stainless-retry-count", b"referer", b"keep-alive", b"proxy-authorization", b"x y", b"", b"\xe9",
)  # fmt: skip
HEADER_VALUES: tuple[bytes, ...] = (
    b"", b" ", b"\t", b"0", b"-1", b"1", b"true", b"null", b"undefined", b"9" * 400, b"9" * 5000, b"1e9",
    b"\xff" * 9, b"\xe9\xa0", b"Bearer", b"Bearer ", b"bearer a b", b"Basic YTpi",
    b"Bearer fw_x", b"@", b"@/", b"@emulator/x", b"emulator", b"@nobody", b"fireworks-ai ", b"FIREWORKS-AI", b"{}",
    b"[]", b'{"provider":1}', b'{"targets":[{}]}', b"{", b"[" * 2000, b'["a","b"]', b"['A','B']", b"a,b,,C_d", b"host",
    b"x-portkey-api-key", b"pc-nobody-123456", b"gzip", b"gzip, gzip", b"br", b"identity",
    b"application/json;charset=utf-16", b"multipart/form-data", b"multipart/form-data; boundary=", b"text/plain",
    b"100-continue", b"close", b"upgrade", b"websocket", b"h2c",
    b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00", b"00-zz", b"a" * 9000, b"${jndi:x}",
    b"%0d%0aset-cookie: a=b",
)  # fmt: skip
CUSTOM_HOSTS: tuple[bytes, ...] = (
    b"http://127.0.0.1:1", b"https://127.0.0.1/v1", b"http://[::1]:1/", b"http://0x7f.1", b"http://2130706433/",
    b"file:///etc/passwd", b"127.0.0.1", b"http://", b"http://127.0.0.1:99999", b"http://a@127.0.0.1:1", b"\xff",
    b"//", b"gopher://127.0.0.1:1/", b"http://169.254.169.254/latest", b"http://127.0.0.1:1/?q#f",
    b"http://127.0.0.1%2f:1",
)  # fmt: skip
PATH_PIECES: tuple[bytes, ...] = (
    b"/v1", b"/v1/", b"/", b"//", b"/v2", b"/V1", b"/proxy", b"/chat/completions", b"/chat", b"/models",
    b"/completions", b"/models/accounts%2Ffireworks%2Fmodels%2Fx", b"/embeddings", b"/prompts/a@b/render", b"/livez",
    b"/metrics", b"/..", b"/.", b"/%2e%2e", b"/%252e%252e", b"/..;/", b"/%2f", b"/%5c", b"\\", b"%00", b"%0d%0a", b"%",
    b"%zz", b"%e9", b"%C3%A9", b"\xc3\xa9", b"\xff", b"*", b";a=b", b"?", b"?a=b&a", b"?%", b"#x",
    b"?x=" + b"y" * 9000,
    b"a" * 300, b"~",
)  # fmt: skip
METHODS: tuple[bytes, ...] = (
    b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"TRACE", b"BREW", b"get", b"PROPFIND", b"POST",
)  # fmt: skip

_JSON = (b"content-type", b"application/json")
_CHAT = json.dumps(hostile_json.BODIES[0][1]).encode()


def _often(dice: Random, known: Sequence[bytes]) -> bytes:
    """Mostly one of the known troublemakers, else a few bytes of any kind."""
    return dice.choice(known) if dice.random() < 0.7 else dice.randbytes(dice.randint(0, 12))


def spoilt_body(dice: Random) -> Request:
    """A call whose body is wrong, in one piece or chunked."""
    target, body = hostile_json.spoilt(dice)
    return Request(b"POST", target, (_JSON,), body, chunked=dice.random() < 0.1)


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


UPLOAD_TARGETS: tuple[bytes, ...] = (
    b"/v1/audio/transcriptions", b"/v1/images/edits", b"/v1/files", b"/v1/chat/completions", b"/v1/x",
)  # fmt: skip
UPLOAD_KINDS: tuple[bytes, ...] = (
    b"multipart/form-data; boundary=b", b"multipart/form-data; boundary=other", b"multipart/form-data", b"a/b",
)  # fmt: skip
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
    pieces = [_often(dice, PARTS) for _ in range(dice.randint(0, 5))]
    kind = dice.choice(UPLOAD_KINDS)
    target = dice.choice(UPLOAD_TARGETS)
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
