"""The few answers that the server gives itself, because a request never reached the application or died in it."""

from __future__ import annotations

import json
from http import HTTPStatus

from emberway.ids import new_id
from emberway.server.response_head import Signature

_TYPES = {500: "gateway_error", 503: "overloaded_error"}


class Refused(Exception):
    """A request that is answered by the server, whose connection then closes."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def bad_http(what: str) -> Refused:
    """A request that is not HTTP/1.1 as RFC 9112 has it, or that two readers could understand in two ways."""
    return Refused(400, "bad_http", f"This is not a valid HTTP/1.1 request: {what}.")


def answer_of(refused: Refused, signature: Signature, *, has_body: bool = True) -> bytes:
    """The whole answer, head and body. The connection closes after it."""
    body = json.dumps(
        {
            "error": {
                "message": refused.message,
                "type": _TYPES.get(refused.status, "invalid_request_error"),
                "param": None,
                "code": refused.code,
            },
            "status": "failure",
            "message": refused.message,
        }
    ).encode()
    return b"HTTP/1.1 %d %s%s\r\ncontent-type: application/json\r\ncontent-length: %d%s\r\n\r\n%s" % (
        refused.status,
        HTTPStatus(refused.status).phrase.encode(),
        signature.both,
        len(body),
        b"\r\nx-content-type-options: nosniff\r\nx-portkey-trace-id: %s\r\nconnection: close" % new_id().encode(),
        body if has_body else b"",
    )
