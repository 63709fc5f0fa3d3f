"""Patterns of ``$regex``: linear in the length of the text, whatever somebody wrote (reliability-security, T17).

RE2 has no back-references and no look-around, which is what makes that possible. What is left that could take long is
a large pattern over a long text, so their product is bounded too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import re2

MOST_BYTES = 512
"""Of a pattern."""
MOST_TEXT = 64 * 1024
"""Bytes of a text that a pattern looks at: the first ones."""
MOST_STEPS = 1_200_000
"""Size of a pattern's program times bytes of text. RE2 takes at most 15 ns a step (measured), so 18 ms."""
MOST_PROGRAM = 300
"""Size of a program: a larger one would look at less than 4,000 bytes."""
_MEMORY = 1 << 20

_UNSUPPORTED = (
    (re.compile(r"\(\?(?:=|!|<=|<!)"), "look-ahead and look-behind are"),
    (re.compile(r"\\(?:[1-9]|k<)"), "back-references are"),
    (re.compile(r"\(\?>"), "atomic groups are"),
)
_NAMED_GROUP = re.compile(r"\(\?<(?![=!])")


class BadPattern(Exception):
    """The pattern cannot be used; the text says why, and what to do."""


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Whether the pattern is found anywhere in a text (JavaScript's ``RegExp.test``, no flags). BadPattern."""
    raw = pattern.encode("utf-8", "surrogatepass")
    if len(raw) > MOST_BYTES:
        raise BadPattern(f"it has {len(raw)} bytes, and at most {MOST_BYTES} are allowed")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(_NAMED_GROUP.sub("(?P<", pattern).encode("utf-8", "surrogatepass"), options)
    except re2.error as error:
        raise BadPattern(_why(pattern, error)) from None
    if compiled.programsize > MOST_PROGRAM:
        raise BadPattern("it is too large once its repetitions are written out; ask for fewer, or use 'contains' words")
    longest = min(MOST_TEXT, MOST_STEPS // max(1, compiled.programsize))
    search = compiled.search

    def found(text: str) -> bool:
        return search(text[:longest].encode("utf-8", "surrogatepass")[:longest]) is not None

    return found


def _why(pattern: str, error: Exception) -> str:
    for what, name in _UNSUPPORTED:
        if what.search(pattern):
            return f"{name} not supported, because they can take for ever; write it without them"
    said = error.args[0] if error.args else b""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return f"it is no regular expression ({text})"
