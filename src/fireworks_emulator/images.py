"""The picture endpoints: the older API by model and size, FLUX at once, and FLUX Kontext in two steps.

The paths ``control_net``, ``canny_edge_detection`` and ``qr_code`` of the older API are not emulated and answer 404.
"""

from __future__ import annotations

import base64
import binascii
import random
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from anyio import to_thread
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fireworks_emulator.call import Call, call_of, read_body
from fireworks_emulator.catalogue import Model
from fireworks_emulator.errors import envelope_a, envelope_d
from fireworks_emulator.image_desk import Desk, Outcome
from fireworks_emulator.image_requests import (
    ASPECTS,
    JPEG,
    JSON,
    PNG,
    TEXT_FIELDS,
    Ask,
    Flux,
    Generation,
    ImageToImage,
    Kontext,
    Size,
    answer_type,
    nearest,
)
from fireworks_emulator.validation import convert, invalid, parse

PUBLIC = "/emulated-images/"
"""Where finished Kontext pictures lie, below the version prefix; such addresses work without a key."""

FILTER_WORD = "forbidden"
"""What the emulated safety check objects to."""

_NOT_EMULATED = ("/control_net", "/canny_edge_detection", "/qr_code")
_ALL_TOLERATED = 6
"""The ``safety_tolerance`` at which Kontext moderates nothing."""


def routes(clock: Callable[[], float] = time.monotonic) -> list[Route]:
    """Every picture endpoint, relative to a version prefix, with a memory of its own for what Kontext is asked."""
    desk = Desk(clock)
    return [
        Route("/image_generation/{model:path}/image_to_image", image_to_image, methods=["POST"]),
        Route("/image_generation/{model:path}", generate, methods=["POST"]),
        Route("/workflows/{model:path}/text_to_image", text_to_image, methods=["POST"]),
        Route("/workflows/{model:path}/get_result", partial(get_result, desk), methods=["POST"]),
        Route("/workflows/{model:path}", partial(submit, desk), methods=["POST"]),
        Route(PUBLIC + "{id}", partial(download, desk), methods=["GET"]),
    ]


def is_public(path: str) -> bool:
    """Whether a path needs no key: the address of a picture is handed on to whoever shall see it."""
    prefix, found, identity = path.partition(PUBLIC)
    return bool(found) and prefix.endswith("/v1") and "/" not in identity


async def generate(request: Request) -> Response:
    """The older API: ``POST /image_generation/{model}``."""
    name = request.path_params["model"]
    if name.endswith(_NOT_EMULATED):
        raise envelope_d(404, "Not Found")
    call = call_of(request)
    _model(call, name, "image_generation")
    return await _older(request, call, parse(await read_body(request), Generation), None)


async def image_to_image(request: Request) -> Response:
    """The older API with a picture to start from, as a multipart form."""
    call = call_of(request)
    _model(call, request.path_params["model"], "image_generation")
    fields, original = await _form(request)
    return await _older(request, call, convert(fields, ImageToImage), original)


async def text_to_image(request: Request) -> Response:
    """FLUX: ``POST /workflows/{model}/text_to_image``."""
    call = call_of(request)
    _model(call, request.path_params["model"], "text_to_image")
    asked = parse(await read_body(request), Flux)
    kind = answer_type(request.headers.get("accept"), JPEG)
    inner = answer_type(request.headers.get("json-return-image-accept"), PNG)
    painting = _Painting(
        asked.prompt,
        ASPECTS[asked.aspect_ratio or "1:1"],
        _seeds(asked.seed, asked.samples, call, kind),
        inner if kind == JSON else kind,
        is_filtered=_is_filtered(asked.prompt, asked.safety_check),
        quality=_quality(request),
    )
    pictures = await painting.pictures()
    if kind != JSON:
        return _binary(pictures[0], painting)
    finish = {"finishReason": painting.finish, "seed": painting.seeds[0]}
    return _json({"id": call.id, "base64": [base64.b64encode(picture).decode() for picture in pictures], **finish})


async def submit(desk: Desk, request: Request) -> Response:
    """FLUX Kontext, first step: take the work and give its number."""
    call = call_of(request)
    _model(call, request.path_params["model"], "kontext")
    asked = parse(await read_body(request), Kontext)
    original = _decoded(asked.input_image) if asked.input_image else None
    size = ASPECTS[asked.aspect_ratio] if asked.aspect_ratio else _natural_size(original)
    mime = PNG if asked.output_format == "png" else JPEG
    painting = _Painting(asked.prompt, size, _seeds(asked.seed, 1, call, mime), mime, original=original)
    moderated = FILTER_WORD in asked.prompt.lower() and asked.safety_tolerance != _ALL_TOLERATED
    desk.put(call.id, Outcome(mime, None if moderated else (await painting.pictures())[0]))
    return _json({"request_id": call.id})


async def get_result(desk: Desk, request: Request) -> Response:
    """FLUX Kontext, second step: where the work stands."""
    _model(call_of(request), request.path_params["model"], "kontext")
    asked = parse(await read_body(request), Ask)
    status, progress = desk.ask(asked.id)
    sample = {"sample": _address(request, asked.id)} if status == "Ready" else None
    return _json({"id": asked.id, "status": status, "result": sample, "progress": progress, "details": None})


async def download(desk: Desk, request: Request) -> Response:
    """A finished picture, while it lasts."""
    outcome = desk.fetch(request.path_params["id"])
    if outcome is None or outcome.picture is None:
        raise envelope_d(404, "Not Found")
    return Response(outcome.picture, media_type=outcome.mime)


