from __future__ import annotations

import struct
from base64 import b64decode

import msgspec
import pytest
from tests.unit.providers.calls import call, sent, write

from emberway.providers.fireworks import FIREWORKS

BODY = {"model": "fireworks/qwen3-embedding-8b", "input": ["a"], "encoding_format": "base64"}
FROM_OPENAI = call(BODY, "embeddings")
FROM_PORTKEY = call(BODY, "embeddings", package_version="portkey-2.3.4")


def reread(answer, one=FROM_OPENAI):
    read = FIREWORKS.dialects["embeddings"].reread
    assert read is not None
    return read(one, answer)


def test_portkeys_python_client_which_does_not_decode_base64_is_given_floats():
    written = write(FROM_PORTKEY)

    assert sent(written) == {**BODY, "encoding_format": "float"}
    assert written.changed == ("embedding_floats",)
    assert not written.buffered


def test_openais_clients_which_decode_base64_ask_for_it_and_the_answer_is_looked_at():
    written = write(FROM_OPENAI)

    assert written.body is FROM_OPENAI.body
    assert written.buffered


@pytest.mark.parametrize("fields", [{}, {"encoding_format": None}, {"encoding_format": "float"}])
@pytest.mark.parametrize("version", [None, "portkey-2.3.4"])
def test_whoever_asks_for_floats_or_nothing_gets_the_answer_as_it_comes(fields, version):
    one = call(
        {"model": "nomic-ai/nomic-embed-text-v1.5", "input": "a", **fields}, "embeddings", package_version=version
    )

    written = write(one)

    assert written.body is one.body
    assert not written.buffered


def test_floats_that_come_where_base64_was_asked_for_become_little_endian_float32():
    answer = (
        b'{"object":"list", "data":[{"object":"embedding","index":0,"embedding":[0.1, -2, 1e-3]},'
        b'{"index":1,"embedding":[]}],"usage":{ "prompt_tokens":1}}'
    )

    told = reread(answer)

    read = msgspec.json.decode(told)
    assert [b64decode(item["embedding"]) for item in read["data"]] == [struct.pack("<3f", 0.1, -2, 1e-3), b""]
    assert read["data"][0]["index"] == 0
    assert b'{ "prompt_tokens":1}' in told


@pytest.mark.parametrize(
    "answer",
    [
        b'{"data":[{"embedding":"zczMPQ=="}]}',
        b'{"data":[]}',
        b'{"data":[{"index":0}]}',
        b'{"data":[{"embedding":["a"]}]}',
        b'{"data":[{"embedding":[[1]]}]}',
        b'{"data":{}}',
        b"{}",
        b"[]",
        b"oops",
        b"",
    ],
)
def test_an_answer_that_holds_no_floats_is_the_providers_own_and_passes_untouched(answer):
    assert reread(answer) is answer


def test_a_number_beyond_float32_does_not_lose_the_answer():
    (item,) = msgspec.json.decode(reread(b'{"data":[{"embedding":[1e300]}]}'))["data"]

    assert struct.unpack("<f", b64decode(item["embedding"])) == (float("inf"),)
