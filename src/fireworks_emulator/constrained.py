"""Constrained generation: texts that keep to a grammar or a schema, for ``response_format`` and tool calls."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

import jsonschema_rs

from fireworks_emulator import derivation, drafting, gbnf, judge, schemas

lines_are_rules = gbnf.lines_are_rules

_BYTES_PER_TOKEN = 4
_LONGEST_GRAMMAR = 150_000
"""Characters; grammars that programs write for large schemas stay below a third of it."""
_DRAFTS = 6
_ANYTHING = {"type": "object", "additionalProperties": True}
_NO_HINTS: Mapping[str, str] = MappingProxyType({})


class Unsupported(Exception):
    """The grammar or schema cannot be kept to; the message is meant for the client, with status 400."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What the emulated model wrote. ``complete`` False: the token limit came first (finish reason ``length``)."""

    text: str
    complete: bool


def from_grammar(grammar: str, rng: random.Random, max_tokens: int) -> Generated:
    """A text that the GBNF grammar's ``root`` derives. Raises Unsupported."""
    if len(grammar) > _LONGEST_GRAMMAR:
        raise Unsupported(judge.TOO_COSTLY)
    try:
        rules = gbnf.parse(grammar)
        ruling = judge.for_rules(rules)
        text, complete = derivation.derive(rules, rng, max_tokens * _BYTES_PER_TOKEN)
        fits = ruling.follows(text.encode(), to_the_end=complete)
    except (gbnf.GrammarError, judge.TooCostly, judge.Refused) as error:
        raise Unsupported(str(error)) from None
    assert fits, "two readings of one grammar disagree"
    return Generated(text, complete)


def from_schema(
    schema: schemas.Schema | bool, rng: random.Random, max_tokens: int, hints: Mapping[str, str] = _NO_HINTS
) -> Generated:
    """Compact JSON that the schema accepts; ``hints``: property name to text, used where the schema allows it.

    The emulated model drafts a value, and the draft stands when both llguidance and a validator take it. Otherwise the
    constraint alone leads the pen, as it would with a model that has nothing to say. Raises Unsupported.
    """
    if schema is True:
        return any_json(rng, max_tokens)
    if schema is False:
        raise Unsupported("JSON Schema not supported: could not understand the instance `False`.")
    try:
        prepared = schemas.prepare(schema)
        return _fitting(prepared, rng, max_tokens * _BYTES_PER_TOKEN, hints)
    except (schemas.Unusable, judge.Refused) as error:
        raise Unsupported(f"JSON Schema not supported: {error}") from None
    except judge.TooCostly as error:
        raise Unsupported(str(error)) from None
    except RecursionError:
        raise Unsupported("JSON Schema not supported: nested too deep") from None


def any_json(rng: random.Random, max_tokens: int) -> Generated:
    """A small JSON object, for ``{"type": "json_object"}`` without a schema."""
    return _clipped(_compact(drafting.draft(_ANYTHING, rng, _NO_HINTS)), max_tokens * _BYTES_PER_TOKEN)


def _fitting(schema: schemas.Schema, rng: random.Random, limit: int, hints: Mapping[str, str]) -> Generated:
    validator = _validator(schema)
    ruling = judge.for_schema(schemas.for_judge(schema))
    for _ in range(_DRAFTS):
        try:
            value = drafting.draft(schema, rng, hints)
        except drafting.Stuck:
            continue
        text = _compact(value)
        if validator.is_valid(value) and ruling.accepts(text.encode()):
            return _clipped(text, limit)
    for _ in range(_DRAFTS):
        written, complete = judge.improvise(ruling, rng, limit)
        text = written.decode(errors="ignore")
        if not complete or validator.is_valid(json.loads(text)):
            return Generated(text, complete)
    raise schemas.Unusable("no text that satisfies it was found.")


def _validator(schema: schemas.Schema) -> jsonschema_rs.Draft202012Validator:
    try:
        return jsonschema_rs.Draft202012Validator(schema, retriever=_refuse_to_fetch)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise schemas.Unusable(str(error).splitlines()[0]) from None


def _refuse_to_fetch(address: str) -> NoReturn:
    raise ValueError(f"{address} is not fetched")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _clipped(text: str, limit: int) -> Generated:
    kept = text.encode()[:limit].decode(errors="ignore")
    return Generated(kept, complete=kept == text)
