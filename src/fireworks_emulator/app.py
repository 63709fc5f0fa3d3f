"""The emulator as one ASGI application: request id, faults, key, routes, and errors in their right shape."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Message, Receive, Scope, Send

from fireworks_emulator import auth, faults, images
from fireworks_emulator.call import Call, Emulator, open_call
from fireworks_emulator.chat import chat
from fireworks_emulator.completions import completions
from fireworks_emulator.distortion import Cut, Distortion, Ended
from fireworks_emulator.embeddings import embeddings
from fireworks_emulator.errors import Refused, envelope_a, envelope_d, envelope_f, envelope_g
from fireworks_emulator.faults import Hang
from fireworks_emulator.messages import messages
from fireworks_emulator.models_list import account_model, account_models, models, serverless_models
from fireworks_emulator.rerank import rerank
from fireworks_emulator.responses import Shelf
from fireworks_emulator.settings import Settings
from fireworks_emulator.streaming import client_left
from fireworks_emulator.transcription import transcriptions, translations

PREFIXES = ("/inference/v1", "/v1")
"""Both are in use: the official client asks below ``/v1`` as soon as its base URL is set."""


class Application:
    """Serves calls to the emulated provider. ``log`` gets one line per call; None for none."""

    def __init__(self, settings: Settings, log: Callable[[str], None] | None = None) -> None:
        self.emulator = Emulator(settings)
        self._log = log
        routes = endpoints()
        self._routes = Router([Mount(prefix, routes=routes) for prefix in PREFIXES], redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        scope["app"] = self
        call = open_call(scope, self.emulator)
        head = _Head(call, send)
        try:
            await self._answer(call, scope, receive, head)
        except Hang:
            await client_left(receive)
        except Ended:
            pass
        finally:
            if self._log:
                spent = (time.perf_counter() - began) * 1000
                self._log(f"{scope['method']} {scope['path']} {call.status or 'no answer'} {spent:.1f} ms")

    async def _answer(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._admit(call, scope)
            await self._routes(scope, receive, send)
        except (Refused, HTTPException) as refusal:
            await _refusal(refusal, call, scope)(scope, receive, send)
        except (Hang, Cut, Ended):
            raise
        except Exception:
            if call.status:
                raise
            traceback.print_exc()
            await envelope_a(500, "Internal server error").response()(scope, receive, send)

    def _admit(self, call: Call, scope: Scope) -> None:
        """Meet the faults that the head asks for, then look at the key. Raises Refused or Hang."""
        headers = Headers(scope=scope)
        scope["path"], fault = faults.cut_from(scope["path"])
        if asked := headers.get(faults.HEADER):
            fault = faults.read(asked)
        if fault:
            call.meet(fault)
        if not images.is_public(scope["path"]):
            call.key = auth.check(headers.get("authorization"), self.emulator.settings.keys)


class _Head:
    """Adds the call's headers to its answer, lets its fault spoil the rest, and notes the status."""

    def __init__(self, call: Call, send: Send) -> None:
        self._call = call
        self._send = send
        self._through: Distortion | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._call.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self._call.id
            self._through = Distortion(self._send, self._call.fault)
        assert self._through is not None, "an answer begins with its head"
        await self._through(message)


def endpoints() -> Sequence[BaseRoute]:
    """Every route below a version prefix."""
    shelf = Shelf()
    return [
        Route("/chat/completions", chat, methods=["POST"]),
        Route("/completions", completions, methods=["POST"]),
        Route("/embeddings", embeddings, methods=["POST"]),
        Route("/rerank", rerank, methods=["POST"]),
        Route("/messages", messages, methods=["POST"]),
        Route("/responses", shelf.create, methods=["POST"]),
        Route("/responses", shelf.page, methods=["GET"]),
        Route("/responses/{id}", shelf.one, methods=["GET"]),
        Route("/responses/{id}", shelf.delete, methods=["DELETE"]),
        Route("/audio/transcriptions", transcriptions, methods=["POST"]),
        Route("/audio/translations", translations, methods=["POST"]),
        *images.routes(),
        Route("/models", models, methods=["GET"]),
        Route("/serverless/models", serverless_models, methods=["GET"]),
        Route("/accounts/{account}/models", account_models, methods=["GET"]),
        Route("/accounts/{account}/models/{model}", account_model, methods=["GET"]),
    ]


def _refusal(refusal: Refused | HTTPException, call: Call, scope: Scope) -> Response:
    """An error in the shape of its endpoint, unless a fault asked for one shape."""
    if isinstance(refusal, HTTPException):
        refusal = envelope_d(refusal.status_code, "Not Found" if refusal.status_code == 404 else "Method Not Allowed")
    elif call.fault is None or not call.fault.name.startswith("shape-"):
        refusal = _dressed(refusal, scope["path"])
    return refusal.response()


def _dressed(refused: Refused, path: str) -> Refused:
    if refused.media_type != "application/json":
        return refused
    if path.endswith("/messages"):
        return envelope_f(refused.status, refused.message, headers=refused.headers)
    if "/v1/accounts/" in path:
        return envelope_g(refused.status, refused.message)
    return refused


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
