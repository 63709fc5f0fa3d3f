"""The requests of `hostile` as strategies of Hypothesis, which reduces one that fails to the smallest that does.

It prefers what stands first in a list. Free text is put together from single characters and never drawn as a whole:
Hypothesis knows the constants of the code under test, and one of them would make the gateway call a real provider.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from tests.acceptance import hostile, hostile_json
from tests.acceptance.hostile import Request
from tests.acceptance.hostile_json import Hole

_JSON = (b"content-type", b"application/json")
_CHAT = json.dumps(hostile_json.BODIES[0][1]).encode()

_BYTES = st.lists(st.integers(0, 255), max_size=6).map(bytes)
_TEXT = st.lists(st.characters(), max_size=4).map("".join)
_NAMES = st.sampled_from(hostile_json.KEYS).map(bytes.decode) | _TEXT
_ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=3,
)
_FILLINGS = (
    st.sampled_from(hostile_json.VALUES + hostile_json.BROKEN)
    | _ANY_JSON.map(lambda value: json.dumps(value).encode())
    | _BYTES
)
_PLACES = st.sampled_from([(target, hole) for target, holes in hostile_json.SPOILABLE for hole in holes])
_MISSING = st.sampled_from((0, 0, 0, 1, 2, 10, 100))

_NAMES_OF_HEADERS = st.sampled_from(hostile.PORTKEY_HEADERS + hostile.OTHER_HEADERS)
_VALUES_OF_HEADERS = (st.sampled_from(hostile.HEADER_VALUES) | _BYTES).map(
    lambda value: value.translate(None, b"\r\n\0")
)
_CUSTOM_HOSTS = st.tuples(st.just(b"x-portkey-custom-host"), st.sampled_from(hostile.CUSTOM_HOSTS))
_STRANGE_HEADERS = st.lists(
    st.tuples(_NAMES_OF_HEADERS, _VALUES_OF_HEADERS) | _CUSTOM_HOSTS, min_size=1, max_size=3
).map(tuple)

_TARGETS = st.tuples(
    st.sampled_from((b"/", b"http://gateway/")),
    st.lists(st.sampled_from(hostile.PATH_PIECES), max_size=4).map(b"".join),
).map(b"".join)
_PARTS = st.lists(st.sampled_from(hostile.PARTS) | _BYTES, max_size=4).map(b"".join)


def requests() -> st.SearchStrategy[Request]:
    """Requests that are wrong in one part; calls with a wrong body are the most frequent."""
    return bodies() | bodies() | headers() | targets() | uploads()


def bodies() -> st.SearchStrategy[Request]:
    """A call with something else in place of one of its body's values, and perhaps not whole."""

    def spoilt(place: tuple[bytes, Hole], filling: bytes, missing: int, chunked: bool) -> Request:
        target, hole = place
        body = hole.before + filling + hole.after
        return Request(b"POST", target, (_JSON,), body[: max(0, len(body) - missing)], chunked)

    return st.builds(spoilt, _PLACES, _FILLINGS, _MISSING, st.booleans())


def headers() -> st.SearchStrategy[Request]:
    """A good call with up to three headers that are strange by name, value or both."""
    return _STRANGE_HEADERS.map(lambda strange: Request(b"POST", b"/v1/chat/completions", (_JSON, *strange), _CHAT))


def targets() -> st.SearchStrategy[Request]:
    """Any method on a path put together from pieces, with a body where the method has one."""

    def odd(method: bytes, target: bytes) -> Request:
        with_body = method not in (b"GET", b"HEAD")
        return Request(method, target, (_JSON,) if with_body else (), _CHAT if with_body else b"")

    return st.builds(odd, st.sampled_from(hostile.METHODS), _TARGETS)


def uploads() -> st.SearchStrategy[Request]:
    """A multipart body whose parts, boundary and framing do not fit together."""

    def spoilt(target: bytes, kind: bytes, body: bytes, chunked: bool) -> Request:
        return Request(b"POST", target, ((b"content-type", kind),), body, chunked)

    return st.builds(
        spoilt,
        st.sampled_from(hostile.UPLOAD_TARGETS),
        st.sampled_from(hostile.UPLOAD_KINDS),
        _PARTS,
        st.booleans(),
    )
