"""The request schemas of chat and completions: closed at every level, as the provider's OpenAPI document has them.

A field of type ``X | None`` is nullable in that document, any other is not. Ranges are those of its descriptions.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Tokens = Annotated[int, Meta(ge=0)]
Unit = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Alternatives = Annotated[int, Meta(ge=0, le=5)]


class Closed(Struct, forbid_unknown_fields=True):
    """An object in which an unknown field is an error."""


class Url(Closed, kw_only=True):
    """Where a picture or recording is: ``data:`` or an address."""

    url: str
    detail: str | None = None


class VideoUrl(Url, kw_only=True):
    """A recording, with how to sample it."""

    max_frames: int | None = None
    spatial_limit: int | None = None
    sample_fps: float | None = None


class Part(Closed, kw_only=True):
    """One piece of a message."""

    type: str
    text: str | None = None
    image_url: Url | None = None
    video_url: VideoUrl | None = None
    audio_url: Url | None = None


class CalledFunction(Closed, kw_only=True):
    """``arguments``: JSON text or an object; the history check says what else came."""

    name: str
    arguments: Any = "{}"


class PastToolCall(Closed, kw_only=True):
    """A tool call of an earlier turn."""

    id: str | None = None
    type: str = "function"
    function: CalledFunction


class Message(Closed, kw_only=True):
    """One turn."""

    role: str
    content: str | list[Part] | None = None
    reasoning_content: str | None = None
    tool_calls: list[PastToolCall] | None = None
    tool_call_id: str | None = None


class Function(Closed, kw_only=True):
    """What the model may call."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Closed, kw_only=True):
    """One tool; functions are the only kind."""

    type: Literal["function"]
    function: Function


class FunctionName(Closed, kw_only=True):
    """A function named as the one to call."""

    name: str


class NamedTool(Closed, kw_only=True):
    """The tool that must be called."""

    type: Literal["function"] = "function"
    function: FunctionName


class ResponseFormat(Closed, kw_only=True):
    """What the text must look like; the two schema fields hold an object or its JSON text."""

    type: Literal["text", "json_object", "json_schema", "grammar"]
    schema: dict[str, Any] | str | None = None
    json_schema: dict[str, Any] | str | None = None
    grammar: str | None = None


class StreamOptions(Closed, kw_only=True):
    """Extras of a stream."""

    include_usage: bool = False


class Thinking(Closed, kw_only=True):
    """Anthropic's way to ask for reasoning."""

    type: Literal["enabled", "disabled"]
    budget_tokens: Annotated[int, Meta(ge=1024)] | None = None


class Prediction(Closed, kw_only=True):
    """Text that the answer probably contains."""

    type: Literal["content"]
    content: Any


class Generation(Closed, kw_only=True):
    """What chat and completions share."""

    model: str
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Unit | None = None
    top_k: Annotated[int, Meta(ge=0, le=100)] | None = None
    min_p: Unit | None = None
    typical_p: Unit | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repetition_penalty: Annotated[float, Meta(ge=0, le=2)] | None = None
    mirostat_target: float | None = None
    mirostat_lr: float | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    seed: int | None = None
    n: Annotated[int, Meta(ge=1, le=128)] = 1
    stop: str | Annotated[list[str], Meta(max_length=4)] | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    logprobs: Alternatives | bool | None = None
    top_logprobs: Alternatives | None = None
    echo: bool | None = False
    echo_last: Tokens | None = None
    ignore_eos: bool = False
    context_length_exceeded_behavior: Literal["truncate", "error"] = "truncate"
    response_format: ResponseFormat | None = None
    reasoning_effort: int | bool | str | None = None
    reasoning_history: Literal["disabled", "interleaved", "preserved"] | None = None
    thinking: Thinking | None = None
    prediction: Prediction | str | None = None
    speculation: str | list[int] | None = None
    perf_metrics_in_response: bool | None = False
    return_token_ids: bool | None = False
    raw_output: bool | None = False
    user: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_isolation_key: str | None = None
    service_tier: Literal["auto", "default", "flex", "priority"] = "default"
    metadata: dict[str, str] | None = None


class ChatRequest(Generation, kw_only=True):
    """``POST /chat/completions``."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "none", "any", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Function] | None = None
    function_call: Literal["auto", "none"] | FunctionName | None = None
    prompt_truncate_len: Tokens | None = None
    safe_tokenization: bool | None = None


class CompletionRequest(Generation, kw_only=True):
    """``POST /completions``; ``prompt`` is a text, several, token ids, or several lists of them."""

    prompt: str | list[str | int | list[int]]
    images: list[str | list[str]] | None = None
