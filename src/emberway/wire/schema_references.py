"""Judges the references in a JSON Schema: the provider follows those inside the schema, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urljoin

from emberway.wire.schema_walk import Steps, subschemas

Judged = tuple[Steps, str, bool]
"""Where, what, and whether it is certain."""


class References:
    """The references of one schema, and the names in it to which they may lead."""

    def __init__(self, schema: object) -> None:
        self.schema = schema
        self.lifted = False
        """Whether some reference leads somewhere only because the provider lifts definitions; known after judging."""
        self._anchors: set[str] = set()
        self._pooled: set[str] = set()
        """Names under any ``$defs`` or ``definitions``."""
        self._base = schema["$id"] if isinstance(schema, dict) and isinstance(schema.get("$id"), str) else ""
        self._ids: set[str] = set()
        self._rebased = False
        """Whether an inner schema has an ``$id``, so that references inside it count from there."""
        self._leads_on: dict[int, bool] = {}
        """For schemas that are a reference and nothing else: whether the way from there ends."""
        for place, inner in subschemas(schema):
            self._collect(place, inner)

    def judge(self) -> Iterator[Judged]:
        """Yield what is wrong with each reference, also in places that only references lead to."""
        seen: set[int] = set()
        waiting: list[tuple[Steps, object]] = [((), self.schema)]
        while waiting:
            start, schema = waiting.pop()
            for place, inner in subschemas(schema, start):
                if id(inner) in seen:
                    continue
                seen.add(id(inner))
                reference = inner.get("$ref")
                if not isinstance(reference, str):
                    continue
                problem = self._problem(reference) or self._circle(inner)
                if problem is not None:
                    yield (*place, "$ref"), *problem
                target = self._target(reference)
                if target is not None and id(target[1]) not in seen:
                    waiting.append(target)

    def _collect(self, place: Steps, schema: dict[str, Any]) -> None:
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(schema.get(keyword), str):
                self._anchors.add(schema[keyword])
        for keyword in ("$defs", "definitions"):
            if isinstance(schema.get(keyword), dict):
                self._pooled.update(schema[keyword])
        name = schema.get("$id")
        if isinstance(name, str):
            self._ids.add(_join(self._base, name).partition("#")[0])
            self._anchors.add(name.removeprefix("#"))  # draft 6 and 7 wrote anchors this way
            self._rebased = self._rebased or (place != () and not name.startswith("#"))

    def _problem(self, reference: str) -> tuple[str, bool] | None:
        document, _, fragment = reference.partition("#")
        if document and _join(self._base, document) in self._ids:
            return f"`{_short(reference)}` refers by `$id`, which the provider may not follow: use #/$defs/...", False
        if document:
            return (
                f"`{_short(reference)}` lies outside of the schema, and the provider fetches nothing:"
                " put it under $defs and refer to #/$defs/...",
                True,
            )
        if fragment and not fragment.startswith("/"):
            return self._anchor_problem(fragment)
        if self._target(reference) is not None:
            return None
        if self._is_lifted(fragment):
            self.lifted = True
            return None
        return f"`{_short(reference)}` leads nowhere in this schema{self._hint(fragment)}", not self._rebased

    def _anchor_problem(self, name: str) -> tuple[str, bool]:
        if name in self._anchors:
            return f"`#{_short(name)}` refers by anchor, which the provider may not follow: use #/$defs/...", False
        return f"there is no anchor `{_short(name)}` in this schema", not self._rebased

    def _is_lifted(self, fragment: str) -> bool:
        """The provider lifts definitions of inner schemas to the root, so that ``#/$defs/Name`` finds them there.

        Source: its guide to structured responses, as of 2026-07.
        """
        steps = _steps(fragment)
        return len(steps) == 2 and steps[0] in ("$defs", "definitions") and steps[1] in self._pooled

    def _target(self, reference: str) -> tuple[Steps, object] | None:
        """The schema that a reference within the document leads to, with its place."""
        here: Any = self.schema
        place: list[str | int] = []
        for step in _steps(reference.partition("#")[2]):
            if isinstance(here, list) and step.isdecimal() and int(step) < len(here):
                here = here[int(step)]
                place.append(int(step))
            elif isinstance(here, dict) and step in here:
                here = here[step]
                place.append(step)
            else:
                return None
        return (tuple(place), here) if isinstance(here, dict | bool) else None

    def _circle(self, schema: dict[str, Any]) -> tuple[str, bool] | None:
        """Follow references from one that stands alone; each schema is passed once in all, so this is linear."""
        passed: list[int] = []
        here: object = schema
        while isinstance(here, dict) and here.keys() == {"$ref"} and isinstance(here["$ref"], str):
            if id(here) in self._leads_on:
                break
            self._leads_on[id(here)] = False  # until the end is found
            passed.append(id(here))
            target = self._target(here["$ref"]) if here["$ref"].startswith("#") else None
            here = target[1] if target is not None else None
        leads_on = self._leads_on.get(id(here), True)
        self._leads_on.update(dict.fromkeys(passed, leads_on))
        if leads_on or not passed:
            return None
        return "this reference leads back to itself through references alone", False

    def _hint(self, fragment: str) -> str:
        name = _steps(fragment)[-1] if fragment else ""
        return f": did you mean `#/$defs/{_short(name)}`?" if name in self._pooled else ""


def _steps(fragment: str) -> list[str]:
    """The keys of a JSON pointer (RFC 6901) in a URI fragment."""
    return [step.replace("~1", "/").replace("~0", "~") for step in unquote(fragment).split("/")[1:]]


def _join(base: str, reference: str) -> str:
    try:
        return urljoin(base, reference)
    except ValueError:  # such as an address with an open bracket
        return reference


def _short(text: str) -> str:
    cut = text if len(text) <= 60 else text[:57] + "..."
    return "".join(each if each.isprintable() else "\ufffd" for each in cut)
