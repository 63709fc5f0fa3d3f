"""Twenty thousand requests that are wrong in every way: each gets an answer, and none of them hurts the next."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from typing import Self

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from tests.acceptance import hostile, hostile_json, hostile_strategies
from tests.acceptance.hostile import Made, Request
from tests.acceptance.process import Served, gateway, said
from tests.acceptance.sockets import Raw, Wire
from tests.acceptance.test_addressing import CAPITAL
from tests.acceptance.wire import call_over_http, credentials

pytestmark = pytest.mark.slow

BATCH = 20
"""Requests under way at the same time, each on a connection of its own."""

COUNTS = {"bodies": 9_000, "headers": 5_000, "targets": 4_000, "uploads": 1_000, "framing": 1_000}
"""Twenty thousand together."""

EXAMPLES = 2_000
"""That Hypothesis tries, of one request or two."""

MAKERS: dict[str, Callable[[Random], Request]] = {
    "bodies": hostile.spoilt_body,
    "headers": hostile.spoilt_headers,
    "targets": hostile.odd_target,
    "uploads": hostile.spoilt_upload,
}

OURS_TO_SAY = {501: "not_implemented_error", 502: "upstream_error", 503: "upstream_error"}
"""The faults that a request may get to see, and the type that its envelope then has."""

HTTPS_TO_SAY = (501, 505)
"""What HTTP itself answers to a transfer coding or a version that a server does not know (RFC 9112 section 6.1)."""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway of its own, so that what it complains of comes from here."""
    with gateway(tmp_path_factory.mktemp("fuzzed"), "--emulator") as served:
        yield served


@pytest.mark.parametrize("part", MAKERS)
def test_a_request_with_a_part_that_is_wrong_gets_one_whole_answer_and_spoils_no_other(
    target: Served, part: str
) -> None:
    dice = Random(f"{part} 1")

    with Lines(target) as lines:
        for batch in in_batches(hostile.distinct(MAKERS[part], dice, COUNTS[part])):
            lines.exchange(batch)

    assert_well(target)


def test_no_two_requests_on_one_connection_break_a_promise_and_else_the_smallest_are_named(target: Served) -> None:
    @settings(max_examples=EXAMPLES)
    @given(st.lists(hostile_strategies.requests(), min_size=1, max_size=2))
    def hold(requests: list[Request]) -> None:
        with Lines(target, 1) as lines:
            for request in requests:
                lines.exchange([request])

    hold()

    assert_well(target)


def test_a_request_that_fails_is_reduced_to_what_makes_it_fail() -> None:
    def fails(request: Request) -> bool:
        return b'"model": -' in request.body

    smallest = find(hostile_strategies.requests(), fails, settings=settings(max_examples=50_000))

    target, good = hostile_json.BODIES[0]
    assert (smallest.method, smallest.target) == (b"POST", target)
    assert fails(smallest)
    assert len(smallest.body) <= len(json.dumps(good | {"model": -1}))


def test_bytes_that_are_no_request_end_in_a_closed_connection_and_no_fault(target: Served) -> None:
    dice = Random("framing 1")

    for batch in in_batches(hostile.distinct(hostile.broken_framing, dice, COUNTS["framing"])):
        wires = [Wire(target.port) for _ in batch]
        for wire, data in zip(wires, batch, strict=True):
            wire.send(data)
        for wire, data in zip(wires, batch, strict=True):
            for answer in wire.everything():
                assert answer.status < 500 or answer.status in HTTPS_TO_SAY, (data, answer)
            wire.close()

    assert_well(target)


def in_batches(items: Iterator[Made]) -> Iterator[list[Made]]:
    """As many at a time as there are connections."""
    while batch := list(islice(items, BATCH)):
        yield batch


def test_clients_that_hang_up_in_mid_answer_leave_no_fault_behind(target: Served) -> None:
    call = json.dumps(CAPITAL | {"stream": True}).encode()
    good = Request(b"POST", b"/v1/chat/completions", ((b"content-type", b"application/json"),), call)
    data = good.encode(login_of(target))

    for number in range(200):
        wire = Wire(target.port)
        wire.send(data[: len(data) - number % 3])
        if number % 3 == 0:
            wire.first_bytes()
        wire.close()

    assert_well(target)


def login_of(target: Served) -> tuple[tuple[bytes, bytes], ...]:
    """The credentials of a good call."""
    return tuple((name.encode(), value.encode()) for name, value in credentials(target).items())


class Lines:
    """Connections that are kept alive from batch to batch, and what has to hold for every answer on them."""

    def __init__(self, target: Served, count: int = BATCH) -> None:
        self._target = target
        self._login = login_of(target)
        self._wires = [Wire(target.port) for _ in range(count)]
        self._number = 0
        self._before: dict[int, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for wire in self._wires:
            wire.close()

    def exchange(self, batch: list[Request]) -> None:
        """Send all requests, then read all answers."""
        traces = [b"fuzz-%d" % (self._number + index) for index in range(len(batch))]
        self._number += len(batch)
        sent = [
            request.encode((*self._login, (b"x-portkey-trace-id", trace)))
            for request, trace in zip(batch, traces, strict=True)
        ]
        for wire, data in zip(self._wires, sent, strict=False):
            wire.send(data)
        for index, (request, trace, data) in enumerate(zip(batch, traces, sent, strict=True)):
            try:
                self._judge(index, request, trace)
            except AssertionError as error:
                before = self._before.get(index, b"")[:1000]
                raise AssertionError(f"{error}\nto {data[:3000]!r}\nafter {before!r}\n{said(self._target)}") from None
            self._before[index] = data

    def _judge(self, index: int, request: Request, trace: bytes) -> None:
        wire = self._wires[index]
        answer = wire.receive(request.method)
        assert b"Traceback" not in answer.body, answer
        assert answer.status < 500 or answer.status in OURS_TO_SAY, answer
        if answer.status >= 400 and request.method != b"HEAD":
            assert_says_why(answer)
        told = answer.headers.get("x-portkey-trace-id", "")
        assert told == trace.decode() or not told.startswith("fuzz-"), f"the answer to another request: {answer}"
        assert answer.closes or wire.is_idle(), f"hung up or went on without saying so after {answer}"
        if answer.closes:
            wire.close()
            self._wires[index] = Wire(self._target.port)


def assert_says_why(answer: Raw) -> None:
    """An error has a typed envelope, unless the server refused it as HTTP and ended the connection."""
    if not answer.body:
        assert answer.closes, answer
        return
    error = json.loads(answer.body)["error"]
    assert error["message"], answer
    assert isinstance(error["message"], str), answer
    if answer.status in OURS_TO_SAY:
        assert error["type"] == OURS_TO_SAY[answer.status], answer
        assert error["code"], answer


def assert_well(target: Served) -> None:
    """The process lives, answers a good call as ever, and has met nothing that it did not expect."""
    assert target.process.poll() is None, said(target)
    answer = call_over_http(target, "/v1/chat/completions", CAPITAL)
    assert "Paris" in answer.json["choices"][0]["message"]["content"]
    assert b"Traceback" not in target.complaints.read_bytes(), said(target)
