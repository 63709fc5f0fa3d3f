"""Whose call it is and whose key goes to the provider, for every way in which the captured clients say so."""

from __future__ import annotations

from typing import Any

import pytest

from emberway.accounts.directory import KeyDirectory
from emberway.accounts.keys import record_of
from emberway.edge.headers import DECIDING, named, read_options
from emberway.errors import CallerError, InvalidCall, NotBuilt, Unauthenticated
from emberway.exchange import CallOptions
from emberway.pipeline.destination import Destination, Place, no_credential
from emberway.pipeline.resolve import Resolver
from emberway.providers import PROVIDERS, find
from emberway.providers.base import Call, Provider
from emberway.providers.fireworks import FIREWORKS, fireworks
from emberway.secret import Secret
from emberway.upstream.addresses import parse_base_url
from emberway.upstream.base import Deadlines
from emberway.wire.fields import Fields

OURS, OTHER = "ew-a-key-of-this-gateway", "ew-another-key-of-this-gateway"
THEIRS = "fw_the-callers-own"
MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"
PEPPER = bytes(32)

WITH_EMULATOR = {**PROVIDERS, "emulator": fireworks(slug="emulator", emulator=True)}
EMULATED = Place(
    parse_base_url("http://127.0.0.1:9/inference/v1", frozenset({("http", "127.0.0.1", 9)})), Secret("fw_emulated")
)


def resolver(**changes: Any) -> Resolver:
    """As wired in production, less what ``changes`` says."""
    parts: dict[str, Any] = {
        "directory": KeyDirectory(PEPPER, [record_of(PEPPER, key, "") for key in (OURS, OTHER)]),
        "find_provider": lambda slug: find(slug, WITH_EMULATOR),
        "claim": lambda model: FIREWORKS if FIREWORKS.claims(model) else None,
        "places": {},
        "deadlines": Deadlines(first_byte=600.0, total=3600.0),
    }
    return Resolver(**(parts | changes))


def options(headers: dict[str, str]) -> CallOptions:
    by_name = named([(name.encode(), value.encode()) for name, value in headers.items()])
    return read_options([by_name.get(name) for name in DECIDING])


def call(headers: dict[str, str], model: str | None = MODEL) -> Call:
    return Call("chat", "POST", "/chat/completions", b"", [], options(headers), b"{}", Fields(model=model), model)


def resolved(headers: dict[str, str], model: str | None = MODEL, **changes: Any) -> Destination:
    return resolver(**changes).resolve(call(headers, model))


def refused(headers: dict[str, str], model: str | None = MODEL, **changes: Any) -> CallerError | NotBuilt:
    with pytest.raises((CallerError, NotBuilt)) as raised:
        resolved(headers, model, **changes)
    return raised.value


# Whose call it is.


@pytest.mark.parametrize(
    "headers",
    [
        {"x-portkey-api-key": OURS},
        {"authorization": f"Bearer {OURS}"},
        {"authorization": OURS},
        {"x-api-key": OURS},
        {"x-portkey-api-key": OURS, "authorization": f"Bearer {THEIRS}"},
        {"x-portkey-api-key": OURS, "authorization": "Bearer OPENAI_API_KEY"},
        {"x-portkey-api-key": OURS, "x-api-key": THEIRS},
        {"x-portkey-api-key": "", "authorization": f"Bearer {OURS}"},
        {"authorization": f"Bearer {THEIRS}", "x-api-key": OURS},
        {"authorization": f"Bearer {OURS}", "x-api-key": THEIRS},
        {"authorization": "Bearer ", "x-api-key": OURS},
    ],
)
def test_a_key_of_ours_admits_its_caller_from_any_of_three_places(headers: dict[str, str]) -> None:
    assert resolver().identify(options(headers)) == resolver().directory.identify(OURS)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({"authorization": "Bearer"}, "missing_api_key"),
        ({"authorization": "Bearer "}, "missing_api_key"),
        ({"authorization": "", "x-api-key": " ", "x-portkey-api-key": ""}, "missing_api_key"),
        ({"authorization": "Bearer OPENAI_API_KEY"}, "invalid_api_key"),
        ({"authorization": f"Bearer {THEIRS}"}, "invalid_api_key"),
        ({"x-api-key": THEIRS}, "invalid_api_key"),
        ({"x-portkey-api-key": OURS[:-1]}, "invalid_api_key"),
    ],
)
def test_nobody_is_admitted_without_a_key_of_ours(headers: dict[str, str], code: str) -> None:
    with pytest.raises(Unauthenticated) as raised:
        resolver().identify(options(headers))

    assert (raised.value.status, raised.value.code) == (401, code)


@pytest.mark.parametrize("place", ["authorization", "x-api-key"])
def test_a_wrong_key_in_our_own_header_is_not_mended_by_a_good_one_elsewhere(place: str) -> None:
    with pytest.raises(Unauthenticated, match="x-portkey-api-key is not one of"):
        resolver().identify(options({"x-portkey-api-key": "ew-wrong", place: OURS}))


