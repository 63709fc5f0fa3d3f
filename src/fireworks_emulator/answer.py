"""What the emulated model said, as values, before it takes the shape of any endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fireworks_emulator.tokens import count

Finish = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """One tool call; the arguments are JSON text, in tokens."""

    id: str
    name: str
    arguments: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """What the call costs."""
        return count(self.name) + len(self.arguments)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of ``n`` answers, in tokens."""

    index: int
    finish: Finish
    text: tuple[str, ...] = ()
    echo: tuple[str, ...] = ()
    """The part of the prompt that is repeated before the text; it costs nothing."""
    reasoning: tuple[str, ...] = ()
    calls: tuple[FunctionCall, ...] = ()
    stopped_by: str | None = None
    """The stop text that ended it."""
    grammar: str | None = None
    """The grammar or schema that the text was held to."""

    @property
    def content(self) -> tuple[str, ...]:
        """What is said in words: the repeated prompt and the text."""
        return self.echo + self.text

    @property
    def tokens(self) -> int:
        """What the choice costs."""
        return len(self.text) + len(self.reasoning) + sum(call.tokens for call in self.calls)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model was given: its text in tokens, and what it counts as."""

    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    count: int
    """At least the tokens of the text: pictures count too."""
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    id: str
    model: str
    created: int
    prompts: tuple[Prompt, ...]
    choices: tuple[Choice, ...]
    rate: float = 0.0
    """Tokens per second at which it is given; 0: at once."""

    @property
    def prompt_tokens(self) -> int:
        """Tokens of all prompts."""
        return sum(prompt.count for prompt in self.prompts)

    @property
    def cached_tokens(self) -> int:
        """How many of them were in the prompt cache."""
        return sum(prompt.cached for prompt in self.prompts)

    @property
    def completion_tokens(self) -> int:
        """Tokens of all choices, reasoning and tool calls included."""
        return sum(choice.tokens for choice in self.choices)


def echoed(prompt: Prompt, echo: bool | None, last: int | None) -> tuple[str, ...]:
    """The part of a prompt that is repeated before the answer; ``last`` alone asks for it too."""
    if last is not None:
        return prompt.tokens[-last:] if last else ()
    return prompt.tokens if echo else ()
