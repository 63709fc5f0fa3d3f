"""A path is read once: what is routed on is what goes upstream, and nothing climbs out of the API's root."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.edge.path import MAX_TARGET, ApiPath, read_path
from emberway.errors import InvalidCall, TargetTooLong


@pytest.mark.parametrize(
    ("raw", "below", "wire", "versioned"),
    [
        ("/v1/chat/completions", "/chat/completions", "/chat/completions", True),
        ("/chat/completions", "/chat/completions", "/chat/completions", False),
        ("/v1//chat///completions", "/chat/completions", "/chat/completions", True),
        ("//v1/chat/completions", "/chat/completions", "/chat/completions", True),
        ("/v1/proxy/rerank", "/rerank", "/rerank", True),
        ("/v1/models/accounts%2Ffireworks%2Fmodels%2Fx", "/models/accounts/fireworks/models/x",
         "/models/accounts%2Ffireworks%2Fmodels%2Fx", True),
        ("/v1/models/accounts/fireworks/models/x", "/models/accounts/fireworks/models/x",
         "/models/accounts/fireworks/models/x", True),
        ("/v1/prompts/pp-abc@latest/completions", "/prompts/pp-abc@latest/completions",
         "/prompts/pp-abc@latest/completions", True),
        ("/v1/files/a%20b%25", "/files/a b%", "/files/a%20b%25", True),
        ("/v1", "/", "/", True),
        ("/", "/", "/", False),
        ("/v1/x/..hidden/a..b", "/x/..hidden/a..b", "/x/..hidden/a..b", True),
        ("/v1/gr\u00fc\u00df", "/gr\u00fc\u00df", "/gr%C3%BC%C3%9F", True),
    ],
)  # fmt: skip
def test_usual_spellings(raw, below, wire, versioned):
    assert read_path(raw, b"") == ApiPath(below, wire, versioned)


@pytest.mark.parametrize(
    "raw",
    [
        "/v1/../admin", "/v1/x/../../admin", "/v1/%2e%2e/admin", "/v1/%2E%2e/admin", "/v1/.%2e/admin", "/v1/x/..",
        "/v1/%252e%252e/admin", "/v1/./x", "/v1/..;/admin", "/v1/..%2fadmin", "/v1/..%5cadmin", "/v1/\\admin",
        "/v1/x%5c..%5cadmin", "/v1/x%00", "/v1/x%0d%0aHost:%20evil", "/v1/x\x7f", "/v1/x%0a", "/v1/%zz", "/v1/%f",
        "/v1/%ff", "/v1/%c0%ae%c0%ae/admin", "http://evil/x", "evil:80", "", "*", "/v1/proxy/../../admin",
        "/v1/proxy/%2e%2e/%2e%2e/admin", "/%2e%2e/v1/chat", "/v1/x/%2e", "/v1/x%09y", "/v1/..%3b/x",
    ],
)  # fmt: skip
def test_a_path_that_could_mean_another_is_refused(raw):
    with pytest.raises(InvalidCall):
        read_path(raw, b"")


def test_a_target_beyond_the_bound_is_refused_with_its_size():
    with pytest.raises(TargetTooLong, match=str(MAX_TARGET)):
        read_path("/v1/" + "x" * MAX_TARGET, b"")


@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=60))
def test_what_passes_has_no_way_up_and_nothing_that_is_not_printable(tail):
    try:
        path = read_path("/v1/" + tail, b"")
    except InvalidCall:
        return

    assert path.wire.startswith("/")
    assert path.wire.isascii()
    assert path.wire.isprintable()
    assert " " not in path.wire
    assert ".." not in path.wire.split("/")
    assert ".." not in path.below.split("/")
    assert "//" not in path.below
