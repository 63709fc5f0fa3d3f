"""The seven shapes in which the provider says no, because a client meets all of them.

======  ====================================================================  =====================================
shape   body                                                                  where it was seen
======  ====================================================================  =====================================
A       ``{"error":{"object","type","code","message"}}``                      inference server: validation, limits
B       ``{"error":{"message","param"?,"code","type":"error"}}``              the gateway in front: keys, models
C       ``{"error":"text"}``                                                  older deployments
D       ``{"detail":"Not Found"}`` or a list of validation errors with 422    the web framework's own layer
E       ``{"fault":{"faultstring","detail":{"errorcode"}}}``                  the former front gateway
F       ``{"type":"error","error":{"type","message"}}``                       the Anthropic-compatible endpoint
G       ``{"code","message","details":[]}``                                   control plane (google.rpc)
======  ====================================================================  =====================================

Source: provider documentation and recorded answers, 2023 to 2026. Status and shape do not determine each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from starlette.responses import Response

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

MODEL_NOT_FOUND = "Model not found, inaccessible, and/or not deployed"
BAD_KEY = "The API key you provided is invalid."

ANTHROPIC_TYPES = MappingProxyType(
    {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        408: "timeout_error",
        429: "rate_limit_error",
        504: "timeout_error",
        503: "overloaded_error",
    }
)
"""Status to error type of shape F; any other is an ``invalid_request_error`` below 500, an ``api_error`` above."""

RPC_CODES = MappingProxyType({400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 412: 9, 429: 8, 500: 13, 503: 14, 504: 4})
RPC_UNKNOWN = 2
"""Status to google.rpc code, for shape G."""


class Refused(Exception):
    """A call that is answered with an error: raise it anywhere, the application sends it."""

    def __init__(
        self,
        status: int,
        body: bytes,
        *,
        message: str = "",
        headers: Mapping[str, str] = NO_HEADERS,
        media_type: str = "application/json",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.message = message
        self.headers = dict(headers)
        self.media_type = media_type

    def response(self) -> Response:
        """The error as an HTTP answer."""
        return Response(self.body, self.status, self.headers, self.media_type)


def envelope_a(status: int, message: str, *, headers: Mapping[str, str] = NO_HEADERS) -> Refused:
    """Validation, tool history, rate limit: every kind carries the same ``code``."""
    kind = "invalid_request_error"
    error = {"object": "error", "type": kind, "code": kind, "message": message}
    return _refused(status, {"error": error}, message, headers)


def envelope_b(
    status: int, message: str, code: str, param: str | None = None, *, headers: Mapping[str, str] = NO_HEADERS
) -> Refused:
    """Keys, models and deployments; ``code`` is upper case, such as ``NOT_FOUND``; ``param`` is absent when None."""
    error = {"message": message, "param": param, "code": code, "type": "error"}
    if param is None:
        del error["param"]
    return _refused(status, {"error": error}, message, headers)


def envelope_c(status: int, message: str) -> Refused:
    """The older shape: a bare text."""
    return _refused(status, {"error": message}, message)


def envelope_d(status: int, detail: str | list[dict[str, Any]]) -> Refused:
    """The web framework's shape: a text, or with 422 a list of ``{"loc", "msg", "type"}``."""
    return _refused(status, {"detail": detail}, detail if isinstance(detail, str) else "Unprocessable Entity")


def envelope_e(status: int, message: str, errorcode: str) -> Refused:
    """The former front gateway's shape; ``errorcode`` is dotted, such as ``policies.ratelimit.QuotaViolation``."""
    return _refused(status, {"fault": {"faultstring": message, "detail": {"errorcode": errorcode}}}, message)


def envelope_f(status: int, message: str, *, headers: Mapping[str, str] = NO_HEADERS) -> Refused:
    """The Anthropic-compatible shape; the error's type follows from the status."""
    kind = ANTHROPIC_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return _refused(status, {"type": "error", "error": {"type": kind, "message": message}}, message, headers)


def envelope_g(status: int, message: str) -> Refused:
    """The control plane's shape; its code follows from the status."""
    return _refused(status, {"code": RPC_CODES.get(status, RPC_UNKNOWN), "message": message, "details": []}, message)


def model_not_found() -> Refused:
    """An unknown, retired or undeployed model, a bare slug, or one that the key may not use."""
    return envelope_b(404, MODEL_NOT_FOUND, "NOT_FOUND", "model")


def bad_key() -> Refused:
    """A key that is missing or not known; the text for a missing one is not established, so it is the same."""
    return envelope_b(401, BAD_KEY, "UNAUTHORIZED")


def _refused(status: int, body: dict[str, Any], message: str, headers: Mapping[str, str] = NO_HEADERS) -> Refused:
    return Refused(status, msgspec.json.encode(body), message=message, headers=headers)
