"""Plays OpenAI's image call on Fireworks, which has no such endpoint but three of its own, one for each model family.

Stable Diffusion XL answers once with all images, FLUX once for each image, FLUX Kontext takes an order that is asked
after until a link is ready.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from emberway.errors import BadAnswer, InvalidCall, UpstreamError, UpstreamTimeout
from emberway.providers.base import Answer, Ask, Call, Conversation, Pause, Reply
from emberway.providers.fireworks_errors import envelope
from emberway.providers.fireworks_image_answers import (
    FILTERED,
    Image,
    binary_image,
    openai_answer,
    read_images,
    text_image,
)
from emberway.providers.fireworks_rules import full_name
from emberway.providers.model_rules import require_model

MOST_IMAGES = 10
"""OpenAI's limit for ``n``."""
GIVE_UP_AFTER = 240.0
"""Seconds of pauses after which an order that is not ready is given up; clients of Kontext wait two to four minutes."""
FIRST_PAUSE, LONGEST_PAUSE, PAUSE_GROWTH = 0.5, 2.0, 1.5

CONSUMED = frozenset(
    {"background", "model", "moderation", "n", "output_format", "quality", "response_format", "size", "style", "user"}
)
"""OpenAI's fields: answered for here, put into the path, or without a counterpart. Everything else goes on as it is."""

ASPECT_RATIOS = ("1:1", "21:9", "16:9", "3:2", "5:4", "4:5", "2:3", "9:16", "9:21", "4:3", "3:4")
"""What FLUX takes instead of a size."""

_KEPT_HEADERS = (b"retry-after", b"retry-after-ms", b"x-request-id", b"x-should-retry")
_SIZE = re.compile(r"(?P<width>[1-9][0-9]{0,4})x(?P<height>[1-9][0-9]{0,4})")


class _Asked(Struct):
    n: int | None = None
    size: str | None = None
    response_format: str | None = None
    output_format: str | None = None
    seed: Any = None


@dataclass(frozen=True, slots=True)
class Job:
    """An image call, read."""

    model: str
    """In full."""
    fields: dict[str, Raw]
    """What goes on under its own name."""
    n: int | None
    size: tuple[int, int] | None
    seed: int | None
    """``None`` also for 0, which is Fireworks' word for any."""
    output_format: str | None
    links: bool
    changed: tuple[str, ...]

    def copies(self) -> list[dict[str, Raw]]:
        """The fields of each of ``n`` single-image calls; a seed counts up, so that no two images are the same."""
        seeds = [None if self.seed is None else self.seed + index for index in range(self.n or 1)]
        return [self.fields if seed is None else {**self.fields, "seed": _raw(seed)} for seed in seeds]


Playing = Generator[tuple[Ask, ...] | Pause, tuple[Answer, ...], list[Image]]


@dataclass(frozen=True, slots=True)
class Family:
    """Models that are spoken to in the same way."""

    play: Callable[[Job], Playing]
    instead_of_size: tuple[str, ...]
    """The family's own fields for what ``size`` says."""
    instead_of_n: tuple[str, ...] = ()
    consumed: frozenset[str] = CONSUMED


