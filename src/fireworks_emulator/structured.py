"""``response_format``: the five ways to ask for text of a certain form, each answered with text that really has it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from fireworks_emulator import hints
from fireworks_emulator.errors import Refused, envelope_a
from fireworks_emulator.requests import ResponseFormat
from fireworks_emulator.validation import invalid

if TYPE_CHECKING:
    from fireworks_emulator.constrained import Generated

WRAPPER_FIELDS = frozenset({"name", "schema", "strict", "description"})
"""What an object under ``json_schema`` may hold besides being a schema itself."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the text is held to."""

    grammar: str = ""
    schema: Mapping[str, Any] | None = None
    """None without a grammar: any JSON."""

    @property
    def shown(self) -> str:
        """How ``raw_output`` shows it."""
        return self.grammar or msgspec.json.encode(self.schema or {}).decode()

    @property
    def is_json_schema(self) -> bool:
        """Whether a schema holds; the provider then leaves reasoning out."""
        return self.schema is not None


def form_of(asked: ResponseFormat | None) -> Form | None:
    """The form that a request asks for, or None for free text. Raises 400."""
    match asked:
        case None | ResponseFormat(type="text"):
            return None
        case ResponseFormat(type="grammar"):
            return Form(_grammar(asked))
        case ResponseFormat(type="json_object"):
            return Form(schema=None if asked.schema is None else _schema(asked.schema, "response_format.schema"))
    return Form(schema=_wrapped(asked))


def write(form: Form, dice: random.Random, limit: int, question: str) -> Generated:
    """A text of this form, of at most about ``limit`` tokens. Raises 400 for a form that cannot be kept to."""
    from fireworks_emulator import constrained  # the grammar engine takes long to import

    if form.grammar:
        return _or_refuse(lambda: constrained.from_grammar(form.grammar, dice, limit), "Grammar error: ")
    if form.schema is None:
        return constrained.any_json(dice, limit)
    schema = dict(form.schema)
    return _or_refuse(lambda: constrained.from_schema(schema, dice, limit, hints.suggest(question, schema)))


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse a schema that cannot be kept to: one bad tool fails a whole request. Raises 400."""
    _check_schema(msgspec.json.encode(schema))


@lru_cache(maxsize=256)
def _check_schema(schema: bytes) -> None:
    from fireworks_emulator import constrained  # as above

    _or_refuse(lambda: constrained.from_schema(msgspec.json.decode(schema), random.Random(0), 1))  # noqa: S311


def _or_refuse(generate: Callable[[], Generated], head: str = "") -> Generated:
    from fireworks_emulator.constrained import Unsupported  # as above

    try:
        return generate()
    except Unsupported as wrong:
        message = str(wrong)
        raise envelope_a(400, message if message.startswith("Grammar processing") else head + message) from None


def _grammar(asked: ResponseFormat) -> str:
    from fireworks_emulator.constrained import lines_are_rules  # as above

    if not asked.grammar:
        raise invalid("Field required", "response_format.grammar")
    if complaint := lines_are_rules(asked.grammar):
        raise envelope_a(400, f"Grammar error: {complaint}")
    return asked.grammar


def _wrapped(asked: ResponseFormat) -> Mapping[str, Any]:
    """The schema under ``json_schema``, in OpenAI's wrapper or bare."""
    if asked.json_schema is None:
        if asked.schema is None:
            raise invalid("Field required", "response_format.json_schema")
        return _schema(asked.schema, "response_format.schema")
    given = _schema(asked.json_schema, "response_format.json_schema")
    if "schema" in given and set(given) <= WRAPPER_FIELDS:
        return _schema(given["schema"], "response_format.json_schema.schema")
    return given


def _schema(given: Mapping[str, Any] | str, field: str) -> Mapping[str, Any]:
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except msgspec.DecodeError:
            raise _no_schema(field, given) from None
    if not isinstance(given, dict):
        raise _no_schema(field, given)
    return given


def _no_schema(field: str, given: object) -> Refused:
    return invalid("Expected a JSON schema", field, given)
