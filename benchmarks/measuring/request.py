"""The one chat call that every gateway of the comparison gets, byte for byte the same but for its host."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

BODY = (
    b'{"model":"accounts/fireworks/models/llama-v3p1-405b-instruct","messages":['
    b'{"role":"system","content":"You are a helpful assistant who answers in one short sentence."},'
    b'{"role":"user","content":"What is the capital of France, and which river runs through it?"}],'
    b'"temperature":0.2,"max_tokens":256}'
)
STREAMING_BODY = BODY[:-1] + b',"stream":true}'


@dataclass(frozen=True, slots=True)
class Target:
    """Somewhere to send the call: a name for the report, a client's base URL, and the headers it asks for."""

    name: str
    base_url: str
    headers: tuple[tuple[str, str], ...]

    @property
    def url(self) -> str:
        """Where the call goes."""
        return f"{self.base_url}/chat/completions"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.base_url)
        return parts.hostname or "", parts.port or 80

    def streaming_request(self) -> bytes:
        """The call with ``"stream": true``, as the bytes of HTTP/1.1."""
        parts = urlsplit(self.url)
        lines = [f"POST {parts.path} HTTP/1.1", f"host: {parts.netloc}", f"content-length: {len(STREAMING_BODY)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode() + STREAMING_BODY