class _Failed(Exception):
    """An error answer ends the conversation; it is the client's answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def converse_for(slug: str) -> Callable[[Call], Conversation]:
    """The conversation for image calls to the provider called ``slug``; InvalidCall before its first request."""

    def converse(call: Call) -> Conversation:
        model = full_name(require_model(call))
        family = family_of(model)
        return _conversation(slug, call, family, read_job(call, model, family))

    return converse


def family_of(model: str) -> Family:
    """How a model is spoken to, told by its name: an unknown one is taken for the oldest interface."""
    return next((family for word, family in FAMILIES if word in model.lower()), SDXL)


def read_job(call: Call, model: str, family: Family) -> Job:
    """The call's meaning; InvalidCall where a field of OpenAI's has no meaning or two fields say the same thing."""
    fields: dict[str, Raw] = msgspec.json.decode(call.body, type=dict[str, Raw])
    asked = _read_asked(call.body)
    _refuse_twins(fields, "size", family.instead_of_size)
    _refuse_twins(fields, "n", family.instead_of_n)
    return Job(
        model=_path_safe(model),
        fields={key: value for key, value in fields.items() if key not in family.consumed},
        n=_number(asked.n),
        size=_size(asked.size),
        seed=asked.seed if isinstance(asked.seed, int) and not isinstance(asked.seed, bool) and asked.seed else None,
        output_format=_choice("output_format", asked.output_format, ("png", "jpeg")),
        links=_choice("response_format", asked.response_format, ("url", "b64_json")) != "b64_json",
        changed=tuple(f"images:{key}" for key in fields if key in family.consumed),
    )


def _conversation(slug: str, call: Call, family: Family, job: Job) -> Conversation:
    try:
        images = yield from family.play(job)
    except _Failed as failed:
        answer = failed.answer
        kept = tuple((name, answer.headers[name]) for name in _KEPT_HEADERS if name in answer.headers)
        body = envelope(slug, answer.status, answer.body)
        return Reply(answer.status, body, changed=job.changed, headers=kept)
    return Reply(200, openai_answer(images, created=call.received, links=job.links), changed=job.changed)


def _play_sdxl(job: Job) -> Playing:
    """One request for all images, as JSON and PNG; JPEG comes only one by one and as bytes."""
    width_and_height = {} if job.size is None else {"width": _raw(job.size[0]), "height": _raw(job.size[1])}
    if job.output_format == "jpeg":
        bodies = [{**fields, **width_and_height} for fields in job.copies()]
    else:
        samples = {} if job.n is None else {"samples": _raw(job.n)}
        bodies = [{**job.fields, **width_and_height, **samples}]
    accept = b"image/jpeg" if job.output_format == "jpeg" else b"application/json"
    return (yield from _ask_all(f"/image_generation/{job.model}", bodies, accept))


def _play_flux(job: Job) -> Playing:
    """One request for each image, all at once."""
    bodies = [{**fields, **_aspect_ratio(job)} for fields in job.copies()]
    accept = f"image/{job.output_format}".encode() if job.output_format else b"application/json"
    return (yield from _ask_all(f"/workflows/{job.model}/text_to_image", bodies, accept))


def _play_kontext(job: Job) -> Playing:
    """Place an order for each image, ask after them until all are ready, fetch the pictures."""
    path = f"/workflows/{job.model}"
    placed = yield tuple(_ask(path, {**fields, **_aspect_ratio(job)}) for fields in job.copies())
    orders = [_order_id(answer) for answer in _good(placed)]
    samples: dict[str, str | None] = {}
    waited, pause = 0.0, FIRST_PAUSE
    while pending := [order for order in orders if order not in samples]:
        if waited >= GIVE_UP_AFTER:
            raise UpstreamTimeout(
                f"The images were not ready after {waited:.0f} seconds of asking after them. Send the call again."
            )
        yield Pause(pause)
        waited, pause = waited + pause, min(pause * PAUSE_GROWTH, LONGEST_PAUSE)
        answers = yield tuple(_ask(f"{path}/get_result", {"id": _raw(order)}) for order in pending)
        for order, answer in zip(pending, _good(answers), strict=True):
            samples.update(_sample(order, answer))
    return (yield from _fetched([samples[order] for order in orders]))


SDXL = Family(_play_sdxl, instead_of_size=("width", "height"), instead_of_n=("samples",))
FLUX = Family(_play_flux, instead_of_size=("aspect_ratio",), instead_of_n=("samples",))
KONTEXT = Family(_play_kontext, instead_of_size=("aspect_ratio",), consumed=CONSUMED - {"output_format"})

FAMILIES = (("kontext", KONTEXT), ("flux", FLUX))
"""A word of the model's name and its family; the first that fits counts."""


def _ask_all(path: str, bodies: Iterable[dict[str, Raw]], accept: bytes) -> Playing:
    answers = yield tuple(_ask(path, body, accept) for body in bodies)
    return [image for answer in _good(answers) for image in read_images(answer)]


def _fetched(samples: Sequence[str | None]) -> Playing:
    """The pictures that finished orders name: by address, as base64, or (``None``) taken by the filter."""
    addresses = [sample for sample in samples if sample and sample.startswith(("https://", "http://"))]
    pictures: dict[str, Image] = {}
    if addresses:
        answers = yield tuple(Ask(address, method="GET", elsewhere=True) for address in addresses)
        for address, answer in zip(addresses, answers, strict=True):
            if answer.status != 200:
                raise BadAnswer(f"The finished image could not be fetched: its host answered {answer.status}.")
            pictures[address] = binary_image(answer)
    return [
        Image("", finish_reason=FILTERED) if sample is None else pictures.get(sample) or text_image(sample)
        for sample in samples
    ]


