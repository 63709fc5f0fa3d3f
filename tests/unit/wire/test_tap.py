"""The tap reads usage, finish reason and first content from a stream however its bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.exchange import NO_USAGE, PromptDetails, Usage
from emberway.wire.tap import MAX_EVENT, Tap, read_answer

STREAM = (
    b'data: {"model":"accounts/fireworks/models/m","choices":[{"index":0,"delta":{"role":"assistant"},'
    b'"finish_reason":null}],"usage":null}\n\n'
    b": a comment\n\n"
    b'data: {"choices":[{"index":0,"delta":{"content":"Par"},"finish_reason":null}],"usage":null}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":24,'
    b'"completion_tokens":2,"total_tokens":26,"prompt_tokens_details":{"cached_tokens":8}}}\n\n'
    b"data: [DONE]\n\n"
)
SEEN = Usage(24, 2, 26, PromptDetails(8))


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.sampled_from([b"\n", b"\r\n"]))
def test_the_same_is_seen_wherever_the_bytes_are_cut(cuts, newline):
    stream = STREAM.replace(b"\n", newline)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    tap = Tap()

    for start, end in itertools.pairwise(edges):
        tap.feed(stream[start:end], 1.0)

    assert (tap.usage, tap.finish_reason, tap.model) == (
        SEEN,
        "stop",
        "accounts/fireworks/models/m" if tap.model else "",
    )
    assert not tap.inside_event


def test_first_content_is_timed_at_the_chunk_that_brought_it():
    tap = Tap()
    events = STREAM.split(b"\n\n")

    for number, event in enumerate(events):
        tap.feed(event + b"\n\n", float(number))

    assert tap.first_content == 2.0


def test_a_usage_chunk_without_choices_is_read():
    tap = Tap()

    tap.feed(b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n', 0.0)

    assert tap.usage == Usage(1, 2, 3)


def test_a_stream_cut_in_the_middle_of_an_event_is_known_to_be_inside_it():
    tap = Tap()

    tap.feed(b'data: {"choices":[{"delta":{"cont', 0.0)

    assert tap.inside_event


@pytest.mark.parametrize("count", ["-5", "1e308", '"many"', "true", "null", "1000000000000"])
def test_a_count_that_no_provider_can_mean_is_taken_as_not_said(count):
    said = read_answer(b'{"usage": {"prompt_tokens": %s, "total_tokens": null}}' % count.encode())

    assert (said.usage or NO_USAGE).prompt is None


def test_an_event_beyond_the_bound_is_not_kept():
    tap = Tap()

    tap.feed(b"data: " + b"x" * (MAX_EVENT + 1), 0.0)
    tap.feed(b"\n\ndata: {}\n\n", 0.0)

    assert tap.inside_event, "whatever follows must first end an event that was not followed"
    assert tap.usage == NO_USAGE


@given(st.binary(max_size=200))
def test_no_bytes_upset_it(noise):
    tap = Tap()

    tap.feed(noise + b'\n\ndata: {"usage": {"prompt_tokens": 1}}\n\n', 0.0)

    assert tap.usage.prompt == 1


def test_content_that_straddles_two_chunks_is_timed_at_the_second():
    tap = Tap()

    tap.feed(b'data: {"choices":[{"delta":{"cont', 1.0)
    tap.feed(b'ent":"Paris"}}]}\n\n', 2.0)

    assert tap.first_content == 2.0
