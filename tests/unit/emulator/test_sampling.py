"""Answers end where they are told to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fireworks_emulator import sampling
from fireworks_emulator.catalogue import Model
from fireworks_emulator.errors import Refused
from fireworks_emulator.requests import ChatRequest

SMALL = Model("m", "chat", "current", 100)


def request(**fields: Any) -> ChatRequest:
    return msgspec.convert({"model": "m", "messages": [{"role": "user", "content": "x"}], **fields}, ChatRequest)


def test_an_answer_without_a_limit_may_have_2048_tokens() -> None:
    assert sampling.token_limit(request(), Model("m", "chat", "current", 100_000), 10) == 2048


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_the_limit_has_two_names(field: str) -> None:
    assert sampling.token_limit(request(**{field: 7}), SMALL, 10) == 7


def test_a_limit_beyond_the_window_is_lowered_silently() -> None:
    assert sampling.token_limit(request(max_tokens=500), SMALL, 60) == 40


def test_a_limit_beyond_the_window_is_refused_where_that_was_asked_for() -> None:
    with pytest.raises(Refused) as refused:
        sampling.token_limit(request(max_tokens=500, context_length_exceeded_behavior="error"), SMALL, 60)

    assert refused.value.status == 400


def test_a_prompt_that_fills_the_window_is_refused_in_the_providers_words() -> None:
    with pytest.raises(Refused) as refused:
        sampling.token_limit(request(), SMALL, 100)

    assert refused.value.message == "The prompt is too long: 100, model maximum context length: 99"


@pytest.mark.parametrize(
    "both",
    [{"max_tokens": 1, "max_completion_tokens": 1}, {"thinking": {"type": "enabled"}, "reasoning_effort": "low"}],
)
def test_parameters_that_exclude_each_other_are_refused(both: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        sampling.check(request(**both))

    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("text", "limit", "ends", "complete", "expected"),
    [
        ("one two", 5, (), True, ("one two", "stop", None)),
        ("one two three", 2, (), True, ("one two", "length", None)),
        ("one two", 2, (), True, ("one two", "stop", None)),
        ("one two", 5, (), False, ("one two", "length", None)),
        ("one two three", 5, ("wo",), True, ("one t", "stop", "wo")),
        ("one two three", 5, ("three", "two"), True, ("one ", "stop", "two")),
        ("one two three", 2, ("three",), True, ("one two", "length", None)),
        ("one", 0, (), True, ("", "length", None)),
    ],
)
def test_a_text_ends_at_its_limit_or_before_a_stop_text(
    text: str, limit: int, ends: tuple[str, ...], complete: bool, expected: tuple[str, str, str | None]
) -> None:
    tokens, finish, stopped_by = sampling.fit(text, limit, ends, complete=complete)

    assert ("".join(tokens), finish, stopped_by) == expected


def test_streaming_does_not_change_what_is_said() -> None:
    whole, streamed = request(seed=3), request(seed=3, stream=True, stream_options={"include_usage": True}, user="u")

    assert sampling.dice(whole, None, 0).random() == sampling.dice(streamed, None, 0).random()


def test_a_requests_seed_outranks_the_processs_seed() -> None:
    assert sampling.dice(request(seed=3), 8, 0).random() == sampling.dice(request(seed=3), 9, 0).random()
    assert sampling.dice(request(), 8, 0).random() != sampling.dice(request(), 9, 0).random()
    assert sampling.dice(request(), 8, 0).random() != sampling.dice(request(), 8, 1).random()
