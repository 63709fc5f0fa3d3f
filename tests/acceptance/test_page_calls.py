"""The integration page's chat, virtual-key and prompt examples, each as its reader pastes it, base URL aside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import InternalServerError, OpenAI
from portkey_ai import Portkey, createHeaders
from portkey_ai._vendor.openai import InternalServerError as PortkeyInternalServerError
from tests.acceptance.clients import PROVIDER_KEY, run_curl, run_node
from tests.acceptance.process import Served

VIRTUAL_KEY = "my-virtual-key"
CAPITAL = {
    "model": "accounts/fireworks/models/llama-v3p1-405b-instruct",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "What is the capital of France?"},
    ],
}


def answers_the_question(content: str | None) -> bool:
    """Whether a chat answer names the capital, and admits that no model wrote it."""
    return content is not None and "Paris" in content and "emulat" in content.lower()


def test_the_pages_chat_example_runs_in_python_with_portkeys_client(emberway: Served) -> None:
    portkey = Portkey(
        api_key=emberway.key, provider="fireworks-ai", Authorization=PROVIDER_KEY, base_url=emberway.base_url
    )

    response: Any = portkey.chat.completions.create(
        model="accounts/fireworks/models/llama-v3p1-405b-instruct",
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "What is the capital of France?"},
        ],
    )

    assert answers_the_question(response.choices[0].message.content)


@pytest.mark.usefixtures("needs_node")
@pytest.mark.parametrize("script", ["chat-portkey.mjs", "chat-portkey.cjs"])
def test_the_pages_chat_example_runs_in_javascript_with_portkeys_client(
    page_environment: dict[str, str], script: str
) -> None:
    response = run_node(f"page/{script}", **page_environment)

    assert answers_the_question(response["choices"][0]["message"]["content"])


@pytest.mark.usefixtures("needs_curl")
def test_the_pages_chat_example_runs_with_curl(emberway: Served) -> None:
    status, response = run_curl(
        f"{emberway.base_url}/chat/completions",
        *("-H", "Content-Type: application/json"),
        *("-H", f"x-portkey-api-key: {emberway.key}"),
        *("-H", "x-portkey-provider: fireworks-ai"),
        *("-H", f"Authorization: Bearer {PROVIDER_KEY}"),
        *("-d", json.dumps(CAPITAL)),
    )

    assert status == 200
    assert answers_the_question(response["choices"][0]["message"]["content"])


def test_the_pages_chat_example_runs_in_python_with_openais_client(emberway: Served) -> None:
    client = OpenAI(
        api_key=PROVIDER_KEY,
        base_url=emberway.base_url,
        default_headers=createHeaders(provider="fireworks-ai", api_key=emberway.key),
    )

    response = client.chat.completions.create(
        model="accounts/fireworks/models/llama-v3p1-405b-instruct",
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "What is the capital of France?"},
        ],
    )

    assert answers_the_question(response.choices[0].message.content)


@pytest.mark.usefixtures("needs_node")
def test_the_pages_chat_example_runs_in_javascript_with_openais_client(page_environment: dict[str, str]) -> None:
    response = run_node("page/chat-openai.mjs", **page_environment)

    assert answers_the_question(response["choices"][0]["message"]["content"])


def test_the_pages_virtual_key_example_is_told_what_is_missing_in_python_with_portkeys_client(
    emberway: Served,
) -> None:
    portkey = Portkey(api_key=emberway.key, virtual_key=VIRTUAL_KEY, base_url=emberway.base_url)

    with pytest.raises(PortkeyInternalServerError, match="virtual keys") as caught:
        portkey.chat.completions.create(
            model="accounts/fireworks/models/llama-v3p1-405b-instruct",
            messages=[
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": "What is the capital of France?"},
            ],
        )

    assert caught.value.status_code == 501


@pytest.mark.usefixtures("needs_node")
@pytest.mark.parametrize("script", ["virtual-key-portkey.mjs", "virtual-key-openai.mjs"])
def test_the_pages_virtual_key_example_is_told_what_is_missing_in_javascript(
    page_environment: dict[str, str], script: str
) -> None:
    raised = run_node(f"page/{script}", **page_environment, VIRTUAL_KEY=VIRTUAL_KEY)["raised"]

    assert (raised["name"], raised["status"]) == ("InternalServerError", 501)
    assert "virtual keys" in raised["message"]


@pytest.mark.usefixtures("needs_curl")
def test_the_pages_virtual_key_example_is_told_what_is_missing_with_curl(emberway: Served) -> None:
    status, response = run_curl(
        f"{emberway.base_url}/chat/completions",
        *("-H", "Content-Type: application/json"),
        *("-H", f"x-portkey-api-key: {emberway.key}"),
        *("-H", f"x-portkey-virtual-key: {VIRTUAL_KEY}"),
        *("-d", json.dumps(CAPITAL)),
    )

    assert (status, response["error"]["code"]) == (501, "virtual_keys_not_built")
    assert VIRTUAL_KEY in response["error"]["message"]


def test_the_pages_virtual_key_example_is_told_what_is_missing_in_python_with_openais_client(emberway: Served) -> None:
    client = OpenAI(
        api_key=PROVIDER_KEY,
        base_url=emberway.base_url,
        default_headers=createHeaders(api_key=emberway.key, virtual_key=VIRTUAL_KEY),
    )

    with pytest.raises(InternalServerError, match="virtual keys") as caught:
        client.chat.completions.create(
            model="accounts/fireworks/models/llama-v3p1-405b-instruct",
            messages=[
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": "What is the capital of France?"},
            ],
        )

    assert caught.value.status_code == 501


def test_the_pages_prompt_example_is_told_what_is_missing_in_python(emberway: Served) -> None:
    portkey = Portkey(
        api_key=emberway.key, provider="fireworks-ai", Authorization=PROVIDER_KEY, base_url=emberway.base_url
    )

    with pytest.raises(PortkeyInternalServerError, match="my-fireworks-prompt") as caught:
        portkey.chat.completions.create(
            model="accounts/fireworks/models/llama-v3p1-405b-instruct",
            prompt_key="my-fireworks-prompt",
            messages=[{"role": "user", "content": "What is the capital of France?"}],
        )

    assert caught.value.status_code == 501


@pytest.mark.usefixtures("needs_node")
def test_the_pages_prompt_example_is_told_what_is_missing_in_javascript(page_environment: dict[str, str]) -> None:
    raised = run_node("page/prompt-key-portkey.mjs", **page_environment)["raised"]

    assert (raised["name"], raised["status"]) == ("InternalServerError", 501)
    assert "my-fireworks-prompt" in raised["message"]


@pytest.mark.usefixtures("needs_curl")
def test_the_pages_prompt_example_is_told_what_is_missing_with_curl(emberway: Served) -> None:
    status, response = run_curl(
        f"{emberway.base_url}/chat/completions",
        *("-H", "Content-Type: application/json"),
        *("-H", f"x-portkey-api-key: {emberway.key}"),
        *("-H", "x-portkey-provider: fireworks-ai"),
        *("-H", f"Authorization: Bearer {PROVIDER_KEY}"),
        *("-d", json.dumps(CAPITAL | {"prompt_key": "my-fireworks-prompt"})),
    )

    assert (status, response["error"]["code"]) == (501, "prompts_not_built")
    assert "my-fireworks-prompt" in response["error"]["message"]