@dataclass(frozen=True, slots=True)
class _Painting:
    """What is to be painted, once per seed."""

    prompt: str
    size: Size
    seeds: list[int]
    mime: str
    is_filtered: bool = False
    quality: int = 85
    original: bytes | None = None
    strength: float = 0.5

    @property
    def finish(self) -> str:
        return "CONTENT_FILTERED" if self.is_filtered else "SUCCESS"

    async def pictures(self) -> list[bytes]:
        """One encoded picture per seed; a filtered one shows nothing of its prompt."""
        return await to_thread.run_sync(lambda: [self._picture(seed) for seed in self.seeds])

    def _picture(self, seed: int) -> bytes:
        from fireworks_emulator import pictures  # here: Pillow takes long to import

        prompt = "content filtered" if self.is_filtered else self.prompt
        if self.original is None or self.is_filtered:
            return pictures.paint(prompt, *self.size, seed, self.mime, quality=self.quality)
        return pictures.repaint(self.original, prompt, *self.size, seed, self.mime, strength=self.strength)


async def _older(request: Request, call: Call, asked: Generation, original: bytes | None) -> Response:
    kind = answer_type(request.headers.get("accept"), PNG)
    painting = _Painting(
        asked.words(),
        asked.size(),
        _seeds(asked.seed, asked.samples, call, kind),
        PNG if kind == JSON else kind,
        is_filtered=_is_filtered(asked.words(), asked.safety_check),
        original=original,
        strength=asked.strength() if isinstance(asked, ImageToImage) else 0.5,
    )
    pictures = await painting.pictures()
    if kind != JSON:
        return _binary(pictures[0], painting)
    return _json(
        [
            {"base64": base64.b64encode(picture).decode(), "finishReason": painting.finish, "seed": seed, "Id": call.id}
            for picture, seed in zip(pictures, painting.seeds, strict=True)
        ]
    )


def _model(call: Call, name: str, way: str) -> Model:
    """The model, when this is the way to call it. Raises 404, or 400 for the wrong way."""
    model = call.model(name, "image")
    slug = model.slug.lower()
    right = "kontext" if "kontext" in slug else "text_to_image" if "flux" in slug else "image_generation"
    if model.kind != "deployment" and way != right:
        raise envelope_a(400, f"{way} is not supported by model {model.id}")
    return model


def _seeds(seed: int | None, samples: int | None, call: Call, kind: str) -> list[int]:
    """One seed per picture: the given one and those after it, or from a random one where 0 or none is given."""
    count = samples or 1
    if count > 1 and kind != JSON:
        raise envelope_a(400, f"samples: {count} needs the header Accept: {JSON}")
    first = seed or random.Random(call.id).randint(1, 2**32 - 1)  # noqa: S311 - a look, not a secret
    return [(first + number) % 2**32 for number in range(count)]


def _is_filtered(prompt: str, safety_check: bool | None) -> bool:
    return bool(safety_check) and FILTER_WORD in prompt.lower()


def _quality(request: Request) -> int:
    given = request.headers.get("jpeg-quality")
    if given is None:
        return 85
    if not given.isdecimal() or int(given) > 100:
        raise invalid("Expected an integer from 0 to 100", "Jpeg-Quality", given)
    return int(given)


def _binary(picture: bytes, painting: _Painting) -> Response:
    headers = {"Seed": str(painting.seeds[0]), "Finish-Reason": painting.finish}
    return Response(picture, headers=headers, media_type=painting.mime)


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type=JSON)


def _address(request: Request, identity: str) -> str:
    prefix, _, _ = request.url.path.partition("/workflows/")
    return str(request.url.replace(path=f"{prefix}{PUBLIC}{identity}", query="", fragment=""))


def _natural_size(original: bytes | None) -> Size:
    from fireworks_emulator import pictures

    if original is None:
        return ASPECTS["1:1"]
    seen = pictures.look(original)
    return nearest((seen.width, seen.height))


def _decoded(text: str) -> bytes:
    """A picture given as a data URI or bare base64. Raises 400 unless it is one."""
    head, comma, rest = text.partition(",")
    try:
        data = base64.b64decode(rest if comma and head.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError):
        raise envelope_a(400, "Incorrect base64 in image, field: 'input_image'") from None
    return _checked(data, "input_image")


def _checked(data: bytes, field: str) -> bytes:
    from fireworks_emulator import pictures

    try:
        pictures.look(data)
    except pictures.NotAPicture:
        raise envelope_a(400, f"Cannot decode image, field: '{field}'") from None
    return data


async def _form(request: Request) -> tuple[dict[str, Any], bytes]:
    """The fields of a multipart form in their types, and the picture in it. Raises 400."""
    body = await read_body(request)

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(request.headers, whole(), max_files=1, max_fields=40).parse()
    except (MultiPartException, KeyError) as wrong:
        raise envelope_a(400, f"The request body is not a multipart form: {wrong}") from None
    try:
        original = form.get("init_image")
        if not isinstance(original, UploadFile):
            raise invalid("Field required", "init_image")
        fields = {name: _typed(name, value) for name, value in form.items() if isinstance(value, str)}
        return fields, _checked(await original.read(), "init_image")
    finally:
        await form.close()


def _typed(name: str, value: str) -> Any:
    if name in TEXT_FIELDS:
        return value
    try:
        return msgspec.json.decode(value.lower())
    except msgspec.DecodeError:
        return value
