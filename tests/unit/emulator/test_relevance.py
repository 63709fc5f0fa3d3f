"""Texts about the same thing are near each other."""

from __future__ import annotations

import math

import pytest

from fireworks_emulator.relevance import features, score, unit, vector


def likeness(one: str, other: str, dimensions: int = 768, kept: int = 768) -> float:
    left, right = (unit(vector(features(text), dimensions)[:kept]) for text in (one, other))
    return sum(a * b for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("kept", [768, 256, 64])
def test_similar_texts_are_nearer_than_others_also_in_shortened_vectors(kept: int) -> None:
    near = likeness("How do I reset my password?", "resetting a forgotten password", kept=kept)
    far = likeness("How do I reset my password?", "bananas grow in warm countries", kept=kept)

    assert near > far + 0.15


def test_the_same_text_is_the_same_vector() -> None:
    assert vector(features("abc"), 384) == vector(features("abc"), 384)


@pytest.mark.parametrize("text", ["", "a", "!!", "a longer text with several words", "日本語の文章"])
@pytest.mark.parametrize("dimensions", [1, 16, 17, 1024])
def test_a_vector_has_the_asked_dimension_and_length_one(text: str, dimensions: int) -> None:
    values = vector(features(text), dimensions)

    assert len(values) == dimensions
    assert math.isclose(sum(value * value for value in values), 1.0)


def test_the_document_that_answers_gets_the_best_score() -> None:
    documents = ["Berlin is in Germany", "Paris is the capital of France", "bananas"]

    scores = [score("What is the capital of France?", document) for document in documents]

    assert max(scores) == scores[1] > 0.5
    assert all(0 <= value <= 1 for value in scores)
    assert min(scores) < 0.1
