from __future__ import annotations

import json

import pytest

from emberway.edge.failure import body_of, headers_of
from emberway.errors import (
    BadAnswer,
    ConnectFailed,
    Forbidden,
    GatewayError,
    GatewayFault,
    InvalidCall,
    MethodNotAllowed,
    NotBuilt,
    TooLarge,
    Unauthenticated,
    UpstreamBusy,
    UpstreamTimeout,
)


def test_an_error_is_told_to_openais_clients_and_to_portkeys_in_one_body() -> None:
    error = InvalidCall("Send 'model'.", param="model", code="missing_model")

    assert json.loads(body_of(error, "id-1")) == {
        "error": {
            "message": "Send 'model'.",
            "type": "invalid_request_error",
            "param": "model",
            "code": "missing_model",
        },
        "status": "failure",
        "message": "Send 'model'.",
        "request_id": "id-1",
    }


def test_the_envelope_is_whole_where_there_is_no_param() -> None:
    error = json.loads(body_of(ConnectFailed("Nobody answers."), "id-1"))["error"]

    assert error == {
        "message": "Nobody answers.",
        "type": "upstream_error",
        "param": None,
        "code": "upstream_unreachable",
    }


@pytest.mark.parametrize("hostile", ['"}\n', "\x00\x1b[2J", "\u2028", "模型"])
def test_a_callers_text_cannot_leave_its_place_in_the_body(hostile: str) -> None:
    assert json.loads(body_of(InvalidCall(hostile, param=hostile), "id-1"))["error"]["param"] == hostile


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InvalidCall("x"), {"x-should-retry": "false"}),
        (Forbidden("x"), {"x-should-retry": "false"}),
        (TooLarge("x"), {"x-should-retry": "false"}),
        (Unauthenticated("x"), {"x-should-retry": "false", "www-authenticate": 'Bearer realm="emberway"'}),
        (MethodNotAllowed("x", ("GET", "HEAD")), {"x-should-retry": "false", "allow": "GET, HEAD"}),
        (UpstreamTimeout("x"), {}),
        (ConnectFailed("x"), {"x-portkey-gateway-exception": "true"}),
        (BadAnswer("x"), {"x-portkey-gateway-exception": "true"}),
        (UpstreamBusy("x"), {"x-portkey-gateway-exception": "true", "retry-after": "1"}),
        (GatewayFault("x"), {"x-portkey-gateway-exception": "true", "x-should-retry": "false"}),
        (NotBuilt("x"), {"x-portkey-gateway-exception": "true", "x-should-retry": "false"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, GatewayError) else "",
)
def test_the_headers_tell_a_client_what_to_do_next(error: GatewayError, said: dict[str, str]) -> None:
    headers = headers_of(error)

    assert len({name for name, _ in headers}) == len(headers)
    assert {name.decode(): value.decode() for name, value in headers} == {"content-type": "application/json"} | said
