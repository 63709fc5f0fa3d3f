"""Checks a JSON Schema before it costs money: what cannot be one is refused, what the provider may not take is told.

Nothing here ever opens a connection, whatever a schema refers to. (`jsonschema_rs.meta` must not be used for it: it
fetches the address in ``$schema``.)
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec

from emberway.wire.json_place import path_text, syntax_error
from emberway.wire.schema_references import References
from emberway.wire.schema_walk import MAX_DEPTH, Steps, nests_deeper_than, subschemas

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

MAX_CACHED: Final = 64 * 1024
"""Largest schema whose result is remembered, in bytes."""

_MAX_FINDINGS: Final = 20
_META_SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
_SAYS_WHAT_IT_IS: Final = frozenset(
    {"$ref", "allOf", "anyOf", "const", "enum", "items", "oneOf", "prefixItems", "properties", "type"}
)
"""A schema without any of these is one that the provider answers with "could not understand the instance"."""
_ANNOTATIONS: Final = frozenset({"$comment", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"})
"""Keywords that say nothing about the output: a wrong value breaks the standard, but need not break a compiler."""
_BEYOND_AUTOMATA: Final = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]")
"""Look-around and back-references, which no finite automaton can follow."""


@dataclass(frozen=True, slots=True)
class SchemaFinding:
    """Something wrong with a schema, at a path like ``$.properties.age.type``.

    ``certain``: it is no JSON Schema, or refers to what is not there, so it may be refused. Otherwise it is a doubt:
    the schema goes to the provider, and the caller is told.
    """

    path: str
    reason: str
    certain: bool


def check_schema(schema: object) -> tuple[SchemaFinding, ...]:
    """What is wrong with a decoded schema, the certain first; empty for one that compiles. Never raises.

    A string is taken for the schema's JSON text. Sources: the 2020-12 meta-schema, and for the doubts the provider's
    guide to structured responses with the rejections that were seen (section 3.2 of its specification).
    """
    try:
        schema = parse_schema(schema)
    except ValueError as error:
        return (SchemaFinding("$", str(error), certain=True),)
    found = sorted(_judge(schema), key=lambda judged: not judged[2])
    return tuple(SchemaFinding(path_text(place), reason, sure) for place, reason, sure in found[:_MAX_FINDINGS])


def check_schema_bytes(raw: bytes) -> tuple[SchemaFinding, ...]:
    """The same for a schema's JSON text, remembered, so that a schema that comes again costs a look-up."""
    return _check_remembered(raw) if len(raw) <= MAX_CACHED else _check_bytes(raw)


def parse_schema(value: object) -> object:
    """A schema given as JSON text, decoded; any other value as it is. ValueError for a text that is not JSON.

    The provider takes both forms: ``schema`` and ``json_schema`` are "object or string" on its wire.
    """
    if not isinstance(value, str):
        return value
    problem = syntax_error(value.encode(errors="replace"))
    if problem is not None:
        line, column, reason = problem
        raise ValueError(f"the schema is a text that is not JSON: {reason} (line {line}, column {column})")
    return msgspec.json.decode(value.encode(errors="replace"))


def _check_bytes(raw: bytes) -> tuple[SchemaFinding, ...]:
    problem = syntax_error(raw)
    if problem is not None:
        line, column, reason = problem
        return (SchemaFinding("$", f"not JSON: {reason} (line {line}, column {column})", certain=True),)
    return check_schema(msgspec.json.decode(raw))


_check_remembered = lru_cache(maxsize=256)(_check_bytes)

_Judged = tuple[Steps, str, bool]


def _judge(schema: object) -> Iterator[_Judged]:
    if not isinstance(schema, dict | bool):
        yield (), "a schema is an object, or true or false", True
    elif nests_deeper_than(schema, MAX_DEPTH):
        yield (), f"the schema nests deeper than {MAX_DEPTH} levels, so it was not checked", False
    else:
        references = References(schema)
        judged = [*_standard(schema), *references.judge(), *_provider(schema)]
        yield from judged
        if not judged and not references.lifted:  # only the provider resolves what it lifts
            yield from _compiled(schema)


