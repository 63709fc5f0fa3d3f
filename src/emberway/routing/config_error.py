"""Words an error about a config: where it is, what stands there and what to write instead, but never a credential."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice

from emberway.errors import InvalidConfig
from emberway.wire.json_place import path_text

Steps = tuple[str | int, ...]
"""Keys and positions from the top of a config to a value in it, as they are spelt there."""

LONGEST_SHOWN = 40
"""Characters of a value that a message repeats."""
_LONGEST_KEY = 64
_MOST_LISTED = 10
_MOST_COMPARED = 50
_SEE = "The page docs/reference/config.md lists the fields that there are."

_LIKE_A_CREDENTIAL = re.compile(r"(?=\S{16})(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])\S+")
"""Letters and digits without a gap: a key that ended up in another field is not repeated either."""


def wrong(at: Steps, seen: object, wanted: str, advice: str = "", *, secret: bool = False) -> InvalidConfig:
    """The error for a value that cannot be what it is; ``wanted`` completes "Write …", ``advice`` is a sentence."""
    said = kind_of(seen) if secret else shown(seen)
    subject = f"The config's {path(at)}" if at else "The config"
    if seen is None and at:
        wanted += ", or leave it out"
    return refused(at, f"{subject} is {said}. Write {wanted}.", advice)


def missing(at: Steps, name: str, about: str) -> InvalidConfig:
    """The error for an object that lacks a field; ``about`` says what the field is."""
    return refused((*at, name), f"The config needs {path((*at, name))}: {begun_small(about)}")


def unknown(at: Steps, names: Sequence[str], advice: str | None = None) -> InvalidConfig:
    """The error for a field that there is not, with the nearest of ``names`` where no better ``advice`` is known."""
    if advice is None:
        near = nearest(snake_case(str(at[-1])), names)
        few = f"There are: {', '.join(names)}." if len(names) <= _MOST_LISTED else _SEE
        advice = f"Did you mean '{near}'?" if near else few
    return refused(at, f"The config has no field {path(at)}.", advice)


def refused(at: Steps, sentence: str, advice: str = "") -> InvalidConfig:
    """An error about the value at ``at``, in whatever words."""
    return InvalidConfig(f"{sentence} {advice}".rstrip(), param=path(at))


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of ``words`` that was probably meant."""
    # Few and short ones, because a comparison takes the square of the length: a mistake must stay cheap to explain.
    candidates = [each for each in islice(words, _MOST_COMPARED) if len(each) <= _LONGEST_KEY]
    near = get_close_matches(word[:_LONGEST_KEY], candidates, n=1)
    return near[0] if near else None


def path(at: Steps) -> str:
    """``$.targets[1].weight``; keys of absurd length are cut."""
    return path_text([step[:_LONGEST_KEY] if isinstance(step, str) else step for step in at])


def shown(value: object) -> str:
    """A value as a message repeats it: short, and nothing that looks like a credential."""
    if isinstance(value, str):
        if _LIKE_A_CREDENTIAL.fullmatch(value):
            return f'"{value[:4]}…"'
        return json.dumps(value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}…", ensure_ascii=False)
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return kind_of(value)


def kind_of(value: object) -> str:
    """What sort of JSON value it is, in two words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case "":
            return "an empty text"
        case str():
            return "a text"
        case list():
            return "a list" if value else "an empty list"
        case _:
            return "an object"


def snake_case(name: str) -> str:
    """``onStatusCodes`` → ``on_status_codes``."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower().replace("-", "_")


def camel_case(name: str) -> str:
    """``on_status_codes`` → ``onStatusCodes``."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def begun_small(sentence: str) -> str:
    """The sentence as the second half of another."""
    return sentence[:1].lower() + sentence[1:]
