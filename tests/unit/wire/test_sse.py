"""The error event ends a broken stream in the one form on which every official client raises."""

from __future__ import annotations

import msgspec

from emberway.wire.sse import error_event, name_errors


def test_the_event_is_named_and_carries_the_envelope_in_one_line():
    event = error_event("The provider\nclosed.", "upstream_error", "upstream_closed", inside_event=False)

    name, data, *rest = event.split(b"\n")

    assert name == b"event: error"
    assert msgspec.json.decode(data.removeprefix(b"data: ")) == {
        "error": {
            "message": "The provider\nclosed.",
            "type": "upstream_error",
            "param": None,
            "code": "upstream_closed",
        }
    }
    assert rest == [b"", b""]


def test_an_event_that_was_broken_off_is_ended_first():
    assert error_event("m", "t", "c", inside_event=True).startswith(b"\n\nevent: error\n")


def test_a_providers_unnamed_error_is_named_and_nothing_else_changes():
    before = b'data: {"choices":[]}\n\n'
    error = b'data: {"error":{"message":"overloaded"}}\n\n'

    assert name_errors(before + error, inside_event=False) == before + b"event: error\n" + error
    assert name_errors(error, inside_event=False) == b"event: error\n" + error


def test_text_that_only_looks_like_an_error_event_is_left_alone():
    named = b'event: error\ndata: {"error":{}}\n\n'
    quoted = b'data: {"choices":[{"delta":{"content":"data: {\\"error\\""}}]}\n\n'

    assert name_errors(named, inside_event=False) == named
    assert name_errors(quoted, inside_event=False) == quoted
    assert name_errors(b'data: {"error"', inside_event=True) == b'data: {"error"'
