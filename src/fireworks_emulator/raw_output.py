"""The object ``raw_output``: what went into the model and came out of it, undressed."""

from __future__ import annotations

from typing import Any

from fireworks_emulator.answer import Choice, Prompt
from fireworks_emulator.tokens import token_id


def raw_output(prompt: Prompt, choice: Choice) -> dict[str, Any]:
    """For one choice; ``grammar`` is the one that held, also when it came as a schema."""
    said = (
        *choice.reasoning,
        *choice.text,
        *(token for call in choice.calls for token in (call.name, *call.arguments)),
    )
    raw: dict[str, Any] = {
        "prompt_fragments": ["".join(prompt.tokens)],
        "prompt_token_ids": prompt.ids,
        "completion": "".join(said),
        "completion_token_ids": [token_id(token) for token in said],
    }
    if choice.grammar is not None:
        raw["grammar"] = choice.grammar
    return raw
