"""What the answer must look like: every spelling of a grammar or JSON schema → Fireworks' one ``response_format``.

Fireworks' request schema is closed: the ``grammar`` and ``json_schema`` that its users know as top-level parameters
are answered with an error when they arrive there (specification of the chat endpoint, 0.1.0).
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw

from emberway.errors import InvalidCall
from emberway.providers.fireworks_rules import Draft
from emberway.wire.body import update
from emberway.wire.fields import MAX_DEPTH, depth
from emberway.wire.gbnf import join_rules

ResponseFormat = dict[str, Raw]

_object = msgspec.json.Decoder(ResponseFormat)
_any = msgspec.json.Decoder()
_encode = msgspec.json.encode

_WRAPPER_KEYS = frozenset({"name", "description", "schema", "strict"})
"""OpenAI's envelope around a schema; ``schema`` is no keyword of JSON Schema, so a schema is not mistaken for one."""


def schema_text(draft: Draft) -> None:
    """A schema given as a JSON text, as pydantic's ``schema_json()`` makes it → the object that it spells."""
    edits: dict[str, bytes | None] = {}
    given = draft.current("json_schema")
    if given is not UNSET and (parsed := _schema_parsed(given, "json_schema")) is not given:
        edits["json_schema"] = bytes(parsed)
    wanted = read_format(draft)
    if format_type(wanted) in ("json_object", "json_schema"):
        texts = {key: _schema_parsed(wanted[key], f"response_format.{key}") for key in schema_keys(wanted)}
        if any(texts[key] is not wanted[key] for key in texts):
            edits["response_format"] = _encode({**wanted, **texts})
    if edits:
        draft.change("schema_text", **edits)


def grammar(draft: Draft) -> None:
    """Top-level ``grammar`` → ``response_format`` of type ``grammar``."""
    if draft.call.fields.grammar is UNSET:
        return
    given = draft.current("grammar")
    if given is UNSET:
        draft.change("grammar", grammar=None)
        return
    if draft.current("json_schema") is not UNSET:
        raise _conflict("grammar", "'grammar' and 'json_schema' both say what the answer must look like. Send one.")
    text = _any.decode(given)
    if not isinstance(text, str):
        raise InvalidCall("The field 'grammar' must be a string in GBNF.", param="grammar", code="wrong_type")
    wanted = read_format(draft)
    _refuse_other_type("grammar", wanted, ("text", "grammar"), '{"type": "grammar", "grammar": …}')
    if "grammar" in wanted and _any.decode(wanted["grammar"]) != text:
        raise _conflict("grammar", "'grammar' and 'response_format.grammar' differ. Send one of them.")
    draft.change("grammar", grammar=None, response_format=_encode({"type": "grammar", "grammar": given}))


def json_schema(draft: Draft) -> None:
    """Top-level ``json_schema``, bare or in OpenAI's envelope → ``response_format`` of type ``json_schema``."""
    if draft.call.fields.json_schema is UNSET:
        return
    given = draft.current("json_schema")
    if given is UNSET:
        draft.change("json_schema", json_schema=None)
        return
    if not bytes(given).startswith(b"{"):
        raise InvalidCall("The field 'json_schema' must be an object.", param="json_schema", code="wrong_type")
    wanted = read_format(draft)
    types = ("text", "json_object", "json_schema")
    _refuse_other_type("json_schema", wanted, types, '{"type": "json_schema", "json_schema": …}')
    schema = _any.decode(unwrapped(given))
    if any(_any.decode(unwrapped(wanted[key])) != schema for key in schema_keys(wanted)):
        raise _conflict("json_schema", "'json_schema' and the schema in 'response_format' differ. Send one of them.")
    envelope = given if _is_wrapper(given) else Raw(_encode({"name": "response", "schema": given}))
    draft.change(
        "json_schema",
        json_schema=None,
        response_format=_encode({"type": "json_schema", "json_schema": envelope}),
    )


def grammar_lines(draft: Draft) -> None:
    """A grammar's continuation lines are joined, one rule a line: Fireworks reads no others."""
    wanted = read_format(draft)
    text = _any.decode(wanted["grammar"]) if format_type(wanted) == "grammar" and "grammar" in wanted else None
    if not isinstance(text, str):
        return
    joined = join_rules(text)
    if joined != text:
        draft.change("grammar_lines", response_format=_encode({**wanted, "grammar": joined}))


FORMAT_RULES = (schema_text, grammar, json_schema)
"""In this order: a schema's text has to be an object before it can be told from its envelope."""


def read_format(draft: Draft) -> ResponseFormat:
    """The field as an object; empty where it is absent or ``null``."""
    raw = draft.current("response_format")
    if raw is UNSET:
        return {}
    try:
        return _object.decode(raw)
    except msgspec.ValidationError:
        raise InvalidCall(
            'The field \'response_format\' must be an object, such as {"type": "json_object"}.',
            param="response_format",
            code="wrong_type",
        ) from None


def format_type(wanted: ResponseFormat) -> Any:
    """The ``type`` of a response format, which is a string if it means anything; ``None`` where it has none."""
    return _any.decode(wanted["type"]) if "type" in wanted else None


def schema_keys(wanted: ResponseFormat) -> list[str]:
    """Where schemas stand: ``schema`` is Fireworks' older spelling, ``json_schema`` OpenAI's."""
    return [key for key in ("schema", "json_schema") if key in wanted and bytes(wanted[key]) != b"null"]


def _is_wrapper(schema: Raw) -> bool:
    if not bytes(schema).startswith(b"{"):
        return False
    keys = _object.decode(schema).keys()
    return "schema" in keys and keys <= _WRAPPER_KEYS


def unwrapped(schema: Raw) -> Raw:
    """The schema itself, out of OpenAI's envelope if it is in one."""
    return _object.decode(schema)["schema"] if _is_wrapper(schema) else schema


def _schema_parsed(schema: Raw, place: str) -> Raw:
    """``schema`` with a text where an object belongs parsed; the same object where there is nothing to parse."""
    if bytes(schema).startswith(b'"'):
        schema = _parsed_text(schema, place)
    if _is_wrapper(schema) and bytes(inner := unwrapped(schema)).startswith(b'"'):
        return Raw(update(bytes(schema), {"schema": bytes(_parsed_text(inner, f"{place}.schema"))}))
    return schema


def _parsed_text(raw: Raw, place: str) -> Raw:
    text = str(_any.decode(raw)).strip().encode()
    try:
        _object.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidCall(
            f"The text in '{place}' is not a JSON schema ({error}). Send the schema as an object, or as its JSON text.",
            param=place,
            code="invalid_json_schema",
        ) from None
    if depth(text) > MAX_DEPTH:
        raise InvalidCall(
            f"The schema in '{place}' nests deeper than {MAX_DEPTH} levels.", param=place, code="too_deep"
        )
    return Raw(text)


def _refuse_other_type(name: str, wanted: ResponseFormat, types: tuple[str, ...], instead: str) -> None:
    given = format_type(wanted)
    if given is not None and given not in types:
        raise _conflict(
            "response_format",
            f"'{name}' is given together with a response_format of type '{given}'. "
            f"Send only '{name}', or response_format {instead}.",
        )


def _conflict(param: str, message: str) -> InvalidCall:
    return InvalidCall(message, param=param, code="conflicting_fields")
