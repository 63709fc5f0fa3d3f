"""Spoils an answer's bytes on their way out, for the faults that do."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Send

from fireworks_emulator.faults import DISTORTIONS, Fault

ERROR_EVENT = (
    b'data: {"error":{"object":"error","type":"server_error","code":"internal_error",'
    b'"message":"The model stopped answering."}}\n\n'
)
"""The shape of a failure after the first byte is not documented; this is the common one."""

GARBAGE = b'data: {"id":"c1c08c27","object":"chat.comple\n\n'


class Cut(Exception):
    """Closes the connection in the middle of an answer: the server drops it when an application raises."""


class Ended(Exception):
    """The answer is over before its writer is done."""


class Distortion:
    """Stands between an application and ``send`` for one answer of status 200; any other passes as it is."""

    def __init__(self, send: Send, fault: Fault | None) -> None:
        self._send = send
        self._fault = fault if fault and fault.name in DISTORTIONS else None
        self._start: Message | None = None
        self._events = 0
        self._streams = False

    async def __call__(self, message: Message) -> None:
        """Pass one ASGI message on, spoilt or not. Raises Cut and Ended."""
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._fault is None:
            await self._send(message)
        elif self._streams:
            await self._event(message, self._fault)
        else:
            await self._whole(message, self._fault)

    async def _begin(self, message: Message) -> None:
        headers = dict(message["headers"])
        self._streams = headers.get(b"content-type", b"").startswith(b"text/event-stream")
        if message["status"] != 200:
            self._fault = None
        if self._fault and not self._streams:
            self._start = message
        else:
            await self._send(message)

    async def _event(self, message: Message, fault: Fault) -> None:
        number, self._events = self._events, self._events + 1
        spoilt = number == int(fault.number(3))
        match fault.name:
            case "slow" if number == 0:
                await asyncio.sleep(fault.number(2))
            case "cut" if spoilt:
                raise Cut
            case "stream-error" if spoilt:
                await self._send({"type": "http.response.body", "body": ERROR_EVENT})
                raise Ended
            case "garbage-json" if spoilt:
                message = {**message, "body": GARBAGE}
            case "empty":
                await self._send({"type": "http.response.body", "body": b""})
                raise Ended
        await self._send(message)

    async def _whole(self, message: Message, fault: Fault) -> None:
        start, self._start = self._start, None
        body: bytes = message.get("body", b"")
        match fault.name:
            case "slow":
                await asyncio.sleep(fault.number(2))
            case "cut":
                await self._pass(start, {**message, "body": body[: len(body) // 2], "more_body": True})
                raise Cut
            case "garbage-json":
                body = body[: len(body) // 2] + b'}{"'
                start = start and _sized(start, len(body))
            case "empty":
                body = b""
                start = start and _sized(start, 0)
        await self._pass(start, {**message, "body": body})

    async def _pass(self, start: Message | None, message: Message) -> None:
        if start:
            await self._send(start)
        await self._send(message)


def _sized(start: Message, size: int) -> Message:
    kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    return {**start, "headers": [*kept, (b"content-length", b"%d" % size)]}
