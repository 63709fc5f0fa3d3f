from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from emberway.errors import InvalidCall
from emberway.providers import PROVIDERS, find
from emberway.providers.openai_compatible import OPENAI_COMPATIBLE


def test_every_line_of_the_table_is_a_provider_of_its_own():
    slugs = [provider.slug for provider in OPENAI_COMPATIBLE]

    assert len(slugs) >= 40
    assert len(set(slugs)) == len(slugs) == len(PROVIDERS) - 1


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS.keys())
def test_a_base_address_is_https_and_ends_where_the_endpoints_path_begins(provider):
    url = urlsplit(provider.base_url)

    assert url.scheme == "https"
    assert url.hostname
    assert not url.query
    assert not url.path.endswith(("/", "/completions", "/chat"))


@pytest.mark.parametrize(
    ("slug", "address"),
    [
        ("fireworks-ai", "https://api.fireworks.ai/inference/v1/chat/completions"),
        ("openai", "https://api.openai.com/v1/chat/completions"),
        ("groq", "https://api.groq.com/openai/v1/chat/completions"),
        ("deepseek", "https://api.deepseek.com/v1/chat/completions"),
        ("openrouter", "https://openrouter.ai/api/v1/chat/completions"),
        ("perplexity-ai", "https://api.perplexity.ai/chat/completions"),
        ("zhipu", "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
        ("lepton", "https://api.lepton.ai/api/v1/chat/completions"),
    ],
)
def test_the_chat_endpoint_is_where_the_provider_has_it(slug, address):
    assert find(slug).base_url + "/chat/completions" == address


@pytest.mark.parametrize(
    ("sent", "meant"), [("fireworks", "fireworks-ai"), ("Open_AI", "openai"), ("mistral", "mistral-ai")]
)
def test_an_unknown_provider_is_refused_with_the_name_that_was_probably_meant(sent, meant):
    with pytest.raises(InvalidCall) as refused:
        find(sent)

    assert f"Did you mean '{meant}'?" in refused.value.message
    assert (refused.value.code, refused.value.param) == ("unknown_provider", "x-portkey-provider")


def test_a_provider_that_is_like_none_of_ours_is_told_what_to_send():
    with pytest.raises(InvalidCall, match=r"Send for example 'fireworks-ai'.*x-portkey-custom-host"):
        find("q" * 100_000)
