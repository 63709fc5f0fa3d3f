"""What conditions may ask about a call, each read when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from emberway.exchange import Exchange
from emberway.providers.base import Call

_SECRET = frozenset({"authorization", "x-api-key", "api-key", "cookie", "x-portkey-api-key", "x-portkey-config"})
"""Headers that no condition and no sticky field may look at: what it sees is on the trail."""


class CallFacts(Struct, eq=False):
    """The facts of one call."""

    _call: Call
    _exchange: Exchange
    _metadata: Mapping[str, Any] | None = None
    _params: Mapping[str, Any] | None = None

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Portkey's gateway takes metadata that is no JSON object as none (captured), and so does this."""
        if self._metadata is None:
            given = next((value for name, value in self._call.headers if name == b"x-portkey-metadata"), b"")
            self._metadata = _object(given)
        return self._metadata

    @property
    def params(self) -> Mapping[str, Any]:
        """The body as the client sent it."""
        if self._params is None:
            self._params = _object(self._call.body)
        return self._params

    @property
    def path(self) -> str:
        """As the client asked for it."""
        return self._exchange.path

    def header(self, name: str) -> str | None:
        """A header that holds no credential."""
        if name in _SECRET:
            return None
        wanted = name.encode("latin-1", "replace")
        return next((value.decode("latin-1") for key, value in self._call.headers if key == wanted), None)

    @property
    def caller(self) -> str:
        """The key's id."""
        identity = self._exchange.identity
        return identity.key_id if identity is not None else ""


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
