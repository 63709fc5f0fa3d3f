"""Claim: no pattern that is taken costs more than 20 ms on any text, and an everyday condition costs microseconds.

Three tables: patterns over texts of 64 KiB that are made to hurt, beside what the plain use of RE2 costs; what it takes
to compile a pattern, and how much of that to ask whether it has few states; whole queries over a usual call.
"""

from __future__ import annotations

import random
import timeit
from collections.abc import Callable, Mapping
from typing import Any

import re2

from emberway.routing.condition import compile_query
from emberway.routing.javascript import BadPattern, read
from emberway.routing.patterns import MOST_STEPS, compile_pattern
from emberway.routing.states import has_few_states

SIZE = 64 * 1024
KEYWORDS = "urgent|important|critical|emergency|asap|python|javascript|typescript|golang|kubernetes|exception|refactor"
PATTERNS = (
    "urgent|asap", rf"(?i)\b({KEYWORDS})\b", r"^[^@\s]+@acme\.com$", r"(create|write)\s+(a\s+)?class.*(python|java)",
    "(a+)+$", r"^(([a-z])+.)+[A-Z]([a-z])+$", "(a|b)*a(a|b){12}c", "a[ab]{30}c", "(a|b)*a(a|b){200}c", "a.{40}!",
    "a" + "." * 300, r"(?:\bx?){200}", "(?:a?b?){100}c", "(a{0,5}){0,50}!",
)  # fmt: skip
QUERIES: Mapping[str, Any] = {
    "one equal": {"metadata.plan": "pro"},
    "one of a hundred": {"metadata.plan": {"$in": [f"plan-{at}" for at in range(100)]}},
    "two in $or": {"$or": [{"metadata.plan": "team"}, {"params.max_tokens": {"$gt": 1000}}]},
    "a path into the body": {"params.messages[1].role": "user"},
    "a pattern on a message": {"params.messages[1].content": {"$regex": rf"(?i)\b({KEYWORDS})\b"}},
    "a whole list": {"params.messages": {"$ne": None}},
}


class Known:
    """A usual call."""

    metadata: Mapping[str, Any] = {"user": "u-1234567890", "plan": "pro"}
    params: Mapping[str, Any] = {
        "max_tokens": 256,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "What is the capital of France? " * 10},
        ],
    }
    path = "/v1/chat/completions"
    caller = "key_0123456789ab"

    def header(self, name: str) -> str | None:
        """None."""
        return None


def main() -> None:
    """Print the three tables."""
    chance = random.Random(1)
    texts = ["a" * SIZE, *("".join(chance.choices(of, k=SIZE)) for of in ("ab", "ab 1\n", "aé漢b", "urgentasp "))]
    print(f"{'pattern':60}{'ms, 64 KiB':>12}{'RE2 alone':>12}")
    for pattern in PATTERNS:
        print(f"{pattern[:58]:60}{_worst(_taken(pattern), texts):>12}{_worst(_plain(pattern), texts):>12}")
    print(f"\n{'pattern':60}{'ms, compile':>12}{'few states':>12}")
    for pattern in PATTERNS:
        print(f"{pattern[:58]:60}{_ms(lambda p=pattern: _taken(p), 3):12.2f}{_asked(pattern):>12}")
    print(f"\n{'query':60}{'µs':>12}")
    for name, query in QUERIES.items():
        examine = compile_query(query, "$")
        print(f"{name:60}{_ms(lambda examine=examine: examine(Known()), 2_000) * 1e3:12.2f}")


def _taken(pattern: str) -> Callable[[str], object] | None:
    try:
        return compile_pattern(pattern)
    except BadPattern:
        return None


def _plain(pattern: str) -> Callable[[str], object]:
    options = re2.Options()
    options.log_errors = False
    search: Callable[[str], object] = re2.compile(pattern, options).search
    return search


def _worst(found: Callable[[str], object] | None, texts: list[str]) -> str:
    return "refused" if found is None else f"{max(_ms(lambda text=text: found(text), 1) for text in texts):.2f}"


def _asked(pattern: str) -> str:
    node = read(pattern)
    return (
        f"{_ms(lambda: has_few_states(node, MOST_STEPS), 1):.2f} {'yes' if has_few_states(node, MOST_STEPS) else 'no'}"
    )


def _ms(act: Callable[[], object], number: int) -> float:
    return min(timeit.repeat(act, number=number, repeat=3)) / number * 1e3


if __name__ == "__main__":
    main()
