"""The receipts for the tricks on a call's way through edge and wire: what each saves, in µs, beside the plain way.

Every row names the place in the code that quotes it. Figures are the best of several rounds on this machine; the
ratio of a row is what holds elsewhere.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

import httptools
import msgspec

from emberway.edge.callers import Callers
from emberway.edge.headers import DECIDING, named, read_options
from emberway.ids import new_id
from emberway.server.repetition import known_head
from emberway.wire.fields import SINGLE_KEYS, depth, read_fields, refuse_repeated_keys, top_level_keys
from emberway.wire.header_lines import header_lines, headers_in
from emberway.wire.tap import Tap, read_answer

BODY = (
    b'{"model":"accounts/fireworks/models/llama-v3p1-405b-instruct","messages":[{"role":"system","content":"You are a '
    b'helpful assistant."},{"role":"user","content":"What is the capital of France? One sentence, please, and say also '
    b'how many people live there today."}],"temperature":0.2}'
)
HEADERS = [
    (b"host", b"127.0.0.1:8787"),
    (b"user-agent", b"OpenAI/Python 2.30.0"),
    (b"accept", b"application/json"),
    (b"content-type", b"application/json"),
    (b"content-length", b"312"),
    (b"authorization", b"Bearer fw_0123456789abcdefghijkl"),
    (b"x-portkey-api-key", b"ew_0123456789ab_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_012345"),
    (b"x-portkey-provider", b"fireworks-ai"),
]
REQUEST = b"POST /v1/chat/completions HTTP/1.1%s\r\n\r\n%s" % (
    header_lines(HEADERS).replace(b"content-length: 312", b"content-length: %d" % len(BODY)),
    BODY,
)
LINES = header_lines([(b"content-type", b"application/json"), *((b"x-portkey-%d" % n, b"value") for n in range(7))])
CHUNK = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1795384800,"model":"m","choices":[{"index":0,'
    b'"delta":{"content":" word"},"finish_reason":null}],"usage":null}\n\n'
)


class Parsed:
    """What our server asks of llhttp for a request."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.parser = httptools.HttpRequestParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self.headers.append((name.lower(), value.rstrip()))

    def read(self) -> dict[bytes, bytes]:
        """The request's headers by name."""
        self.headers = []
        self.parser.feed_data(REQUEST)
        return dict(self.headers)


def micros(work: Callable[[], object]) -> float:
    """Best time of one call, in µs."""
    rounds = 5000
    return min(timeit.repeat(work, number=rounds, repeat=9)) / rounds * 1e6


def row(claim: str, way: Callable[[], object], plain: Callable[[], object]) -> None:
    """Print one comparison."""
    mine, other = micros(way), micros(plain)
    print(f"{claim:58} {mine:8.2f} {other:8.2f} {other / mine:7.1f}x")


def main() -> None:
    """Print the table."""
    by_name = named(HEADERS)
    callers, tap = Callers(), Tap()
    tap.feed(CHUNK, 1.0)
    fields = read_fields(BODY)
    quoted = [b'"%s"' % key.encode() for key in SINGLE_KEYS]
    known = known_head(REQUEST, {"headers": HEADERS})
    assert known is not None
    print(f"{'claim':58} {'µs':>8} {'plain µs':>8} {'saved':>8}")
    row("server/repetition.py: a head known again, not parsed", lambda: known.scope_and_body(REQUEST), Parsed().read)
    row("server/cycle.py: lines sent as they are", lambda: LINES + b"", lambda: header_lines(headers_in(LINES)))
    row(
        "edge/callers.py: headers remembered, not read again",
        lambda: callers.options(by_name, 1.0),
        lambda: read_options([by_name.get(name) for name in DECIDING]),
    )
    row(
        "wire/fields.py: counts written out, not looped over",
        lambda: refuse_repeated_keys(BODY, fields),
        lambda: all(BODY.count(key) < 2 for key in quoted),
    )
    row(
        "wire/fields.py: counts, not a walk over the keys",
        lambda: refuse_repeated_keys(BODY, fields),
        lambda: top_level_keys(BODY),
    )
    row(
        "wire/fields.py: brackets counted before depth is measured",
        lambda: BODY.count(b"{") + BODY.count(b"["),
        lambda: depth(BODY),
    )
    row(
        "wire/tap.py: a chunk without news is searched, not read",
        lambda: tap.feed(CHUNK, 1.0),
        lambda: tap._read(CHUNK),
    )
    row(
        "wire/tap.py: a typed reading, not a whole one",
        lambda: read_answer(CHUNK[6:]),
        lambda: msgspec.json.decode(CHUNK[6:]),
    )
    row("ids.py: randomness fetched for many ids at once", new_id, lambda: __import__("uuid").uuid4())


if __name__ == "__main__":
    main()