class _Order(Struct):
    request_id: str


class _Result(Struct):
    sample: str | None = None


class _Progress(Struct):
    status: str
    result: _Result | None = None
    details: Any = None


_READY = frozenset({"Ready", "Complete", "Finished"})
_FAILED = frozenset({"Error", "Failed"})
_MODERATED = frozenset({"Request Moderated", "Content Moderated"})


def _order_id(answer: Answer) -> str:
    order: _Order = _decoded(answer, _Order)
    return order.request_id


def _sample(order: str, answer: Answer) -> dict[str, str | None]:
    """What became of an order; empty while it is under way, which ``Task not found`` can mean right after placing."""
    progress: _Progress = _decoded(answer, _Progress)
    if progress.status in _FAILED:
        details = f": {progress.details}" if progress.details else ""
        raise UpstreamError(f"The provider could not make the image{details[:300]}.", code="image_failed")
    if progress.status in _MODERATED:
        return {order: None}
    if progress.status not in _READY:
        return {}
    if progress.result is None or not progress.result.sample:
        raise BadAnswer("The provider calls an image ready, and names no image.")
    return {order: progress.result.sample}


def _decoded(answer: Answer, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadAnswer("The provider's answer to an image order is not what it promises to be.") from None


def _good(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    for answer in answers:
        if answer.status >= 400:
            raise _Failed(answer)
        if not 200 <= answer.status < 300:
            raise BadAnswer(f"The provider answered an image call with status {answer.status}.")
    return answers


def _ask(path: str, fields: dict[str, Raw], accept: bytes = b"application/json") -> Ask:
    headers = ((b"content-type", b"application/json"), (b"accept", accept))
    return Ask(path, body=msgspec.json.encode(fields), headers=headers)


def _aspect_ratio(job: Job) -> dict[str, Raw]:
    """The ratio nearest to the size that was asked for."""
    if job.size is None:
        return {}
    wanted = math.log(job.size[0] / job.size[1])
    return {"aspect_ratio": _raw(min(ASPECT_RATIOS, key=lambda ratio: abs(_log_ratio(ratio) - wanted)))}


def _log_ratio(ratio: str) -> float:
    width, height = ratio.split(":")
    return math.log(int(width) / int(height))


def _read_asked(body: bytes) -> _Asked:
    try:
        return msgspec.json.decode(body, type=_Asked)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$.")
        field = path.rstrip("`")
        message = f"The field '{field}' has the wrong type: {problem}."
        raise InvalidCall(message, param=field, code="wrong_type") from None


def _refuse_twins(fields: dict[str, Raw], openai: str, own: tuple[str, ...]) -> None:
    twin = next((key for key in own if key in fields), None)
    if openai in fields and twin is not None:
        message = f"'{openai}' and '{twin}' say the same thing in two ways. Send one of them."
        raise InvalidCall(message, param=openai, code="conflicting_fields")


def _number(n: int | None) -> int | None:
    if n is not None and not 1 <= n <= MOST_IMAGES:
        raise InvalidCall(f"'n' is {n}. Send a number of images from 1 to {MOST_IMAGES}.", param="n")
    return n


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None or text == "auto":
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InvalidCall(
            f"'size' is '{text[:32]}'. Send width and height in pixels, such as \"1024x1024\", or \"auto\".",
            param="size",
        )
    return int(match["width"]), int(match["height"])


def _choice(field: str, value: str | None, choices: tuple[str, str]) -> str | None:
    if value is not None and value not in choices:
        raise InvalidCall(f"'{field}' is '{value[:32]}'. Send \"{choices[0]}\" or \"{choices[1]}\".", param=field)
    return value


def _path_safe(model: str) -> str:
    """The model as a part of a path; InvalidCall for one that would lead to another path."""
    if any(step in ("", ".", "..") for step in model.split("/")):
        raise InvalidCall(f"'{model[:64]}' is not the name of a model.", param="model")
    return quote(model, safe="/@:")


def _raw(value: str | int) -> Raw:
    return Raw(msgspec.json.encode(value))
