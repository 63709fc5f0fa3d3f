"""The provider's prompt cache, as far as a client sees it: which prompts begin with what was sent before.

Without a hint where to route it, a call lands on any of many replicas, so nothing is cached; calls that share an
affinity (``prompt_cache_key``, ``user`` or ``x-session-affinity``) meet the same replica. That keeps answers to equal
calls equal.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

CAPACITY = 10_000
"""Prefixes remembered; the oldest is forgotten first."""


class PromptCache:
    """Remembers the prefixes of prompts by affinity; may be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._prefixes: OrderedDict[bytes, None] = OrderedDict()

    def visit(self, affinity: str, parts: Sequence[tuple[str, int]]) -> int:
        """Tokens at the prompt's head that an earlier prompt of this affinity also had; then remember this prompt.

        ``parts`` are the prompt's pieces in order, each with its tokens; the last one always counts as new.
        """
        digest = hashlib.blake2b(affinity.encode("utf-8", "surrogatepass"), digest_size=16)
        cached = total = 0
        for number, (text, tokens) in enumerate(parts, 1):
            digest.update(b"%d:" % len(text) + text.encode("utf-8", "surrogatepass"))
            total += tokens
            prefix = digest.digest()
            if self._remember(prefix) and number < len(parts):
                cached = total
        return cached

    def _remember(self, prefix: bytes) -> bool:
        """Keep a prefix as the newest; whether it was there before."""
        with self._lock:
            known = prefix in self._prefixes
            self._prefixes[prefix] = None
            self._prefixes.move_to_end(prefix)
            if len(self._prefixes) > CAPACITY:
                self._prefixes.popitem(last=False)
            return known
