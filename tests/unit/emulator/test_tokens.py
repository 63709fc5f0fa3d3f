"""The emulator's tokenizer loses nothing and is the same everywhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fireworks_emulator.tokens import VOCABULARY, count, split, token_id


@given(st.text())
def test_tokens_joined_are_the_text_again(text: str) -> None:
    assert "".join(split(text)) == text


@given(st.text(min_size=1))
def test_no_token_is_empty_and_every_id_is_within_the_vocabulary(text: str) -> None:
    tokens = split(text)

    assert all(tokens)
    assert all(0 <= token_id(token) < VOCABULARY for token in tokens)


def test_prose_comes_out_at_about_four_characters_per_token() -> None:
    prose = "The gateway relays every byte that the provider sends, and it notes what the call cost. " * 20

    assert 3 < len(prose) / count(prose) < 6


def test_the_id_of_a_token_does_not_change_between_processes() -> None:
    assert token_id(" Paris") == 77678
