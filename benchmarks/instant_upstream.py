"""An upstream that answers at once: the cheapest chat provider there can be.

``POST`` with ``"stream": true`` in the body streams server-sent events at a set rate, anything else gets a
canned chat completion of about 600 bytes. The answers are fixed because only the cost of what stands between the
load generator and this process is of interest.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import cast

import httptools
import uvloop

ANSWER = (
    b'{"id":"c1c08c27-475e-4f0e-9c53-0b8b4cbb1a6e","object":"chat.completion","created":1795384800,'
    b'"model":"accounts/fireworks/models/llama-v3p1-405b-instruct","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"' + b"The capital of France is Paris. " * 8 + b'"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":24,"completion_tokens":56,"total_tokens":80}}'
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(number: int, last: bool) -> bytes:
    """One event of a chat stream, chunk framing included; ``number`` lets a client notice a lost one."""
    finish, usage = (
        (b'"stop"', b'{"prompt_tokens":24,"completion_tokens":56,"total_tokens":80}') if last else (b"null", b"null")
    )
    data = (
        b'data: {"id":"c1c08c27","object":"chat.completion.chunk","created":1795384800,"model":"m","choices":'
        b'[{"index":0,"delta":{"content":" word%06d"},"finish_reason":%s}],"usage":%s}\n\n' % (number, finish, usage)
    )
    return b"%x\r\n%s\r\n" % (len(data), data)


class InstantUpstream(asyncio.Protocol):
    """One kept-alive connection."""

    def __init__(self, events: int, interval: float) -> None:
        self.events, self.interval = events, interval
        self.loop = asyncio.get_running_loop()
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own class, same methods
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.body = b""

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if b'"stream":true' in self.body or b'"stream": true' in self.body:
            self.transport.write(STREAM_HEAD)
            self.emit(0, self.loop.time())
        else:
            self.transport.write(HEAD + ANSWER)

    def emit(self, number: int, due: float) -> None:
        """Send one event and arrange for the next; each is due by the stream's start, so that delays do not add up."""
        if self.transport.is_closing():
            return
        last = number + 1 == self.events
        self.transport.write(event(number, last))
        if last:
            self.transport.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        elif self.interval:
            due += self.interval
            self.loop.call_at(due, self.emit, number + 1, due)
        else:
            self.loop.call_soon(self.emit, number + 1, due)


async def main(arguments: list[str]) -> None:
    """Serve until killed; print the port once listening."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--events", type=int, default=100, help="events in one stream")
    options.add_argument("--interval", type=float, default=0.0, help="seconds between two events of a stream")
    given = options.parse_args(arguments)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: InstantUpstream(given.events, given.interval), "127.0.0.1", given.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