def test_a_refusal_does_not_repeat_the_key_that_came() -> None:
    with pytest.raises(Unauthenticated) as raised:
        resolver().identify(options({"x-portkey-api-key": THEIRS}))

    assert THEIRS not in raised.value.message


# Which key goes to the provider.


@pytest.mark.parametrize("spelling", ["Bearer {}", "bearer {}", "BEARER  {} ", "{}"])
def test_the_callers_token_goes_to_the_provider_with_or_without_bearer(spelling: str) -> None:
    headers = {"x-portkey-api-key": OURS, "authorization": spelling.format(THEIRS)}

    credential = resolved(headers).credential
    assert credential is not None
    assert credential.reveal() == THEIRS


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer OPENAI_API_KEY",  # Portkey's Python client with a virtual key
        "Bearer DUMMY-KEY",  # Portkey's JavaScript client without any key
        "DUMMY-KEY",
        "Bearer dummy",
        "Bearer undefined",
        "Bearer null",
        "Bearer None",
        "Bearer",
        "Bearer ",
        "",
        f"Bearer {OURS}",  # Portkey's JavaScript client, where OpenAI's is inside
        OURS,
        f"Bearer {OTHER}",
    ],
)
def test_a_placeholder_or_a_key_of_ours_never_goes_to_a_provider(authorization: str) -> None:
    assert resolved({"x-portkey-api-key": OURS, "authorization": authorization}).credential is None


@pytest.mark.parametrize(
    "headers", [{"authorization": f"Bearer {OURS}"}, {"x-api-key": OURS}, {"authorization": OURS, "x-api-key": OURS}]
)
def test_the_key_that_admits_a_caller_never_goes_to_a_provider(headers: dict[str, str]) -> None:
    assert resolved(headers).credential is None


def test_the_key_in_x_api_key_admits_and_the_one_in_authorization_goes_on() -> None:
    credential = resolved({"authorization": f"Bearer {THEIRS}", "x-api-key": OURS}).credential

    assert credential is not None
    assert credential.reveal() == THEIRS


def test_a_call_without_a_key_for_its_provider_learns_where_to_send_it() -> None:
    error = no_credential(FIREWORKS)

    assert (error.status, error.code) == (401, "missing_provider_key")
    assert "'Authorization: Bearer <provider key>'" in error.message


# Which provider a call is for.


@pytest.mark.parametrize(
    ("headers", "model", "slug", "rest"),
    [
        ({"x-portkey-provider": "fireworks-ai"}, MODEL, "fireworks-ai", MODEL),
        ({"x-portkey-provider": "groq"}, MODEL, "groq", MODEL),
        ({"x-portkey-provider": "openai"}, None, "openai", None),
        ({"x-portkey-provider": "@emulator"}, MODEL, "emulator", MODEL),
        ({"x-portkey-provider": "@emulator/x"}, MODEL, "emulator", MODEL),
        ({"x-portkey-provider": "emulator"}, MODEL, "emulator", MODEL),
        ({}, MODEL, "fireworks-ai", MODEL),
        ({}, f"@emulator/{MODEL}", "emulator", MODEL),
        ({"x-portkey-provider": "groq"}, f"@emulator/{MODEL}", "groq", MODEL),
        ({"x-portkey-provider": "groq"}, "@cf/meta/llama-3-8b-instruct", "groq", "@cf/meta/llama-3-8b-instruct"),
        ({"x-portkey-provider": "groq"}, "@hf/thebloke/zephyr", "groq", "@hf/thebloke/zephyr"),
    ],
)
def test_a_call_goes_where_its_header_or_else_its_model_says(
    headers: dict[str, str], model: str | None, slug: str, rest: str | None
) -> None:
    one = call(headers, model)

    assert resolver().resolve(one).provider.slug == slug
    assert one.model == rest


@pytest.mark.parametrize(
    ("headers", "model", "status", "code", "param"),
    [
        ({}, "gpt-4o", 400, "missing_provider", "x-portkey-provider"),
        ({}, None, 400, "missing_provider", "x-portkey-provider"),
        ({}, "@cf/meta/llama-3-8b-instruct", 400, "missing_provider", "x-portkey-provider"),
        ({"x-portkey-provider": "firework-ai"}, MODEL, 400, "unknown_provider", "x-portkey-provider"),
        ({"x-portkey-provider": "@prod"}, MODEL, 501, "virtual_keys_not_built", "x-portkey-provider"),
        ({}, f"@prod/{MODEL}", 501, "virtual_keys_not_built", "model"),
        ({"x-portkey-virtual-key": "prod"}, MODEL, 501, "virtual_keys_not_built", "x-portkey-virtual-key"),
        ({"x-portkey-config": "pc-1"}, MODEL, 501, "saved_configs_not_built", "x-portkey-config"),
        (
            {"x-portkey-virtual-key": "prod", "x-portkey-provider": "groq", "authorization": f"Bearer {THEIRS}"},
            MODEL, 501, "virtual_keys_not_built", "x-portkey-virtual-key",
        ),
    ],
)  # fmt: skip
def test_what_names_no_provider_of_ours_is_refused_and_never_guessed(
    headers: dict[str, str], model: str | None, status: int, code: str, param: str
) -> None:
    error = refused(headers, model)

    assert (error.status, error.code, error.param) == (status, code, param)


