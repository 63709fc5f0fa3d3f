"""Thinks up a JSON value that a schema asks for, as a model with some knowledge of the world would."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fireworks_emulator import judge, vocabulary
from fireworks_emulator.merging import merge
from fireworks_emulator.schemas import Schema, resolve, walk

_SOFT_VALUES = 80
"""Values after which only what is required is added."""
_DEEP = 4
"""Levels after which the flattest branch is taken."""
_MAX_DEPTH = 60
_LEAF_BYTES = 400
_MAX_ITEMS = 20_000
_MAX_LENGTH = 50_000
"""Characters of a text that are thought up in full; whoever asks for more meets the token limit first."""
_ENDLESS = 10**6
_KEYS = ("note", "category", "title", "count", "status", "tag")


class Stuck(Exception):
    """This draft leads nowhere; another one may, or the constraint alone must lead the pen."""


def draft(schema: Schema, rng: random.Random, hints: Mapping[str, str]) -> Any:
    """A JSON value that most likely fits; the caller checks. Raises Stuck, TooCostly."""
    return _Drafter(schema, rng, hints, _reference_heights(schema)).value(schema, "", 0)


@dataclass(slots=True)
class _Drafter:
    root: Schema
    rng: random.Random
    hints: Mapping[str, str]
    heights: dict[str, int]
    """For each ``$ref``: the levels of nesting that what it names needs at the least."""
    written: int = 0
    open_references: list[str] = field(default_factory=list)

    def value(self, schema: Schema, name: str, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise Stuck
        self.written += 1
        before = len(self.open_references)
        try:
            return self.plain_value(self.settled(schema, depth), name, depth)
        finally:
            del self.open_references[before:]

    def settled(self, schema: Schema, depth: int) -> Schema:
        """The schema with references followed, ``allOf`` merged and one branch of each choice taken."""
        for _ in range(_MAX_DEPTH):
            if "$ref" in schema:
                reference = schema["$ref"]
                self.open_references.append(reference)
                schema = merge(_without(schema, "$ref"), resolve(reference, self.root))
            elif "allOf" in schema:
                branches = schema["allOf"]
                schema = _without(schema, "allOf")
                for branch in branches:
                    schema = merge(schema, self.settled(branch, depth) if "$ref" in branch else branch)
            elif "anyOf" in schema or "oneOf" in schema:
                keyword = "anyOf" if "anyOf" in schema else "oneOf"
                schema = merge(_without(schema, keyword), self.branch(schema[keyword], depth))
            else:
                return schema
        raise Stuck

    def branch(self, branches: list[Schema], depth: int) -> Schema:
        heights = [_height(branch, self.heights) for branch in branches]
        if self.is_brief(depth):
            return branches[heights.index(min(heights))]
        weights = [
            0.0 if height >= _ENDLESS else 0.3 if branch.get("type") == "null" else 1.0
            for branch, height in zip(branches, heights, strict=True)
        ]
        if not any(weights):
            raise Stuck
        return self.rng.choices(branches, weights)[0]

    def is_brief(self, depth: int) -> bool:
        return depth >= _DEEP or self.written > _SOFT_VALUES or self.recursion() > 2

    def recursion(self) -> int:
        """How often the reference that is most open is open."""
        return max(map(self.open_references.count, self.open_references), default=0)

    def plain_value(self, schema: Schema, name: str, depth: int) -> Any:
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            hint = self.hints.get(name)
            return hint if hint in schema["enum"] else self.rng.choice(schema["enum"] or self.give_up())
        match self.kind(schema, depth):
            case "object":
                return self.object(schema, depth)
            case "array":
                return self.array(schema, name, depth)
            case "string":
                return self.string(schema, name)
            case "integer":
                return self.integer(schema, name)
            case "number":
                return self.number(schema, name)
            case "boolean":
                return self.rng.random() < 0.6
            case "null":
                return None
            case unknown:
                raise Stuck(unknown)

    def give_up(self) -> list[Any]:
        raise Stuck

    def kind(self, schema: Schema, depth: int) -> str:
        kinds = schema.get("type")
        if isinstance(kinds, list):
            simple = [kind for kind in kinds if kind not in ("object", "array")]
            kinds = self.rng.choice((simple if simple and self.is_brief(depth) else kinds) or self.give_up())
            return str(kinds)
        return str(kinds) if kinds else _implied_kind(schema)

    def object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties: dict[str, Schema] = schema.get("properties", {})
        required: list[str] = schema.get("required", [])
        most = schema.get("maxProperties", _ENDLESS)
        room = most - len(required)
        found = {}
        wanted = {key for key, member in properties.items() if self.wants(member, depth)}
        if not wanted and not required and depth == 0:
            wanted = {key for key, member in properties.items() if _height(member, self.heights) < _ENDLESS}
        for key, member in properties.items():
            if key in required or (key in wanted and room > 0):
                room -= key not in required
                found[key] = self.value(_as_schema(member), key, depth + 1)
        for key in required:
            if key not in properties:
                found[key] = self.value(self.undeclared(schema, key), key, depth + 1)
        self.fill(schema, found, most, depth)
        return found

    def wants(self, member: Schema | bool, depth: int) -> bool:
        if member is False or _height(member, self.heights) >= _ENDLESS:
            return False
        chance = 0.0 if self.is_brief(depth) else 0.85
        return self.rng.random() < chance / (1 + self.recursion())

    def undeclared(self, schema: Schema, key: str) -> Schema:
        """The schema of a property that is not declared."""
        for pattern, member in schema.get("patternProperties", {}).items():
            if judge.matches_pattern(pattern, key):
                return _as_schema(member)
        return _as_schema(schema.get("additionalProperties", True))

    def fill(self, schema: Schema, found: dict[str, Any], most: int, depth: int) -> None:
        """Undeclared properties: as many as must be, and a few where nothing else is declared."""
        least = schema.get("minProperties", 0)
        if (
            not schema.get("properties")
            and schema.get("additionalProperties") is not False
            and not self.is_brief(depth)
        ):
            least = max(least, min(2, most))
        patterns = list(schema.get("patternProperties", {}))
        for attempt in range(least * 3):
            if len(found) >= least:
                return
            if patterns:
                key = self.string({"type": "string", "pattern": self.rng.choice(patterns)}, "")
            else:
                key = _KEYS[attempt] if attempt < len(_KEYS) else f"{self.rng.choice(vocabulary.WORDS)}{attempt}"
            if key not in found:
                found[key] = self.value(self.undeclared(schema, key), key, depth + 1)
        if len(found) < schema.get("minProperties", 0):
            raise Stuck

    def array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        prefix: list[Schema] = schema.get("prefixItems", [])
        items = schema.get("items", True)
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", _ENDLESS)
        if least > _MAX_ITEMS:
            raise Stuck
        wanted = max(least, min(len(prefix), most))
        if items is not False and not self.is_brief(depth) and _height(items, self.heights) < _ENDLESS:
            wanted = min(most, max(wanted, self.rng.randint(1, 1 if self.recursion() > 1 else 3)))
        members = [prefix[place] if place < len(prefix) else _as_schema(items) for place in range(wanted)]
        found: list[Any] = []
        for member in members:
            item = self.value(member, name, depth + 1)
            for _ in range(20 if schema.get("uniqueItems") and item in found else 0):
                item = self.value(member, name, depth + 1)
                if item not in found:
                    break
            if not (schema.get("uniqueItems") and item in found):
                found.append(item)
        return found

    def string(self, schema: Schema, name: str) -> str:
        """A known text that fits, else one written along the constraint."""
        leaf: Schema = {key: schema[key] for key in ("minLength", "maxLength", "pattern", "format") if key in schema}
        if leaf.get("minLength", 0) > _MAX_LENGTH:
            raise Stuck
        if not leaf:
            return self.hints.get(name) or self.rng.choice(self.offers(schema, name))
        ruling = judge.for_schema({"type": "string", **leaf})
        if name in self.hints and ruling.accepts(_as_json(self.hints[name])):
            return self.hints[name]
        offers = [offer for offer in self.offers(schema, name) if ruling.accepts(_as_json(offer))]
        if offers:
            return self.rng.choice(offers)
        written, complete = judge.improvise(ruling, self.rng, _LEAF_BYTES + 4 * leaf.get("minLength", 0))
        if not complete:
            raise Stuck
        return str(json.loads(written))

    def offers(self, schema: Schema, name: str) -> list[str]:
        kind = vocabulary.FORMATS.get(schema.get("format", ""), name)
        known = list(vocabulary.strings(kind))
        least, most = schema.get("minLength", 0), schema.get("maxLength", 60)
        text = (
            vocabulary.sentence(self.rng)
            if least > 12
            else " ".join(vocabulary.words(self.rng, self.rng.randint(1, 3)))
        )
        while len(text) < least:
            text += f". {vocabulary.sentence(self.rng)}"
        cut = text[: max(least, min(most, len(text)))]
        return known if known and any(least <= len(offer) <= most for offer in known) else [cut.strip() or cut, cut]

    def integer(self, schema: Schema, name: str) -> int:
        low, high = _bounds(schema)
        step = schema.get("multipleOf", 1)
        step = step if isinstance(step, int) or float(step).is_integer() else 1
        first, last = self.range_within(math.ceil(low) if low > -math.inf else low, high, name)
        lowest, highest = math.ceil(first / step), math.floor(last / step)
        if lowest > highest:
            lowest = highest = math.ceil(low / step) if low > -math.inf else math.floor(high / step)
        return int(self.rng.randint(lowest, highest) * step)

    def number(self, schema: Schema, name: str) -> float:
        if "multipleOf" in schema:
            step = schema["multipleOf"]
            return float(round(self.integer(_scaled(schema, step), name) * step, 10))
        low, high = _bounds(schema, strict=1e-9)
        first, last = self.range_within(low, high, name)
        for digits in (1, 2, 4, 8):
            found = round(self.rng.uniform(first, last), digits)
            if low <= found <= high:
                return int(found) if found.is_integer() else found
        return (first + last) / 2

    def range_within(self, low: float, high: float, name: str) -> tuple[float, float]:
        """The plausible range for this name, as far as it lies within the bounds."""
        first, last = vocabulary.number_range(name)
        if low <= last and first <= high and max(low, first) <= min(high, last):
            return max(low, first), min(high, last)
        if low > -math.inf:
            return low, min(high, low + 100)
        return max(low, high - 100), high


def _without(schema: Schema, keyword: str) -> Schema:
    return {key: value for key, value in schema.items() if key != keyword}


def _as_schema(schema: Any) -> Schema:
    if schema is False:
        raise Stuck
    return {"type": "string"} if schema is True or not schema else schema


def _as_json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


def _implied_kind(schema: Schema) -> str:
    for kind, keywords in (
        ("object", ("properties", "required", "additionalProperties", "patternProperties", "minProperties")),
        ("array", ("items", "prefixItems", "minItems", "maxItems")),
        ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
    ):
        if any(keyword in schema for keyword in keywords):
            return kind
    return "string"


def _bounds(schema: Schema, strict: float = 1) -> tuple[float, float]:
    """Inclusive bounds; ``strict`` is how far inside an exclusive one must stay."""
    low = schema.get("minimum", -math.inf)
    high = schema.get("maximum", math.inf)
    if "exclusiveMinimum" in schema:
        low = max(low, _inside(schema["exclusiveMinimum"], strict))
    if "exclusiveMaximum" in schema:
        high = min(high, -_inside(-schema["exclusiveMaximum"], strict))
    return low, high


def _inside(bound: float, strict: float) -> float:
    return math.floor(bound) + 1 if strict == 1 else bound + strict * max(1.0, abs(bound))


def _scaled(schema: Schema, step: float) -> Schema:
    low, high = _bounds(schema, strict=1e-9)
    scaled: Schema = {}
    if low > -math.inf:
        scaled["minimum"] = math.ceil(round(low / step, 6))
    if high < math.inf:
        scaled["maximum"] = math.floor(round(high / step, 6))
    return scaled


def _reference_heights(root: Schema) -> dict[str, int]:
    heights = {sub["$ref"]: _ENDLESS for sub in walk(root) if "$ref" in sub}
    while True:
        better = {reference: _height(resolve(reference, root), heights) for reference in heights}
        if better == heights:
            return heights
        heights = better


def _height(schema: Any, references: Mapping[str, int]) -> int:
    """Levels of nesting that a value needs at the least; ``_ENDLESS`` when it cannot be finished."""
    if not isinstance(schema, dict):
        return 0
    height = references[schema["$ref"]] if "$ref" in schema else 0
    for keyword in ("anyOf", "oneOf"):
        if schema.get(keyword):
            height = max(height, min(_height(branch, references) for branch in schema[keyword]))
    for branch in schema.get("allOf", ()):
        height = max(height, _height(branch, references))
    members = [schema.get("properties", {}).get(key, True) for key in schema.get("required", ())]
    members += schema.get("prefixItems", [])
    if schema.get("minItems", 0) > len(schema.get("prefixItems", ())):
        members.append(schema.get("items", True))
    inner = max((1 + _height(member, references) for member in members), default=0)
    kinds = schema.get("type")
    if isinstance(kinds, list) and any(kind not in ("object", "array") for kind in kinds):
        inner = 0
    return min(_ENDLESS, max(height, inner))
