"""The rules that turn a call into Fireworks' spelling; each function is one name in ``x-emberway-changed``.

A rule reads the decoded fields, does nothing where it does not apply, and otherwise notes its name together with the
new JSON text of the top-level keys it changes. Everything that no rule mentions reaches the provider byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from emberway.providers.base import Call, Written
from emberway.providers.model_rules import JSON
from emberway.wire.body import update

NULL = b"null"

MODELS = "accounts/fireworks/models/"
ROUTERS = "accounts/fireworks/routers/"
_ROUTER_SLUGS = frozenset({"firerouter", "auto", "auto-instant"})
_ROUTER_ENDINGS = ("-fast", "-latest", "-spot")
"""Every name of the catalogue that ends like this is a router. ``-us`` says nothing: models and routers share it."""


@dataclass(slots=True)
class Draft:
    """A call on its way into the provider's spelling."""

    call: Call
    edits: dict[str, bytes | None] = field(default_factory=dict)
    """Top-level keys and their new JSON text; ``None`` removes the key."""
    changed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def current(self, key: str) -> Raw | UnsetType:
        """The value of a top-level field as it stands after the rules so far; UNSET where it is absent or ``null``."""
        value = self.edits[key] if key in self.edits else getattr(self.call.fields, key)
        return UNSET if value is None or value is UNSET or bytes(value) == NULL else Raw(value)

    def change(self, rule: str, **edits: bytes | None) -> None:
        """Note that ``rule`` fired, and what it changes."""
        self.changed.append(rule)
        self.edits.update(edits)

    def written(self) -> Written:
        """The call with all changes in it; its own body object where there are none."""
        body = update(self.call.body, self.edits) if self.edits else self.call.body
        return Written(self.call.path, body, JSON, changed=tuple(self.changed), warnings=tuple(self.warnings))


Rule = Callable[[Draft], None]


def apply(rules: Iterable[Rule], call: Call) -> Written:
    """``call`` after all ``rules``, in their order; InvalidCall from the first that finds it contradictory."""
    draft = Draft(call)
    for rule in rules:
        rule(draft)
    return draft.written()


def is_plain_chat(call: Call) -> bool:
    """Whether no rule for chats and completions can apply, so that the call is relayed without another look.

    0.5 µs for a usual call, a sixth of what asking every rule takes (benchmarks/fireworks_rules.py).
    """
    fields, model = call.fields, call.model
    if not (
        model is not None
        and model == fields.model
        and model.startswith("accounts/")
        and fields.grammar is UNSET
        and fields.json_schema is UNSET
        and fields.response_format is UNSET
        and fields.tool_choice is UNSET
        and (fields.max_tokens is UNSET or fields.max_completion_tokens is UNSET)
    ):
        return False
    for message in fields.messages or ():  # noqa: SIM110  # all(…) takes three times as long here
        if message.role == "developer":
            return False
    return True


def is_full_name(call: Call) -> bool:
    """Whether the body's model is already the one to ask for, spelled in full."""
    model = call.model
    return model is not None and model == call.fields.model and model.startswith("accounts/")


def model_slug(draft: Draft) -> None:
    """The model that the gateway settled on, where the body still has another: with an ``@slug/`` in front, or none."""
    call = draft.call
    if call.model != call.fields.model:
        draft.change("model_slug", model=msgspec.json.encode(call.model))


def model_path(draft: Draft) -> None:
    """A bare slug → the full resource name; Fireworks answers bare slugs with 404."""
    model = draft.call.model
    assert model is not None
    full = full_name(model)
    if full != model:
        draft.change("model_path", model=msgspec.json.encode(full))


def full_name(model: str) -> str:
    """The resource name that ``model`` is short for, or ``model`` itself.

    Complete already: ``accounts/…``, Azure Foundry's ``FW-…``, a model on a deployment (``…#…``), and what holds a
    slash, since no slug does: Hugging Face ids and ``fireworks/…`` are what embeddings and reranking are called by.
    """
    if model.startswith(("accounts/", "FW-")) or "#" in model:
        return model
    if model.startswith(("routers/", "models/")):
        return f"accounts/fireworks/{model}"
    if "/" in model:
        return model
    if model in _ROUTER_SLUGS or model.endswith(_ROUTER_ENDINGS):
        return ROUTERS + model
    return MODELS + model


class _Chat(Struct):
    messages: list[Raw]


_chat = msgspec.json.Decoder(_Chat)


def developer_role(draft: Draft) -> None:
    """OpenAI's role ``developer`` → ``system``, which is what Fireworks calls it."""
    roles = [message.role for message in draft.call.fields.messages or ()]
    if "developer" not in roles:
        return
    messages = _chat.decode(draft.call.body).messages
    renamed = [
        Raw(update(bytes(message), {"role": b'"system"'})) if role == "developer" else message
        for role, message in zip(roles, messages, strict=True)
    ]
    draft.change("developer_role", messages=msgspec.json.encode(renamed))


def max_tokens(draft: Draft) -> None:
    """Both names of the token limit given → only the newer one, because together they are an error."""
    if draft.current("max_tokens") is not UNSET and draft.current("max_completion_tokens") is not UNSET:
        draft.change("max_tokens", max_tokens=None)


class _ToolChoice(Struct):
    type: str | None = None
    name: str | UnsetType = UNSET
    function: Raw | UnsetType = UNSET


_tool_choice = msgspec.json.Decoder(_ToolChoice)


def tool_choice(draft: Draft) -> None:
    """``{"type": "function", "name": X}`` → the nested form; the flat one is documented, but the schema is closed."""
    raw = draft.call.fields.tool_choice
    if raw is UNSET or not bytes(raw).startswith(b"{"):
        return
    try:
        choice = _tool_choice.decode(raw)
    except msgspec.ValidationError:
        return  # not a form that we know: the provider says what it thinks of it
    if choice.type == "function" and choice.name is not UNSET and choice.function is UNSET:
        nested = {"type": "function", "function": {"name": choice.name}}
        draft.change("tool_choice", tool_choice=msgspec.json.encode(nested))


def embedding_floats(draft: Draft) -> None:
    """Portkey's Python client asks for base64 unasked and does not decode it: its users get floats.

    Captured from portkey-ai 2.3.4; ``package_version`` tells Portkey's own clients from OpenAI's, which do decode.
    """
    call = draft.call
    if call.fields.encoding_format == "base64" and call.options.package_version:
        draft.change("embedding_floats", encoding_format=b'"float"')
