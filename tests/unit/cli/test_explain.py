from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from emberway.cli.explain import explain
from emberway.cli.failure import CommandFailed

CONFIG: dict[str, Any] = {
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
    assert lines[:5] == [
        "config.targets[0]: sent to",
        "config.targets[0]: answers 503",
        "config.targets[1]: next, after 503",
        "config.targets[1]: sent to",
        "config.targets[1]: answers 200",
    ]
    assert "to config.targets[1], groq" in lines
    assert "    taken for its outcome: 503" in lines
    assert "    POST https://api.groq.com/openai/v1/chat/completions" in lines
    assert lines[-1] == "answer: 200 from config.targets[1], retries 0"
    assert "secret" not in result.stdout


def test_a_condition_and_a_draw_are_told_in_words() -> None:
    balanced = {"strategy": {"mode": "loadbalance"}, "targets": [{**each, "weight": 0.5} for each in CONFIG["targets"]]}
    conditional = {
        "strategy": {
            "mode": "conditional",
            "conditions": [
                {"query": {"params.model": "n"}, "then": "x"},
                {"query": {"params.model": "m"}, "then": "x"},
            ],
        },
        "targets": [{"name": "x", **balanced}],
    }

    lines = run("--dice", "0.75", config=conditional).stdout.splitlines()

    assert lines[:3] == [
        'config: params.model is "m", asked for $eq "n" → no',
        'config: params.model is "m", asked for $eq "m" → holds',
        "config.targets[0].targets[1]: drew 0.750 of 1: this one, whose weight is 0.5 of 1",
    ]


def test_a_retry_says_that_it_is_the_same_request() -> None:
    config = {**CONFIG["targets"][0], "retry": {"attempts": 1}}

    lines = run("--outcome", "500", "--dice", "0.5", config=config).stdout.splitlines()

    assert lines[:5] == [
        "config: sent to",
        "config: answers 500",
        "config: a wait of 0.50 s",
        "config: retry 1",
        "config: answers 200",
    ]
    assert "    the same request" in lines


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
