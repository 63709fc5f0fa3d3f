from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from emberway.cli.explain import explain
from emberway.cli.failure import CommandFailed

CONFIG = {
    "strategy": {"mode": "fallback"},
    "targets": [{"provider": "openai", "api_key": "sk-secret"}, {"provider": "groq", "api_key": "gsk-secret"}],
}
BODY = {"model": "m", "messages": []}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, config: object = CONFIG, request: object = BODY) -> Result:
    for name, content in (("config.json", config), ("request.json", request)):
        Path(name).write_text(content if isinstance(content, str) else json.dumps(content))
    return CliRunner().invoke(explain, ["--config", "config.json", "--request", "request.json", *arguments])


def test_the_way_of_a_call_is_told_in_lines() -> None:
    result = run("--outcome", "503")

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "config.targets[0]: openai → 503" in lines
    assert "config.targets[1]: groq → 200" in lines
    assert "    POST https://api.groq.com/openai/v1/chat/completions" in lines
    assert lines[-1] == "answer: 200 from config.targets[1], retries 0"
    assert "secret" not in result.stdout


def test_programs_get_json() -> None:
    told = json.loads(run("--json").stdout)

    assert told["answer"] == {"path": "config.targets[0]", "outcome": 200, "retries": 0}


def test_a_request_may_bring_path_and_headers() -> None:
    conditional = {
        "strategy": {
            "mode": "conditional",
            "conditions": [{"query": {"url.pathname": "/v1/embeddings"}, "then": "e"}],
            "default": "c",
        },
        "targets": [
            {"name": "c", "provider": "openai", "api_key": "sk-secret"},
            {"name": "e", "provider": "groq", "api_key": "gsk-secret"},
        ],
    }
    request = {"path": "/v1/embeddings", "body": {"model": "m", "input": "x"}}

    assert "answer: 200 from config.targets[1], retries 0" in run(config=conditional, request=request).stdout


def test_a_wrong_config_ends_with_1_and_its_path() -> None:
    result = run(config={"strategy": {"mode": "fallbak"}, "targets": [{}]})

    assert isinstance(result.exception, CommandFailed)
    assert str(result.exception).startswith("$.strategy.mode: ")


def test_a_file_that_is_not_json_is_named() -> None:
    result = run(request="{")

    assert isinstance(result.exception, CommandFailed)
    assert str(result.exception).startswith("request.json: ")
