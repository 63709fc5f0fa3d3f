"""The emulator's tokenizer: it need not equal any model's, only be lossless, quick and the same everywhere.

A token is an optional leading space with up to seven letters, up to three digits or one other sign; or a run of white
space. English prose comes out at about four characters per token, as with the tokenizers of real models.
"""

from __future__ import annotations

import re
import zlib

VOCABULARY = 128_000
"""Ids are below this, the size of a common open vocabulary."""

_TOKEN = re.compile(r" ?[^\W\d_]{1,7}| ?\d{1,3}| ?[^\s\w]| ?_|\s+")


def split(text: str) -> list[str]:
    """The tokens of a text; joined, they are the text again."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """Number of tokens in a text."""
    return len(split(text))


def token_id(token: str) -> int:
    """The id of a token: stable, but not reversible, and two tokens may share one."""
    return zlib.crc32(token.encode("utf-8", "surrogatepass")) % VOCABULARY


def placeholder(identifier: int) -> str:
    """How a token that arrived as an id is written where text is wanted."""
    return f"<|{identifier}|>"