def test_a_misspelt_provider_is_answered_with_the_nearest_one() -> None:
    assert "'fireworks-ai'" in refused({"x-portkey-provider": "firework_ai"}).message


# Where that provider is.


def test_a_provider_is_reached_at_its_own_address() -> None:
    place = resolved({"x-portkey-provider": "groq"}).place

    assert place == Place(parse_base_url("https://api.groq.com/openai/v1", frozenset()))


def test_the_operator_may_have_put_a_provider_elsewhere() -> None:
    assert resolved({}, places={"fireworks-ai": EMULATED}).place is EMULATED


def test_the_emulator_has_no_place_until_it_is_started() -> None:
    assert resolved({"x-portkey-provider": "@emulator"}).place is None


def test_a_callers_host_gets_no_credential_of_the_operators() -> None:
    place = resolved({"x-portkey-custom-host": "https://llm.example.com/v1"}, places={"fireworks-ai": EMULATED}).place

    assert place == Place(parse_base_url("https://llm.example.com/v1", frozenset()))
    assert place.credential is None


@pytest.mark.parametrize("host", ["https://llm.example.com/v1", "http://127.0.0.1:9/v1"])
def test_an_operator_can_switch_custom_hosts_off(host: str) -> None:
    trusted = frozenset({("http", "127.0.0.1", 9)})

    error = refused({"x-portkey-custom-host": host}, custom_hosts=False, trusted_origins=trusted)
    assert (error.status, error.code, error.param) == (400, "custom_hosts_off", "x-portkey-custom-host")


def test_a_private_host_needs_the_operators_trust() -> None:
    headers = {"x-portkey-custom-host": "http://127.0.0.1:9/v1"}

    assert isinstance(refused(headers), InvalidCall)
    place = resolved(headers, trusted_origins=frozenset({("http", "127.0.0.1", 9)})).place
    assert place is not None
    assert place.base.origin.trusted


# What is remembered.


def test_calls_with_equal_headers_share_their_target() -> None:
    one, house = call({"x-portkey-provider": "groq"}, "a"), resolver()
    other = Call("chat", "POST", "/x", b"", [], one.options, b"{}", Fields(model="b"), "b")

    assert house.resolve(other) is house.resolve(one)


@pytest.mark.parametrize("following", ["gpt-4o", None])
def test_a_target_that_the_model_decided_is_not_used_for_the_next_model(following: str | None) -> None:
    one, house = call({}, MODEL), resolver()
    house.resolve(one)
    other = Call("chat", "POST", "/x", b"", [], one.options, b"{}", Fields(model=following), following)

    with pytest.raises(InvalidCall, match="Say which provider"):
        house.resolve(other)


def test_a_model_that_names_its_place_goes_there_whatever_went_before() -> None:
    one, house = call({}, MODEL), resolver()
    other = Call("chat", "POST", "/x", b"", [], one.options, b"{}", Fields(model=""), f"@emulator/{MODEL}")

    assert [house.resolve(each).provider.slug for each in (one, other)] == ["fireworks-ai", "emulator"]


def test_a_target_without_a_place_is_not_remembered_since_it_may_be_started_elsewhere_next_time() -> None:
    one, house = call({"x-portkey-provider": "@emulator"}), resolver()

    assert house.resolve(one) is not house.resolve(one)


# What goes with it.


@pytest.mark.parametrize(
    ("wanted", "first_byte", "total"),
    [("1500", 1.5, 1.5), ("900000", 600.0, 900.0), ("99000000", 600.0, 3600.0), ("soon", 600.0, 3600.0)],
)
def test_a_callers_timeout_bounds_the_call_within_the_operators(wanted: str, first_byte: float, total: float) -> None:
    deadlines = resolved({"x-portkey-request-timeout": wanted}).deadlines

    assert (deadlines.first_byte, deadlines.total) == (first_byte, total)


def test_a_provider_gets_the_headers_that_it_or_the_caller_names() -> None:
    provider = Provider("acme", "https://acme.example/v1", FIREWORKS.auth, forwards=frozenset({b"x-acme"}))

    target = resolved(
        {"x-portkey-provider": "acme", "x-portkey-forward-headers": "x_custom, xOther"},
        find_provider=lambda _: provider,
    )
    assert target.forwarded == {b"x-acme", b"x-custom", b"x-other", b"traceparent", b"tracestate", b"idempotency-key"}