def _standard(schema: object) -> Iterator[_Judged]:
    """What the meta-schema says, once for each place."""
    told: set[Steps] = set()
    try:
        for error in _meta_schema().iter_errors(schema):
            place = tuple(error.instance_path)
            if place not in told:
                told.add(place)
                yield place, *_explained(error, place, _value_at(schema, place))
    except ValueError as error:  # such as half a surrogate pair, which cannot be written in UTF-8
        yield (), f"the schema cannot be checked: {error}", False


def _explained(error: ValidationError, place: Steps, value: object) -> tuple[str, bool]:
    keyword = next((step for step in reversed(place) if isinstance(step, str)), "")
    if keyword == "type":
        return _wrong_type(value)
    if keyword == "items" and isinstance(value, list):
        return "a list of schemas is the older form: write `prefixItems`", False
    if keyword in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(value, bool):
        return f"true or false is the form of draft 4: write the limit itself as `{keyword}`", False
    if keyword == "$id":
        return "an `$id` with a fragment is the older form of `$anchor`", False
    if keyword in _ANNOTATIONS:
        return f"`{keyword}` has a value that the standard does not allow; it says nothing about the output", False
    if error.kind.name == "uniqueItems":
        return f"`{keyword}` holds the same value twice", False
    if keyword == "required" and isinstance(value, bool):
        return "`required` is a list of names that stands beside `properties`, not inside a property", True
    return _short(error.message), True


def _wrong_type(value: object) -> tuple[str, bool]:
    if isinstance(value, list) and value:
        unknown = [each for each in value if each not in _TYPES]
        if not unknown:
            return "the list names a type twice", False
        value = unknown[0]
    close = difflib.get_close_matches(value.lower()[:20], _TYPES, n=1) if isinstance(value, str) else []
    hint = f"did you mean `{close[0]}`?" if close else f"write one of {', '.join(_TYPES)}, or a list of them"
    return f"{_short(repr(value))} is no type: {hint}", True


def _provider(schema: object) -> Iterator[_Judged]:
    """What the provider is known to refuse or to ignore, although it is valid."""
    for place, inner in subschemas(schema):
        if not _SAYS_WHAT_IT_IS & inner.keys() and not (place and place[-1] == "not"):
            yield place, "no type is given, which the provider may not understand: add `type`", False
        if "not" in inner:
            yield (*place, "not"), "the provider does not understand `not`", False
        values = inner.get("enum")
        if isinstance(values, list) and None in values:
            where = (*place, "enum", values.index(None))
            yield where, "the provider does not understand null in an enum: use anyOf with `type: null`", False
        pattern = inner.get("pattern")
        if isinstance(pattern, str) and _BEYOND_AUTOMATA.search(pattern):
            reason = "the provider ignores look-around and back-references, and leaves the text free"
            yield (*place, "pattern"), reason, False


def _compiled(schema: Any) -> Iterator[_Judged]:
    """A last look, by building a validator."""
    import jsonschema_rs

    plain = {key: value for key, value in schema.items() if key != "$schema"} if isinstance(schema, dict) else schema
    try:
        jsonschema_rs.Draft202012Validator(plain, retriever=_refuse)
    except jsonschema_rs.ValidationError as error:
        yield tuple(error.instance_path), f"the schema does not compile here: {_short(error.message)}", False
    except ValueError as error:
        yield (), f"the schema does not compile here: {_short(str(error))}", False


@cache
def _meta_schema() -> Draft202012Validator:
    from jsonschema_rs import Draft202012Validator  # 25 ms: only who sends a schema pays for it

    return Draft202012Validator({"$ref": _META_SCHEMA}, retriever=_refuse)


def _refuse(address: str) -> NoReturn:
    raise ValueError(f"{address} is not fetched")


def _value_at(schema: Any, place: Steps) -> object:
    for step in place:
        # The validator gives every step that looks like a number as one, also where it is a property's name.
        schema = schema[int(step)] if isinstance(schema, list) else schema[str(step)]
    return schema


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:100]} ... {text[-50:]}"
