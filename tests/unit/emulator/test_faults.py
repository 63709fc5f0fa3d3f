"""Faults are read from a header or a model's name, and strike as they say."""

from __future__ import annotations

import json

import pytest

from fireworks_emulator.errors import Refused
from fireworks_emulator.faults import Fault, Hang, Spread, cut_from, read, strike


def refusal(text: str) -> Refused:
    with pytest.raises(Refused) as refused:
        strike(read(text), Spread())
    return refused.value


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("401", 401), ("402", 402), ("403", 403), ("404", 404), ("412", 412), ("425", 425), ("429", 429), ("500", 500),
        ("502", 502), ("503", 503), ("503-scaling", 503), ("504", 504),
    ],
)  # fmt: skip
def test_each_status_can_be_asked_for(name: str, status: int) -> None:
    assert refusal(name).status == status


def test_a_bad_key_is_refused_with_the_providers_body() -> None:
    assert refusal("401").body == (
        b'{"error":{"message":"The API key you provided is invalid.","code":"UNAUTHORIZED","type":"error"}}'
    )


def test_a_rate_limit_is_refused_with_the_providers_body_and_no_retry_after() -> None:
    refused = refusal("429")

    assert json.loads(refused.body)["error"]["message"] == "rate limit exceeded, please try again later"
    assert json.loads(refused.body)["error"]["code"] == "invalid_request_error"
    assert refused.headers == {}


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("429;k=3", {"retry-after": "3"}),
        ("429;k=Wed, 21 Oct 2026 07:28:00 GMT", {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}),
        ("503;ms=250;should-retry=false", {"retry-after-ms": "250", "x-should-retry": "false"}),
    ],
)
def test_a_refusal_can_say_when_to_come_back(text: str, headers: dict[str, str]) -> None:
    assert refusal(text).headers == headers


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("shape-a", {"error"}), ("shape-b", {"error"}), ("shape-c", {"error"}), ("shape-d", {"detail"}),
        ("shape-e", {"fault"}), ("shape-f", {"type", "error"}), ("shape-g", {"code", "message", "details"}),
    ],
)  # fmt: skip
def test_the_seven_shapes_of_errors_can_be_asked_for(name: str, keys: set[str]) -> None:
    assert json.loads(refusal(name).body).keys() == keys


def test_a_front_proxy_answers_in_html() -> None:
    refused = refusal("502")

    assert refused.media_type == "text/html"
    assert refused.body.startswith(b"<html>")


def test_a_fault_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(Refused) as refused:
        read("explode")

    assert "'explode'" in refused.value.message
    assert "stream-error" in refused.value.message


@pytest.mark.parametrize(
    ("name", "plain", "fault"),
    [
        ("accounts/a/models/m!429", "accounts/a/models/m", Fault("429")),
        ("accounts/a/models/m!slow;k=1", "accounts/a/models/m", Fault("slow", {"k": "1"})),
        (
            "/v1/workflows/accounts/a/models/m!503/text_to_image",
            "/v1/workflows/accounts/a/models/m/text_to_image",
            Fault("503"),
        ),
        ("accounts/a/models/m", "accounts/a/models/m", None),
    ],
)
def test_a_fault_is_cut_from_a_name_or_path(name: str, plain: str, fault: Fault | None) -> None:
    assert cut_from(name) == (plain, fault)


@pytest.mark.parametrize("percent", [0, 1, 30, 50, 99, 100])
def test_a_flaky_model_fails_exactly_its_share_of_a_hundred_calls(percent: int) -> None:
    spread = Spread()

    assert sum(spread.fails(percent) for _ in range(100)) == percent


def test_thirty_percent_are_spread_evenly() -> None:
    spread = Spread()

    assert [spread.fails(30) for _ in range(10)] == [False, False, False, True, False, False, True, False, False, True]


def test_a_hanging_call_is_told_apart_from_a_refused_one() -> None:
    with pytest.raises(Hang):
        strike(read("hang"), Spread())


def test_a_distortion_lets_the_call_begin() -> None:
    strike(read("cut;k=2"), Spread())
