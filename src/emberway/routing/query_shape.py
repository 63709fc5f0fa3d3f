"""The query of a condition as a shape: read by what compiles it, and its form told in JSON Schema."""

from __future__ import annotations

from typing import Any

from emberway.routing.condition import compile_query, reads_params
from emberway.routing.config_error import Steps, path
from emberway.routing.level import Query
from emberway.routing.shapes import Json


class QueryShape:
    """``{"metadata.plan": {"$eq": "paid"}}``; ``condition.py`` has its rules."""

    def read(self, value: Any, at: Steps) -> Query:
        """The query, compiled."""
        examine = compile_query(value, path(at))
        return Query(examine, reads_params(value))

    def schema(self) -> Json:
        """A reference to QUERY_DEFINITIONS."""
        return {"$ref": "#/$defs/query"}


QUERY = QueryShape()

_NUMBERS: Json = {"type": ["number", "string"], "description": "A number, or a text that begins with one."}
_LIST: Json = {"type": "array"}
_QUERIES: Json = {"type": "array", "items": {"$ref": "#/$defs/query"}}

QUERY_DEFINITIONS: Json = {
    "query": {
        "type": "object",
        "description": "What is asked of the call: all that is written must hold. An empty query always does.",
        "properties": {
            "$and": _QUERIES | {"description": "All of these hold."},
            "$or": _QUERIES | {"description": "One of these holds."},
            "url.pathname": {"$ref": "#/$defs/comparison"},
        },
        "patternProperties": {r"^(?:metadata|params)\.[\s\S]": {"$ref": "#/$defs/comparison"}},
        "additionalProperties": False,
        "examples": [{"metadata.plan": {"$eq": "paid"}}, {"params.temperature": {"$gt": 0.7}}],
    },
    "comparison": {
        "description": "A value to be equal to, or operators that must all hold.",
        "if": {"type": "object"},
        "then": {
            "properties": {
                "$eq": {"description": "Equal, of the same type."},
                "$ne": {"description": "Not equal, or not there."},
                "$gt": _NUMBERS,
                "$gte": _NUMBERS,
                "$lt": _NUMBERS,
                "$lte": _NUMBERS,
                "$in": _LIST | {"description": "One of these."},
                "$nin": _LIST | {"description": "None of these, or not there."},
                "$regex": {"type": "string", "maxLength": 512, "description": "A pattern found anywhere in the text."},
            },
            "additionalProperties": False,
        },
    },
}
