from __future__ import annotations

import pytest
from tests.unit.providers.calls import call, sent, write

from emberway.errors import InvalidCall
from emberway.providers import find

OPENAI = find("openai")


@pytest.mark.parametrize("endpoint", ["chat", "completions", "embeddings"])
def test_a_call_reaches_an_openai_compatible_provider_as_the_very_bytes_that_came(endpoint):
    one = call(b'{ "model": "gpt-x",\n "grammar": "root", "top_k": 1e2 }', endpoint)

    written = write(one, OPENAI)

    assert written.body is one.body
    assert written.changed == ()
    assert written.headers == ((b"content-type", b"application/json"),)


def test_the_slug_in_front_of_a_model_is_ours_and_not_the_providers():
    written = write(call({"model": "@mine/gpt-x", "n": 1}, model="gpt-x"), OPENAI)

    assert sent(written) == {"model": "gpt-x", "n": 1}
    assert written.changed == ("model_slug",)


@pytest.mark.parametrize("body", [{}, {"model": None}, {"model": ""}, {"model": "portkey-default"}])
def test_there_are_no_default_models(body):
    with pytest.raises(InvalidCall, match="Send one in the field 'model'") as refused:
        write(call({**body, "messages": []}), OPENAI)

    assert (refused.value.code, refused.value.param) == ("missing_model", "model")


@pytest.mark.parametrize("endpoint", ["images", "passthrough", "models"])
def test_what_nobody_here_reads_is_left_to_be_passed_through(endpoint):
    assert endpoint not in OPENAI.dialects
