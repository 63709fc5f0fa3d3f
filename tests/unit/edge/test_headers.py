"""``x-portkey-*`` headers in every spelling that the captured clients use become one typed object."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.edge.headers import (
    DECIDING,
    MAX_COUNT,
    named,
    own_lines,
    provider_lines,
    read_options,
    trace_id,
)
from emberway.errors import HeadersTooLarge, InvalidCall
from emberway.exchange import CallOptions, Exchange
from emberway.wire.header_lines import headers_in


def options(**headers: str):
    return read([(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()])


def read(headers: list[tuple[bytes, bytes]]) -> CallOptions:
    by_name = named(headers)
    return read_options([by_name.get(name) for name in DECIDING])


@pytest.mark.parametrize(
    ("sent", "token"),
    [
        ("Bearer fw_1", "fw_1"),
        ("bearer fw_1", "fw_1"),
        ("BEARER  fw_1 ", "fw_1"),
        ("fw_1", "fw_1"),
        ("Bearer Bearer", "Bearer"),
    ],
)
def test_authorization_is_read_with_and_without_bearer(sent, token):
    authorization = options(authorization=sent).authorization

    assert authorization is not None
    assert authorization.reveal() == token


@pytest.mark.parametrize("sent", ["", " ", "Bearer", "Bearer "])
def test_an_empty_credential_counts_as_none(sent):
    assert not options(authorization=sent, x_portkey_api_key=sent.removeprefix("Bearer")).api_key


def test_portkeys_python_sdk_sends_an_empty_key_and_that_is_no_key():
    assert options(x_portkey_api_key="").api_key is None


def test_the_node_sdk_leaves_underscores_in_names_that_it_does_not_know():
    by_name = named([(b"x-portkey-trace_id", b"t-1"), (b"x-portkey-what_ever", b"x")])

    assert trace_id(by_name) == "t-1"


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        ("x-custom", ("x-custom",)),
        ("x_custom,X-Other", ("x-custom", "x-other")),
        ("xCustom", ("x-custom",)),
        ("['A','B-C']", ("a", "b-c")),
        ('["x-a"]', ("x-a",)),
        ("", ()),
        (" , ", ()),
    ],
)
def test_lists_of_headers_to_forward_are_read_in_every_sdks_spelling(sent, names):
    assert options(x_portkey_forward_headers=sent).forward_headers == names


@pytest.mark.parametrize(
    "sent",
    ["Authorization", "host", "content-length", "transferEncoding", "x-portkey-api-key", "metadata-flavor", "[1]"],
)
def test_headers_that_frame_or_authenticate_are_never_forwarded(sent):
    with pytest.raises(InvalidCall, match="forward"):
        options(x_portkey_forward_headers=sent)


@pytest.mark.parametrize(
    ("sent", "seconds"), [("1500", 1.5), ("0", None), ("-1", None), ("1e3", None), ("\u0661", None), ("9" * 5000, None)]
)
def test_a_timeout_is_milliseconds_and_nonsense_is_no_timeout(sent, seconds):
    assert options(x_portkey_request_timeout=sent).request_timeout == seconds


def test_the_trace_id_comes_from_traceparent_when_none_is_given():
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    assert trace_id({b"traceparent": parent}) == "0af7651916cd43dd8448eb211c80319c"
    assert trace_id({b"traceparent": parent, b"x-portkey-trace-id": b"mine"}) == "mine"
    assert trace_id({b"traceparent": b"garbage"}) is None
    assert trace_id({}) is None


def test_too_many_headers_are_refused():
    with pytest.raises(HeadersTooLarge):
        named([(b"x-a", b"1")] * (MAX_COUNT + 1))


@given(st.lists(st.tuples(st.binary(max_size=30), st.binary(max_size=50)), max_size=20))
def test_no_header_upsets_it(headers):
    with contextlib.suppress(InvalidCall):
        read([(b"x-portkey-" + name.lower(), value) for name, value in headers])


def test_cookies_and_hop_by_hop_headers_of_a_provider_stay_here():
    sent = [
        (b"content-type", b"application/json"), (b"set-cookie", b"s=1"), (b"server", b"x"), (b"x-request-id", b"up-1"),
        (b"x-ratelimit-limit-requests", b"10"), (b"fireworks-prompt-tokens", b"3"), (b"x-internal-node", b"n"),
        (b"x-portkey-trace-id", b"forged"), (b"retry-after", b"7"),
    ]  # fmt: skip

    assert headers_in(provider_lines(sent)) == [
        (b"content-type", b"application/json"),
        (b"x-upstream-request-id", b"up-1"),
        (b"x-ratelimit-limit-requests", b"10"),
        (b"fireworks-prompt-tokens", b"3"),
        (b"retry-after", b"7"),
    ]


def test_every_answer_names_request_trace_and_time():
    headers = dict(headers_in(own_lines(Exchange("r-1", "t-1", started=1.0, sent=1.25, answered=1.5), now=1.5)))

    assert headers == {
        b"x-content-type-options": b"nosniff",
        b"x-request-id": b"r-1",
        b"x-portkey-trace-id": b"t-1",
        b"server-timing": b"gw;dur=250.00, up;dur=250.00",
    }


def test_what_was_changed_and_what_is_doubtful_is_said_in_one_line():
    exchange = Exchange("r", "t", 0.0, provider="p", changed=("grammar", "model_path"), warnings=("line 1\nünsure",))
    headers = dict(headers_in(own_lines(exchange, now=0.0)))

    assert headers[b"x-emberway-changed"] == b"grammar, model_path"
    assert headers[b"x-emberway-warning"] == b"line 1??nsure".replace(b"??", b"?" + b"?")
    assert headers[b"x-portkey-last-used-option-index"] == b"config"
