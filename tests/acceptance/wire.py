"""One HTTP call without a client library, for what no library shows: exact headers and bytes, wrong calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from tests.acceptance.clients import PROVIDER_KEY
from tests.acceptance.process import PATIENCE, Served


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """The only value of a header; AssertionError if it is missing or came more than once."""
        values = [value for known, value in self.headers if known == name]
        assert len(values) == 1, f"{name}: {values}"
        return values[0]

    def has(self, name: str) -> bool:
        """Whether a header is there."""
        return any(known == name for known, _ in self.headers)


def call_over_http(
    served: Served,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    *,
    method: str | None = None,
    login: Mapping[str, str] | None = None,
) -> Answer:
    """Send ``body`` (bytes as they are, anything else as JSON) and read the whole answer.

    ``login``: the credentials' headers, by default those of the page's curl example. ``method``: by default ``GET``
    without a body and ``POST`` with one.
    """
    sent = dict(credentials(served) if login is None else login)
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    if data is not None:
        sent["content-type"] = "application/json"
    connection = HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
    try:
        connection.request(method or ("GET" if data is None else "POST"), path, data, sent | dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, tuple((n.lower(), v) for n, v in answer.getheaders()), answer.read())
    finally:
        connection.close()


def credentials(served: Served) -> dict[str, str]:
    """The headers of the page's curl example."""
    return {
        "x-portkey-api-key": served.key,
        "x-portkey-provider": "fireworks-ai",
        "authorization": f"Bearer {PROVIDER_KEY}",
    }
