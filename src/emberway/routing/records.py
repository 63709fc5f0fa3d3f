"""Objects with a closed set of fields: which there are, how they are spelt, and what they must agree on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple, Protocol

from msgspec import UNSET

from emberway.routing.config_error import Steps, begun_small, camel_case, missing, path, refused, unknown, wrong
from emberway.routing.shapes import Json, Shape


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object."""

    name: str
    shape: Shape
    about: str
    """For the reference page and whoever reads the schema."""
    default: Any = UNSET
    """As JSON: what the absent field stands for."""
    required: bool = False
    examples: tuple[Any, ...] = ()
    also: tuple[str, ...] = ()
    """Further names that it goes by."""


class Found(NamedTuple):
    """What an object was read to be."""

    at: Steps
    values: dict[str, Any]
    """By the fields' names."""
    keys: dict[str, str]
    """As the fields are spelt here, by their names."""

    def steps(self, name: str) -> Steps:
        """Where the field stands, or would stand."""
        return (*self.at, self.keys.get(name, name))


class Rule(NamedTuple):
    """What the fields of one object must agree on, said twice."""

    check: Callable[[Found], None]
    """Raises InvalidConfig."""
    schema: Json


class OpenNames(Protocol):
    """Fields of which only the form of the name is known."""

    def name_of(self, key: str) -> str | None:
        """The field's name if ``key`` spells one."""

    def properties(self) -> Mapping[str, Json]:
        """Patterns of keys, each with what its value may be."""

    def read(self, name: str, value: Any, at: Steps) -> Any:
        """The value for the rest of the house."""


class Record:
    """An object: reads it into what ``make`` makes of its fields, given by name.

    A key may be spelt ``on_status_codes`` or ``onStatusCodes``, unless ``verbatim`` (specification 4). What ``others``
    knows goes to ``make`` as the mapping ``settings``. ``elsewhere`` has an advice for keys that people put here.
    """

    def __init__(
        self,
        name: str,
        about: str,
        fields: Sequence[Field],
        make: Callable[..., Any],
        *,
        rules: Sequence[Rule] = (),
        others: OpenNames | None = None,
        elsewhere: Mapping[str, str] | None = None,
        verbatim: bool = False,
    ) -> None:
        self.name = name
        self.about = about
        self.fields = tuple(fields)
        self._make = make
        self._rules = tuple(rules)
        self._others = others
        self._elsewhere = elsewhere or {}
        self._spellings = {field.name: _spellings(field, verbatim) for field in fields}
        self._by_key = {key: field for field in fields for key in self._spellings[field.name]}

    def read(self, value: Any, at: Steps) -> Any:
        """What was made of the object; InvalidConfig for the first thing that is wrong, in the order of its keys."""
        if not isinstance(value, dict):
            raise wrong(at, value, f"an object: {begun_small(self.about).rstrip('.')}")
        found = Found(at, {}, {})
        settings: dict[str, Any] = {}
        for key, below in value.items():
            field = self._by_key.get(key)
            if field is not None:
                _note(found, field.name, key)
                found.values[field.name] = field.shape.read(below, (*at, key))
            elif self._others is not None and (name := self._others.name_of(key)):
                _note(found, name, key)
                settings[name] = self._others.read(name, below, (*at, key))
            else:
                raise self._unknown((*at, key), key)
        for field in self.fields:
            if field.required and field.name not in found.values:
                raise missing(at, field.name, field.about)
        for rule in self._rules:
            rule.check(found)
        return self._make(**found.values, **({"settings": settings} if settings else {}))

    def _unknown(self, at: Steps, key: str) -> Exception:
        return unknown(at, [field.name for field in self.fields], self._elsewhere.get(key))

    def schema(self) -> Json:
        """A reference to :meth:`definition`, which the whole schema lists under this name."""
        return {"$ref": f"#/$defs/{self.name}"}

    def definition(self) -> Json:
        """The object, closed."""
        rules = [rule.schema for rule in self._rules]
        once = [
            {"not": {"required": list(pair)}}
            for spellings in self._spellings.values()
            for pair in combinations(spellings, 2)
        ]
        said: Json = {
            "type": "object",
            "description": self.about,
            "properties": dict(self._properties()),
            "additionalProperties": False,
        }
        if self._others is not None:
            said["patternProperties"] = dict(self._others.properties())
        if required := [field.name for field in self.fields if field.required]:
            said["required"] = required
        if rules or once:
            said["allOf"] = rules + once
        return said

    def _properties(self) -> Sequence[tuple[str, Json]]:
        properties: list[tuple[str, Json]] = []
        for field in self.fields:
            first, *others = self._spellings[field.name]
            properties.append((first, _property(field)))
            same = {"$ref": f"#/$defs/{self.name}/properties/{first}", "deprecated": True}
            properties.extend((other, dict(same)) for other in others)
        return properties


def needs(first: str, second: str, why: str) -> Rule:
    """The field ``first`` comes with the field ``second``; neither has another spelling."""

    def check(found: Found) -> None:
        if first in found.values and second not in found.values:
            raise refused(
                found.steps(first), f"The config's {path(found.steps(first))} stands without '{second}'. {why}"
            )

    return Rule(check, {"dependentRequired": {first: [second]}})


def one_of(*names: str, about: str) -> Rule:
    """At least one of the fields is there; none has another spelling."""

    def check(found: Found) -> None:
        if not any(name in found.values for name in names):
            raise missing(found.at, names[0], about)

    return Rule(check, {"anyOf": [{"required": [name]} for name in names]})


def only_if(name: str, spellings: Sequence[str], key: str, word: str) -> Rule:
    """The field ``name``, in any of its spellings, is for objects whose ``key`` says ``word``."""

    def check(found: Found) -> None:
        if name in found.values and found.values[key] != word:
            raise refused(
                found.steps(name),
                f"The config's {path(found.steps(name))} is for {key} '{word}', and the {key} here is "
                f"'{found.values[key]}'. Leave it out, or change the {key}.",
            )

    given = {"anyOf": [{"required": [spelling]} for spelling in spellings]}
    return Rule(check, {"if": given, "then": {"properties": {key: {"const": word}}}})


def required_if(name: str, key: str, word: str, about: str) -> Rule:
    """The field ``name`` is there if ``key`` says ``word``."""

    def check(found: Found) -> None:
        if found.values[key] == word and name not in found.values:
            raise missing(found.at, name, about)

    says = {"properties": {key: {"const": word}}, "required": [key]}
    return Rule(check, {"if": says, "then": {"required": [name]}})


def _note(found: Found, name: str, key: str) -> None:
    if name in found.keys:
        raise refused(
            (*found.at, key),
            f"The config's {path((*found.at, key))} is the same field as '{found.keys[name]}' beside it. Write one.",
        )
    found.keys[name] = key


def _spellings(field: Field, verbatim: bool) -> tuple[str, ...]:
    names = (field.name, *field.also)
    return tuple(dict.fromkeys(names if verbatim else (*names, *map(camel_case, names))))


def _property(field: Field) -> Json:
    said = field.shape.schema() | {"description": field.about}
    if field.default is not UNSET:
        said["default"] = field.default
    if field.examples:
        said["examples"] = list(field.examples)
    return said
