"""Brings a JSON Schema into the form that can be kept to, or says why it cannot, in the provider's way.

The provider's rules (documentation of mid 2026, and answers that users reported): bare ``#/$defs/X`` is found
wherever it is nested, external references are not followed, a ``pattern`` with look-around leaves the string free,
annotations and unknown formats are ignored, a sub-schema that says nothing about its type is refused.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from fireworks_emulator.judge import takes_pattern
from fireworks_emulator.vocabulary import FORMATS

Schema = dict[str, Any]

_TELLING = frozenset(
    ("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "properties", "patternProperties", "items")
)
"""Keywords of which one must be there, or the provider "could not understand the instance"."""
_POOLS = ("$defs", "definitions")
_MAPS = ("properties", "patternProperties", *_POOLS)
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLES = ("items", "additionalProperties", "not")
_UNENFORCED = ("unevaluatedProperties", "unevaluatedItems")
_MAX_DEPTH = 64


class Unusable(Exception):
    """The schema cannot be kept to; the message is the part after "JSON Schema not supported: "."""


def prepare(schema: Schema) -> Schema:
    """A copy that means the same to the provider and uses only what can be enforced. Raises Unusable."""
    result: Schema = copy.deepcopy(schema)
    _understand(result)
    for sub in walk(result):
        _refuse(sub)
        _simplify(sub)
    _lift_definitions(result)
    for sub in walk(result):
        _check_reference(sub, result)
    return result


def for_judge(schema: Schema) -> Schema:
    """A copy without what llguidance cannot follow but drafts meet easily; the validator sees to that."""
    result: Schema = copy.deepcopy(schema)
    for sub in walk(result):
        sub.pop("uniqueItems", None)
        if not sub.get("properties", {}).keys() <= set(sub.get("required", ())):
            sub.pop("minProperties", None)
            sub.pop("maxProperties", None)
    return result


def walk(schema: Any, depth: int = 0) -> Iterator[Schema]:
    """The schema and every schema inside it, parents first, in document order. Raises Unusable when too deep."""
    if not isinstance(schema, dict):
        return
    if depth > _MAX_DEPTH:
        raise Unusable(f"nested deeper than {_MAX_DEPTH} levels")
    yield schema
    for child in _children(schema):
        yield from walk(child, depth + 1)


def resolve(reference: str, root: Schema) -> Schema:
    """What ``#``, ``#/$defs/X`` or any other local pointer names. Raises Unusable."""
    found: Any = root
    for raw in reference.removeprefix("#").split("/")[1:]:
        part = raw.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(part)] if isinstance(found, list) else found[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise Unusable(f"$ref '{reference}' names nothing in this schema") from None
    if found is True:
        return {}
    if not isinstance(found, dict):
        raise Unusable(f"$ref '{reference}' does not name a schema")
    return found


def _children(schema: Schema) -> Iterator[Any]:
    for keyword in _MAPS:
        if isinstance(schema.get(keyword), dict):
            yield from schema[keyword].values()
    for keyword in _LISTS:
        if isinstance(schema.get(keyword), list):
            yield from schema[keyword]
    for keyword in _SINGLES:
        yield schema.get(keyword)


def _refuse(schema: Schema) -> None:
    for keyword in ("properties", "patternProperties"):
        if isinstance(schema.get(keyword), dict):
            for member in schema[keyword].values():
                _understand(member)
    for keyword in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(keyword), list):
            for member in schema[keyword]:
                _understand(member)
    if isinstance(schema.get("items"), dict):
        _understand(schema["items"])
    if isinstance(schema.get("enum"), list) and None in schema["enum"]:
        raise Unusable("could not translate the enum None.")


def _understand(schema: Any) -> None:
    if not isinstance(schema, dict) or not _TELLING & schema.keys():
        raise Unusable(f"could not understand the instance `{schema!r}`.")


def _simplify(schema: Schema) -> None:
    for keyword in _UNENFORCED:
        schema.pop(keyword, None)
    if isinstance(schema.get("pattern"), str) and not takes_pattern(schema["pattern"]):
        del schema["pattern"]
    if schema.get("format") not in FORMATS:
        schema.pop("format", None)
    if isinstance(schema.get("items"), list):  # Draft 7's way to write prefixItems
        schema["prefixItems"] = schema.pop("items")
        if "additionalItems" in schema:
            schema["items"] = schema.pop("additionalItems")


def _lift_definitions(root: Schema) -> None:
    """Make every nested definition reachable from the root; the root's own win, then the first in document order."""
    for pool in _POOLS:
        lifted: Schema = {}
        for sub in walk(root):
            if isinstance(sub.get(pool), dict):
                lifted = sub[pool] | lifted if sub is not root else dict(sub[pool])
        if lifted:
            root[pool] = lifted


def _check_reference(schema: Schema, root: Schema) -> None:
    reference = schema.get("$ref")
    if reference is None:
        return
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise Unusable(f"external $ref {reference!r} is not resolved.")
    resolve(reference, root)
