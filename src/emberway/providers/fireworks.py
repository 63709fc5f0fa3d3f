"""Fireworks AI, as a value: the worked example for every provider that differs from plain OpenAI.

The rules by name are in ``fireworks_rules`` and ``fireworks_format``; docs/reference/fireworks-rules.md lists them.
"""

from __future__ import annotations

from msgspec.structs import replace

from emberway.providers.auth import bearer
from emberway.providers.base import Call, Dialect, Provider, Written
from emberway.providers.fireworks_amend import without_refused_fields
from emberway.providers.fireworks_check import checked
from emberway.providers.fireworks_embeddings import base64_asked, floats_to_base64
from emberway.providers.fireworks_errors import envelope
from emberway.providers.fireworks_format import FORMAT_RULES, grammar_lines
from emberway.providers.fireworks_images import converse_for
from emberway.providers.fireworks_rules import (
    Rule,
    apply,
    developer_role,
    embedding_floats,
    is_full_name,
    is_plain_chat,
    max_tokens,
    model_path,
    model_slug,
    tool_choice,
)
from emberway.providers.model_rules import JSON, require_model

SLUG = "fireworks-ai"
BASE_URL = "https://api.fireworks.ai/inference/v1"

MODEL_RULES: tuple[Rule, ...] = (model_slug, model_path)
CHAT_RULES: tuple[Rule, ...] = (*MODEL_RULES, developer_role, max_tokens, tool_choice, *FORMAT_RULES)

FORWARDS = frozenset(
    {
        b"anthropic-beta",
        b"anthropic-version",
        b"fireworks-deployment",
        b"fireworks-model",
        b"fireworks-test-request",
        b"huggingface-access-key",
        b"jpeg-quality",
        b"json-return-image-accept",
        b"x-fireworks-account-id",
        b"x-fireworks-routing-account-id",
        b"x-multi-turn-session-id",
        b"x-prompt-cache-isolation-key",
        b"x-session-affinity",
    }
)

DESCRIBING = frozenset({b"accept", b"content-type", b"if-none-match", b"range"})
"""Headers that belong to a body we do not read, or to the answer wanted; ``accept`` chooses an image's format."""

REFUSED: tuple[tuple[str, str], ...] = (
    ("/audio/speech", "no speech endpoint. Send speech calls to a provider that has one, such as 'openai' or 'groq'"),
    ("/images/edits", "no image editing endpoint. Send the picture as 'input_image' to /images/generations with a "
     "FLUX Kontext model, such as accounts/fireworks/models/flux-kontext-pro"),
    ("/images/variations", "no image variations. Send a prompt to /images/generations instead"),
    ("/moderations", "no moderation endpoint. Send moderation calls to a provider that has one, such as 'openai'"),
    ("/files", "no OpenAI file store. Send the contents within the call, or use Fireworks' own datasets"),
    ("/batches", "no OpenAI batches. Send the calls one by one, or use Fireworks' own batch inference jobs"),
    ("/fine_tuning", "no OpenAI fine-tuning jobs. Use Fireworks' own supervised fine-tuning jobs"),
    ("/assistants", "no assistants. Use /chat/completions or /responses"),
    ("/threads", "no threads. Use /chat/completions or /responses"),
    ("/vector_stores", "no vector stores. Use /embeddings and a store of your own"),
    ("/uploads", "no OpenAI uploads. Send the contents within the call"),
    ("/realtime", "no realtime endpoint. Use /chat/completions with 'stream': true"),
)  # fmt: skip
"""Paths of OpenAI's API that Fireworks has nothing like; everything else is for the provider to answer."""


def fireworks(
    *,
    slug: str = SLUG,
    base_url: str = BASE_URL,
    check: bool = True,
    repeat_without_extra_inputs: bool = True,
    emulator: bool = False,
) -> Provider:
    """Fireworks, or something that speaks like it, at ``base_url``.

    ``check``: grammars and schemas that cannot work are refused before they are sent.
    ``repeat_without_extra_inputs``: a call that was refused for a field too many is sent once more without it.
    ``emulator``: it is the built-in emulator, which takes a fault to play in ``x-emulator-fault``.
    """
    chat_rules = (*CHAT_RULES, checked, grammar_lines) if check else (*CHAT_RULES, grammar_lines)

    def write_chat(call: Call) -> Written:
        if is_plain_chat(call):
            return Written(call.path, call.body, JSON)
        require_model(call)
        return apply(chat_rules, call)

    def refuses(call: Call) -> str | None:
        return refusal(slug, call.path) if call.endpoint in ("images", "passthrough") else None

    def amend(call: Call, written: Written, status: int, answer: bytes) -> Written | None:
        return without_refused_fields(written, status, answer) if repeat_without_extra_inputs else None

    def claims(model: str) -> bool:
        return slug == SLUG and model.startswith("accounts/")

    return Provider(
        slug=slug,
        base_url=base_url,
        auth=bearer,
        dialects={
            "chat": Dialect(write=write_chat),
            "completions": Dialect(write=write_chat),
            "embeddings": Dialect(write=write_embeddings, reread=floats_to_base64),
            "images": Dialect(converse=converse_for(slug)),
            "passthrough": Dialect(write=write_passthrough),
        },
        refuses=refuses,
        claims=claims,
        forwards=FORWARDS | {b"x-emulator-fault"} if emulator else FORWARDS,
        amend=amend,
        error=lambda status, answer: envelope(slug, status, answer),
    )


def write_embeddings(call: Call) -> Written:
    """An embeddings call; answered whole where base64 was asked for, in case the provider answers with numbers."""
    require_model(call)
    written = apply((*MODEL_RULES, embedding_floats), call)
    return replace(written, buffered=True) if base64_asked(call) else written


def write_passthrough(call: Call) -> Written:
    """Reranking, responses, messages, audio …: only the model's name is completed, where a JSON body holds one."""
    kept = tuple(header for header in call.headers if header[0] in DESCRIBING)
    if call.fields.model is None or is_full_name(call):
        return Written(call.path, call.body, kept)
    require_model(call)
    return replace(apply(MODEL_RULES, call), headers=kept)


def refusal(slug: str, path: str) -> str | None:
    """Why ``path`` cannot be served and what to use instead, as a sentence; ``None`` where it can."""
    for prefix, reason in REFUSED:
        if path == prefix or path.startswith(f"{prefix}/"):
            return f"The provider '{slug}' has {reason}."
    return None


FIREWORKS = fireworks()
