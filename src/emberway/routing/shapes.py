"""What the values in a config may look like: a shape reads a JSON value, and says the same rule in JSON Schema.

Both come from one definition, so that the published schema and the gateway cannot come to disagree.
"""

# ruff: noqa: D102 - what the methods of a shape do is said once, in Shape

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from emberway.routing.config_error import Steps, nearest, path, refused, wrong

Json = dict[str, Any]


class Shape(Protocol):
    """A kind of value."""

    def read(self, value: Any, at: Steps) -> Any:
        """``value``, which stands at ``at``, as the house wants it; InvalidConfig if it has another shape."""

    def schema(self) -> Json:
        """What :meth:`read` accepts, as JSON Schema (draft 2020-12)."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is not empty."""

    wanted: str = "a text that is not empty"
    pattern: str = ""
    """What the whole text must match; without anything that dialects of regular expressions read differently."""
    never: str = ""
    """What it must not match."""
    most: int = 256
    """Characters; also so that no pattern has to look at more."""
    secret: bool = False
    """Whether it must not be repeated in a message."""

    def read(self, value: Any, at: Steps) -> str:
        if isinstance(value, str) and len(value) > self.most:
            raise refused(at, f"The config's {path(at)} has {len(value):,} characters. Write at most {self.most:,}.")
        if not isinstance(value, str) or not value or not self._fits(value):
            raise wrong(at, value, self.wanted, secret=self.secret)
        return value

    def _fits(self, value: str) -> bool:
        if self.never and re.fullmatch(self.never, value):
            return False
        return not self.pattern or re.fullmatch(self.pattern, value) is not None

    def schema(self) -> Json:
        said: Json = {"type": "string", "minLength": 1, "maxLength": self.most}
        if self.pattern:
            said["pattern"] = f"^(?:{self.pattern})$"
        if self.never:
            said["not"] = {"pattern": f"^(?:{self.never})$"}
        return said


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, value: Any, at: Steps) -> str:
        if not isinstance(value, str) or value not in self.words:
            near = nearest(value, self.words) if isinstance(value, str) else None
            raise wrong(at, value, self._wanted(), f"Did you mean '{near}'?" if near else "")
        return value

    def _wanted(self) -> str:
        *others, last = [f"'{word}'" for word in self.words]
        return f"{', '.join(others)} or {last}" if others else last

    def schema(self) -> Json:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def read(self, value: Any, at: Steps) -> bool:
        if not isinstance(value, bool):
            raise wrong(at, value, "true or false", _without_quotes(value, ("true", "false")))
        return value

    def schema(self) -> Json:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number within bounds, which may be written with or without a fraction."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    whole: bool = False

    def read(self, value: Any, at: Steps) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not self._fits(value):
            raise wrong(at, value, self._wanted(), _without_quotes(value))
        return int(value) if self.whole else float(value)

    def _fits(self, value: float) -> bool:
        if self.whole and value != int(value):
            return False
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
        )

    def _wanted(self) -> str:
        what = "a whole number" if self.whole else "a number"
        if self.least is not None and self.most is not None:
            return f"{what} from {self.least:,} to {self.most:,}"
        bounds = (
            "" if self.least is None else f" of {self.least:,} or more",
            "" if self.above is None else f" above {self.above:,}",
            "" if self.most is None else f" up to {self.most:,}",
        )
        return what + " and".join(bound for bound in bounds if bound)

    def schema(self) -> Json:
        bounds = {"minimum": self.least, "maximum": self.most, "exclusiveMinimum": self.above}
        return {"type": "integer" if self.whole else "number"} | {
            name: bound for name, bound in bounds.items() if bound is not None
        }


def whole(least: int, most: int | None = None) -> Number:
    """A whole number, ``3`` or ``3.0``: JSON knows no difference."""
    return Number(least, most, whole=True)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list whose items have one shape; read as a tuple."""

    of: Shape
    wanted: str
    """``a list of …``"""
    most: int
    least: int = 0

    def read(self, value: Any, at: Steps) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) < self.least:
            raise wrong(at, value, self.wanted)
        if len(value) > self.most:
            raise refused(at, f"The config's {path(at)} lists {len(value):,}, and at most {self.most:,} are accepted.")
        return tuple([self.of.read(item, (*at, index)) for index, item in enumerate(value)])

    def schema(self) -> Json:
        least = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": self.of.schema(), "maxItems": self.most, **least}


@dataclass(frozen=True, slots=True)
class Verbatim:
    """An object whose fields are nobody's business here."""

    most: int

    def read(self, value: Any, at: Steps) -> Json:
        if not isinstance(value, dict):
            raise wrong(at, value, "an object")
        if len(value) > self.most:
            raise refused(
                at, f"The config's {path(at)} has {len(value):,} fields, and at most {self.most} are accepted."
            )
        return value

    def schema(self) -> Json:
        return {"type": "object", "maxProperties": self.most}


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value but null."""

    def read(self, value: Any, at: Steps) -> Any:
        if value is None:
            raise wrong(at, value, "a value")
        return value

    def schema(self) -> Json:
        return {"not": {"type": "null"}}


@dataclass(frozen=True, slots=True)
class Either:
    """Values of several types, each with a shape of its own."""

    shapes: Mapping[type, Shape]
    wanted: str

    def read(self, value: Any, at: Steps) -> Any:
        shape = self.shapes.get(type(value))
        if shape is None:
            raise wrong(at, value, self.wanted)
        return shape.read(value, at)

    def schema(self) -> Json:
        said: list[Json] = []
        for shape in self.shapes.values():
            if (one := shape.schema()) not in said:
                said.append(one)
        return {"anyOf": said}


@dataclass(frozen=True, slots=True)
class Made:
    """Another shape's value, made into something."""

    of: Shape
    make: Callable[[Any], Any]

    def read(self, value: Any, at: Steps) -> Any:
        return self.make(self.of.read(value, at))

    def schema(self) -> Json:
        return self.of.schema()


@dataclass(frozen=True, slots=True)
class Later:
    """A shape that is defined further down, such as the one that this stands in."""

    shape: Callable[[], Shape]

    def read(self, value: Any, at: Steps) -> Any:
        return self.shape().read(value, at)

    def schema(self) -> Json:
        return self.shape().schema()


@dataclass(frozen=True, slots=True)
class NotHere:
    """A field that is known, and refused because leaving it out would change what the config does."""

    why: str
    """The sentence for whoever wrote it."""

    def read(self, value: Any, at: Steps) -> NoReturn:
        raise refused(at, f"The config's {path(at)} cannot be used: {self.why}")

    def schema(self) -> Json:
        return {"not": {}}


def _without_quotes(value: Any, words: Collection[str] = ()) -> str:
    if isinstance(value, str) and (value in words or re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", value)):
        return "It stands without quotes."
    return ""
