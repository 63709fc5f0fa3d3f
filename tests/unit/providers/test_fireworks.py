from __future__ import annotations

import pytest
from tests.unit.providers.calls import MESSAGES, MODEL, call, chat, sent, write

from emberway.errors import InvalidCall
from emberway.providers.fireworks import FIREWORKS, REFUSED, fireworks


def passthrough(path, body=b"{}", **more):
    return call(body, "passthrough", path=path, **more)


@pytest.mark.parametrize(("path", "reason"), REFUSED, ids=[path for path, _ in REFUSED])
def test_what_fireworks_has_nothing_like_is_refused_with_its_name_and_what_to_use(path, reason):
    for below in (path, f"{path}/abc"):
        sentence = FIREWORKS.refuses(passthrough(below))

        assert sentence == f"The provider 'fireworks-ai' has {reason}."


@pytest.mark.parametrize(
    "path",
    [
        "/audio/transcriptions",
        "/audio/translations",
        "/responses",
        "/responses/resp_1",
        "/messages",
        "/rerank",
        "/image_generation/accounts/fireworks/models/x",
        "/workflows/accounts/fireworks/models/x/text_to_image",
        "/filesystem",
        "/unheard_of",
    ],
)
def test_everything_else_is_for_the_provider_to_answer(path):
    assert FIREWORKS.refuses(passthrough(path)) is None


@pytest.mark.parametrize("endpoint", ["chat", "completions", "embeddings", "images"])
def test_the_endpoints_that_fireworks_has_are_not_refused(endpoint):
    assert FIREWORKS.refuses(call({"model": MODEL}, endpoint)) is None


@pytest.mark.parametrize("path", ["/rerank", "/responses", "/messages"])
def test_a_model_is_completed_in_bodies_that_are_otherwise_passed_through(path):
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"cookie", b"c"), (b"accept", b"*/*")]

    written = write(passthrough(path, b'{"model":"kimi-k3","input":{ }}', headers=headers))

    assert written.path == path
    assert written.body == b'{"model":"accounts/fireworks/models/kimi-k3","input":{ }}'
    assert written.headers == (headers[0], headers[2])
    assert written.changed == ("model_path",)


def test_a_body_that_is_passed_through_in_pieces_keeps_its_boundary_and_nothing_is_demanded_of_it():
    one = passthrough("/audio/transcriptions", headers=[(b"content-type", b"multipart/form-data; boundary=x")])
    one.body = b""

    written = write(one)

    assert written.body is one.body
    assert written.headers == ((b"content-type", b"multipart/form-data; boundary=x"),)


@pytest.mark.parametrize("endpoint", ["chat", "completions", "embeddings", "images"])
@pytest.mark.parametrize("named", [{}, {"model": "portkey-default"}, {"model": ""}])
def test_a_call_without_a_model_is_told_to_name_one(endpoint, named):
    dialect = FIREWORKS.dialects[endpoint]
    speak = dialect.write or dialect.converse
    assert speak is not None

    with pytest.raises(InvalidCall, match="there are no default models") as refused:
        speak(call({**named, "messages": MESSAGES, "prompt": "x", "input": "x"}, endpoint))

    assert (refused.value.code, refused.value.param) == ("missing_model", "model")


@pytest.mark.parametrize(
    "header",
    [b"x-session-affinity", b"x-multi-turn-session-id", b"x-prompt-cache-isolation-key", b"fireworks-deployment"],
)
def test_headers_that_mean_something_to_fireworks_reach_it(header):
    assert header in FIREWORKS.forwards


def test_no_header_that_carries_a_secret_of_ours_or_of_another_provider_is_handed_on():
    secret = ("authorization", "cookie", "x-api-key", "x-portkey", "proxy")

    assert not [name for name in FIREWORKS.forwards if name.decode().startswith(secret)]


def test_only_the_emulator_is_told_which_fault_to_play():
    emulator = fireworks(slug="emulator", base_url="http://127.0.0.1:1/inference/v1", emulator=True)

    assert b"x-emulator-fault" in emulator.forwards
    assert b"x-emulator-fault" not in FIREWORKS.forwards
    assert (emulator.slug, emulator.base_url) == ("emulator", "http://127.0.0.1:1/inference/v1")


def test_the_emulator_speaks_the_same_dialect_under_its_own_name():
    emulator = fireworks(slug="emulator", base_url="http://127.0.0.1:1/inference/v1", emulator=True)
    one = chat(grammar='root ::= "a"', max_tokens=1, max_completion_tokens=2)

    assert write(one, emulator) == write(one)
    assert emulator.refuses(passthrough("/audio/speech")) == (
        "The provider 'emulator' has no speech endpoint. "
        "Send speech calls to a provider that has one, such as 'openai' or 'groq'."
    )


@pytest.mark.parametrize(
    ("model", "claimed"), [(MODEL, True), ("accounts/me/deployments/d", True), ("gpt-x", False), ("a/accounts/", False)]
)
def test_a_resource_name_alone_says_that_the_call_is_for_fireworks(model, claimed):
    assert FIREWORKS.claims(model) is claimed
    assert not fireworks(slug="emulator", emulator=True).claims(model)


def test_nothing_is_added_to_a_call_of_a_usual_kind():
    one = chat()

    assert write(one).body is one.body
    assert sent(write(one)) == {"model": MODEL, "messages": MESSAGES}
