"""The emulated model knows a few things."""

from __future__ import annotations

import pytest

from fireworks_emulator.facts import recall


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the capital of France?", "The capital of France is Paris."),
        ("capital of the United States, please", "The capital of United States is Washington, D.C."),
        ("And the capital of Japan is?", "The capital of Japan is Tokyo."),
        ("What is 12+30?", "12 + 30 = 42"),
        ("compute 7 x", None),
        ("What is 6 × 7", "6 * 7 = 42"),
        ("1/0", "1 / 0 has no value."),
        ("Count to 5", "1, 2, 3, 4, 5"),
        ("count from 3 to 6 please", "3, 4, 5, 6"),
        ('Say "hello there" and nothing else', "hello there"),
        ("Reply with exactly: pong", "pong"),
        ("Hello!", "Hello! What would you like to try?"),
        ("What is the capital of Atlantis?", None),
        ("Tell me about gateways", None),
    ],
)
def test_a_question_is_answered_from_what_is_known(question: str, answer: str | None) -> None:
    assert recall(question) == answer
