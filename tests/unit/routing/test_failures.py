"""Which outcomes speak against a target, and how many of them are too many."""

from __future__ import annotations

import pytest

from emberway.errors import BadAnswer, ConnectFailed, UpstreamBusy, UpstreamError, UpstreamTimeout
from emberway.routing.base import Answered, Failed
from emberway.routing.failures import LEAST, PATIENT, STREAK, Failures, is_failure
from emberway.routing.latency import Latencies

NEW = Latencies()


def slow(usual: float) -> Latencies:
    latencies = Latencies()
    for _ in range(30):
        latencies.add(usual)
    return latencies


def failed(error: type[UpstreamError], code: str | None = None) -> Failed:
    return Failed(error.status, code or error.default_code)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_every_status_from_500_on_speaks_against_the_target(status):
    assert is_failure(Answered(status), 0.0, NEW) is True


@pytest.mark.parametrize("status", [200, 204, 246, 301, 400, 401, 404, 408, 429, 446])
def test_every_other_answer_shows_that_the_target_is_alive(status):
    assert is_failure(Answered(status), 0.0, NEW) is False


@pytest.mark.parametrize(
    "outcome",
    [
        failed(ConnectFailed),
        failed(ConnectFailed, "upstream_tls"),
        failed(BadAnswer),
        failed(BadAnswer, "upstream_closed"),
        failed(UpstreamTimeout, "upstream_connect_timeout"),
    ],
)
def test_no_connection_or_no_whole_answer_speaks_against_the_target(outcome):
    assert is_failure(outcome, 0.0, slow(30.0)) is True


@pytest.mark.parametrize("outcome", [failed(UpstreamBusy), Failed(400, "not_supported"), Failed(401, "missing_key")])
def test_what_we_ourselves_refuse_to_send_says_nothing_about_the_target(outcome):
    assert is_failure(outcome, 100.0, NEW) is None


@pytest.mark.parametrize(
    ("seconds", "latencies", "verdict"),
    [
        (PATIENT, NEW, True),
        (0.001, NEW, None),
        (30.0, slow(29.0), True),
        (2.0, slow(29.0), None),
        (0.1, slow(0.05), True),
    ],
)
def test_a_timeout_counts_only_if_the_target_usually_answers_within_that_time(seconds, latencies, verdict):
    assert is_failure(failed(UpstreamTimeout), seconds, latencies) is verdict


def test_five_failures_in_a_row_are_too_many():
    failures = Failures()

    assert [failures.failed(float(at)) for at in range(STREAK)] == [False] * 4 + [True]


def test_a_success_between_them_begins_the_row_anew():
    failures = Failures()
    for at in range(4):
        failures.failed(float(at))

    failures.succeeded(4.0)

    assert [failures.failed(5.0) for _ in range(4)] == [False] * 4


@pytest.mark.parametrize(
    ("outcomes", "is_too_many"), [("-+" * 9 + "-", False), ("-+" * 9 + "+-", True), ("-++" * 40 + "-", False)]
)
def test_half_of_at_least_twenty_outcomes_are_too_many(outcomes, is_too_many):
    failures = Failures()

    for outcome in outcomes:
        verdict = failures.failed(1.0) if outcome == "-" else failures.succeeded(1.0)

    assert verdict is is_too_many


def test_failures_of_more_than_ten_seconds_ago_no_longer_count():
    failures = Failures()
    for _ in range(LEAST):
        failures.failed(0.0)
    failures.succeeded(0.0)

    assert failures.failed(10.0) is False
