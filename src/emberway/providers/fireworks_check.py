"""Refuses a grammar or a schema that cannot work before it costs money, and says where it is wrong."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from emberway.errors import InvalidCall
from emberway.providers.fireworks_format import format_type, read_format, schema_keys, unwrapped
from emberway.providers.fireworks_rules import Draft
from emberway.wire.gbnf import check_grammar
from emberway.wire.schema_check import check_schema_bytes

MOST_CHECKED = 16 * 1024
"""Bytes of a grammar or schema that are checked: a worst case of that size holds up other calls for 0.2 s."""


def checked(draft: Draft) -> None:
    """InvalidCall for what certainly cannot work; doubts travel as warnings.

    Changes nothing, and so has no name among the changes. It stands before ``grammar_lines`` among the rules, because
    lines and columns are those of the client's own text.
    """
    wanted = read_format(draft)
    if format_type(wanted) == "grammar" and "grammar" in wanted:
        place = "grammar" if "grammar" in draft.changed else "response_format.grammar"
        _check_grammar(draft, wanted["grammar"], place)
    elif format_type(wanted) in ("json_object", "json_schema"):
        for key in schema_keys(wanted):
            place = "json_schema" if "json_schema" in draft.changed else f"response_format.{key}"
            _check_schema(draft, wanted[key], place)


def _check_grammar(draft: Draft, raw: Raw, place: str) -> None:
    text = msgspec.json.decode(raw)
    if not isinstance(text, str):
        raise InvalidCall(f"The field '{place}' must be a string in GBNF.", param=place, code="wrong_type")
    if _is_too_long(draft, raw, place):
        return
    for finding in check_grammar(text):
        where = f"line {finding.line}, column {finding.column}: {finding.reason}"
        if finding.certain:
            message = f"The grammar in '{place}' cannot work: {where}"
            raise InvalidCall(message, param=place, code="invalid_grammar")
        draft.warnings.append(f"{place}: {where}")


def _check_schema(draft: Draft, raw: Raw, place: str) -> None:
    schema = bytes(unwrapped(raw))
    if _is_too_long(draft, schema, place):
        return
    for finding in check_schema_bytes(schema):
        where = f"{finding.path}: {finding.reason}"
        if finding.certain:
            message = f"The JSON schema in '{place}' cannot work: {where}"
            raise InvalidCall(message, param=place, code="invalid_json_schema")
        draft.warnings.append(f"{place}: {where}")


def _is_too_long(draft: Draft, text: bytes | Raw, place: str) -> bool:
    """Whether ``text`` goes to the provider unchecked; the caller is told."""
    if len(text) <= MOST_CHECKED:
        return False
    draft.warnings.append(f"{place}: longer than {MOST_CHECKED} bytes, so it was not checked before it was sent")
    return True
