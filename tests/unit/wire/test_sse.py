"""The error event ends a broken stream in the one form on which every official client raises."""

from __future__ import annotations

import msgspec

from emberway.wire.sse import error_event


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
