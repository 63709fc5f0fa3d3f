from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from emberway.exchange import Exchange, Identity, PromptDetails, Usage
from emberway.telemetry import AccessLog, JsonFormatter, json_line, log_form, pretty_line, set_up_log


def exchange(**fields: Any) -> Exchange:
    return Exchange("id-1", "trace-1", 100.0, "POST", "/v1/chat/completions", status=200, **fields)


FULL: dict[str, Any] = {
    "identity": Identity("0123456789ab", "bootstrap"),
    "provider": "fireworks-ai",
    "model": "accounts/fireworks/models/m",
    "response_model": "m-2",
    "sent": 100.25,
    "answered": 100.75,
    "first_token": 0.5,
    "finish_reason": "stop",
    "changed": ("model_path", "max_tokens"),
    "usage": Usage(7, 5, 12, PromptDetails(3)),
}


class Stream(io.StringIO):
    """Counts how often it is written to and flushed."""

    writes = flushes = 0

    def write(self, text: str, /) -> int:
        self.writes += 1
        return super().write(text)

    def flush(self) -> None:
        self.flushes += 1


@pytest.fixture
def own_log() -> Iterator[logging.Logger]:
    """Our process's log, left as it was found."""
    log = logging.getLogger("emberway")
    before = log.handlers[:], log.level, log.propagate
    yield log
    log.handlers[:], log.level, log.propagate = before


def test_the_json_line_tells_all_about_an_exchange_in_milliseconds() -> None:
    line = json_line(exchange(**FULL), 1.5, 1_767_225_600.1234)

    assert line.endswith("}\n")
    assert json.loads(line) == {
        "time": 1_767_225_600.123,
        "request_id": "id-1",
        "trace_id": "trace-1",
        "status": 200,
        "ms": 1500.0,
        "method": "POST",
        "path": "/v1/chat/completions",
        "key": "0123456789ab",
        "provider": "fireworks-ai",
        "model": "accounts/fireworks/models/m",
        "response_model": "m-2",
        "upstream_ms": 500.0,
        "first_token_ms": 500.0,
        "usage": {
            "prompt_tokens": 7,
            "completion_tokens": 5,
            "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 3},
        },
        "finish_reason": "stop",
        "changed": ["model_path", "max_tokens"],
    }


def test_the_json_line_leaves_out_what_did_not_happen() -> None:
    known = {"time", "request_id", "trace_id", "status", "ms", "method", "path"}

    assert json.loads(json_line(exchange(), 0.001, 1.0)).keys() == known
    assert json.loads(json_line(exchange(client_gone=True, error="x"), 0.001, 1.0)).keys() - known == {
        "client_gone",
        "error",
    }


def test_a_provider_that_answers_at_once_is_told_from_one_that_was_never_asked() -> None:
    asked = exchange(sent=100.25, answered=100.25)

    assert json.loads(json_line(asked, 0.5, 1.0))["upstream_ms"] == 0.0


def test_the_pretty_line_fits_a_terminal() -> None:
    line = pretty_line(exchange(**FULL), 1.5, 0.0)

    assert re.fullmatch(
        r"\d\d:\d\d:\d\d 200 POST /v1/chat/completions fireworks-ai accounts/fireworks/models/m 1500\.0 ms, "
        r"first token 500 ms 7\+5 tokens\n",
        line,
    )


def test_the_pretty_line_tells_of_an_error_and_of_a_client_that_left() -> None:
    one = exchange(error="upstream_timeout", client_gone=True)
    one.status = 0

    assert re.search(r" --- POST .* 20\.0 ms upstream_timeout client gone\n$", pretty_line(one, 0.02, 0.0))


HOSTILE = "gpt\n12:00:00 200 GET /faked \x1b[2J\r\x00\x85\u2028\u202e"


@pytest.mark.parametrize("form", [pretty_line, json_line])
@pytest.mark.parametrize("field", ["model", "path", "provider", "error"])
def test_a_clients_text_cannot_fake_a_line_or_command_a_terminal(form: Any, field: str) -> None:
    one = exchange()
    setattr(one, field, HOSTILE)

    line = form(one, 0.001, 0.0)

    assert len(line.splitlines()) == 1 or form is json_line
    assert line.count("\n") == 1
    assert not set(line) & set("\x1b\r\x00")


def test_text_of_any_language_stays_readable() -> None:
    assert "模型-é" in pretty_line(exchange(model="模型-é"), 0.001, 0.0)


@pytest.mark.parametrize(("on_terminal", "form"), [(True, "pretty"), (False, "json")])
def test_the_log_is_for_people_on_a_terminal_and_for_programs_elsewhere(
    on_terminal: bool, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", Stream())
    monkeypatch.setattr("sys.stderr.isatty", lambda: on_terminal)

    assert log_form("auto") == form
    assert (log_form("pretty"), log_form("json")) == ("pretty", "json")


@pytest.mark.anyio
@pytest.mark.parametrize("form", ["pretty", "json"])
async def test_lines_wait_for_each_other_and_are_written_at_once_in_order(form: Any) -> None:
    stream = Stream()
    log = AccessLog(form, stream)
    for name in ("/a", "/b", "/c"):
        one = exchange()
        one.path = name
        log.write(one, 0.001)
    assert stream.writes == 0

    log.flush()

    assert re.findall(r"/[abc]\b", stream.getvalue()) == ["/a", "/b", "/c"]
    assert (stream.writes, stream.flushes, stream.getvalue().count("\n")) == (1, 1, 3)


@pytest.mark.anyio
async def test_lines_are_written_soon_without_being_asked_for() -> None:
    written = asyncio.Event()

    class Waking(Stream):
        def flush(self) -> None:
            written.set()

    stream = Waking()
    log = AccessLog("json", stream)

    for _ in range(2):  # the second time shows that the clock is wound again
        written.clear()
        log.write(exchange(), 0.001)
        async with asyncio.timeout(5):
            await written.wait()
    assert stream.writes == 2


def test_a_flush_without_lines_writes_nothing() -> None:
    stream = Stream()
    AccessLog("json", stream).flush()

    assert (stream.writes, stream.flushes) == (0, 0)


def test_the_process_log_in_json_keeps_a_traceback_on_its_line(
    own_log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_log("json")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        own_log.exception("request %s failed", "id-1")

    (line,) = capsys.readouterr().err.splitlines()
    fields = json.loads(line)
    assert (fields["level"], fields["message"]) == ("error", "request id-1 failed")
    assert fields["traceback"].endswith("ValueError: two\nlines")


def test_the_process_log_says_when_in_utc() -> None:
    record = logging.LogRecord("emberway", logging.INFO, "x", 1, "started", None, None)
    record.created = 0.0

    assert json.loads(JsonFormatter().format(record)) == {
        "time": "1970-01-01T00:00:00Z",
        "level": "info",
        "message": "started",
    }


def test_setting_the_log_up_twice_does_not_double_its_lines(
    own_log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_log("json")
    set_up_log("pretty")
    own_log.info("started")
    own_log.debug("a detail")

    assert capsys.readouterr().err == "INFO started\n"
