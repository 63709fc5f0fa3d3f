"""Claim: a usual chat call to Fireworks is found to need no rule in well under a microsecond.

Prints the cost of the look that decides it, and of asking every rule in turn instead.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

from emberway.exchange import CallOptions
from emberway.providers.base import Call
from emberway.providers.fireworks import CHAT_RULES
from emberway.providers.fireworks_rules import apply, is_plain_chat
from emberway.wire.fields import read_fields

BODY = (
    b'{"model":"accounts/fireworks/models/llama-v3p1-405b-instruct","messages":['
    b'{"role":"system","content":"You are a helpful assistant."},'
    b'{"role":"user","content":"What is the capital of France?"}],"temperature":0.2,"stream":true}'
)
ROUNDS = 100_000


def main() -> None:
    """Measure both ways, the best of five runs each."""
    fields = read_fields(BODY)
    call = Call("chat", "POST", "/chat/completions", b"", [], CallOptions(), BODY, fields, fields.model)
    assert is_plain_chat(call)
    look = _microseconds(lambda: is_plain_chat(call))
    rules = _microseconds(lambda: apply(CHAT_RULES, call))
    print(f"one look {look:.2f} µs, every rule {rules:.2f} µs, ratio {rules / look:.1f}")


def _microseconds(act: Callable[[], object]) -> float:
    return min(timeit.repeat(act, number=ROUNDS, repeat=5)) / ROUNDS * 1e6


if __name__ == "__main__":
    main()
