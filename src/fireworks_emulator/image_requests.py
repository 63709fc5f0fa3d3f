"""What clients may send to the picture endpoints: closed schemas, supported sizes, and the three kinds of answer.

Sources: the provider's image client and reference pages of 2025 and 2026, and what Vercel's SDK and Portkey send.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from msgspec import Meta

from fireworks_emulator.errors import envelope_a
from fireworks_emulator.requests import Closed
from fireworks_emulator.validation import invalid

Size = tuple[int, int]
Seed = Annotated[int, Meta(ge=0, le=4_294_967_295)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
AspectRatio = Literal["1:1", "21:9", "16:9", "3:2", "5:4", "4:5", "2:3", "9:16", "9:21", "4:3", "3:4"]

PNG, JPEG, JSON = "image/png", "image/jpeg", "application/json"

SIZES: tuple[Size, ...] = (
    (640, 1536),
    (768, 1344),
    (832, 1216),
    (896, 1152),
    (1024, 1024),
    (1152, 896),
    (1216, 832),
    (1344, 768),
    (1536, 640),
)
"""Width and height that the models of the older API know."""

ASPECTS: Mapping[str, Size] = MappingProxyType(
    {
        "1:1": (1024, 1024),
        "21:9": (1536, 640),
        "16:9": (1344, 768),
        "3:2": (1216, 832),
        "5:4": (1152, 896),
        "4:5": (896, 1152),
        "2:3": (832, 1216),
        "9:16": (768, 1344),
        "9:21": (640, 1536),
        "4:3": (1152, 864),
        "3:4": (864, 1152),
    }
)
"""Aspect ratio to pixels, about one megapixel each; the provider does not publish its own table."""


class TextPrompt(Closed, kw_only=True):
    """One weighted prompt: deprecated, still what Portkey sends."""

    text: str
    weight: float = 1.0


class Generation(Closed, kw_only=True):
    """``POST /image_generation/{model}``: the older API."""

    prompt: str | None = None
    negative_prompt: str | None = None
    text_prompts: list[TextPrompt] | None = None
    height: int | str | None = None
    width: int | str | None = None
    cfg_scale: float | None = None
    steps: Annotated[int, Meta(ge=1, le=150)] | None = None
    samples: Annotated[int, Meta(ge=1, le=10)] | None = None
    seed: Seed | None = None
    sampler: str | None = None
    style_preset: str | None = None
    clip_guidance_preset: str | None = None
    safety_check: bool | None = None
    apply_invisible_watermark: bool | None = None
    return_latents: bool | None = None
    lora_adapter_name: str | None = None
    lora_weight_filename: str | None = None

    def words(self) -> str:
        """What to paint. Raises 400 without a prompt."""
        wanted = [each.text for each in self.text_prompts or () if each.weight > 0]
        text = self.prompt or ", ".join(wanted)
        if not text:
            raise invalid("Field required", "prompt")
        return text

    def size(self) -> Size:
        """Pixels; 1024 for a side that is not given. Raises 400 for a pair that the models do not know."""
        size = _pixels("width", self.width), _pixels("height", self.height)
        if size not in SIZES:
            known = ", ".join(f"{width}x{height}" for width, height in SIZES)
            raise envelope_a(400, f"Unsupported image size: {size[0]}x{size[1]}, supported sizes: {known}")
        return size


class ImageToImage(Generation, kw_only=True):
    """``…/image_to_image``: the fields beside the file ``init_image``."""

    init_image_mode: Literal["IMAGE_STRENGTH", "STEP_SCHEDULE"] = "IMAGE_STRENGTH"
    image_strength: Fraction | None = None
    step_schedule_start: Fraction = 0.65
    step_schedule_end: Fraction | None = None
    crop_padding: bool | None = None

    def strength(self) -> float:
        """How much of the original stays; the default for ``image_strength`` is not published."""
        if self.init_image_mode == "STEP_SCHEDULE":
            return self.step_schedule_start
        return 0.5 if self.image_strength is None else self.image_strength


TEXT_FIELDS = frozenset(
    (
        "prompt",
        "negative_prompt",
        "sampler",
        "style_preset",
        "clip_guidance_preset",
        "lora_adapter_name",
        "lora_weight_filename",
        "init_image_mode",
    )
)
"""Fields of a multipart form that are text; the others are written in JSON's notation."""


class Flux(Closed, kw_only=True):
    """``POST /workflows/{model}/text_to_image``."""

    prompt: str
    aspect_ratio: AspectRatio | None = None
    guidance_scale: float | None = None
    num_inference_steps: Annotated[int, Meta(ge=1, le=150)] | None = None
    samples: Annotated[int, Meta(ge=1, le=10)] | None = None
    seed: Seed | None = None
    safety_check: bool | None = None


class Kontext(Closed, kw_only=True):
    """``POST /workflows/{model}``. Webhooks are taken and never called: the emulator makes no connections."""

    prompt: str
    input_image: str | None = None
    aspect_ratio: AspectRatio | None = None
    seed: Seed | None = None
    output_format: Literal["jpeg", "png"] | None = None
    prompt_upsampling: bool | None = None
    safety_tolerance: Annotated[int, Meta(ge=0, le=6)] | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None


class Ask(Closed, kw_only=True):
    """``POST /workflows/{model}/get_result``."""

    id: str


def nearest(size: Size) -> Size:
    """The size of the aspect ratio closest to a picture's own."""
    return min(ASPECTS.values(), key=lambda known: abs(known[0] / known[1] - size[0] / size[1]))


def answer_type(accept: str | None, default: str) -> str:
    """PNG, JPEG or JSON, whichever the Accept header likes best. Raises 400 when it likes none."""
    for kind in _by_liking(accept or "*/*"):
        if kind in (PNG, JPEG, JSON):
            return kind
        if kind in ("*/*", "image/*"):
            return default
    raise envelope_a(400, f"Unsupported Accept header: {accept}, supported: {PNG}, {JPEG}, {JSON}")


def _by_liking(accept: str) -> list[str]:
    ranked = []
    for entry in accept.lower().split(","):
        kind, _, quality = entry.partition(";q=")
        try:
            ranked.append((-float(quality or 1), kind.partition(";")[0].strip()))
        except ValueError:
            ranked.append((0.0, kind.strip()))
    return [kind for _, kind in sorted(ranked, key=lambda pair: pair[0])]


def _pixels(field: str, given: int | str | None) -> int:
    """Clients send numbers, and Vercel's SDK sends them as text."""
    if given is None:
        return 1024
    try:
        return int(given)
    except ValueError:
        raise invalid("Expected int, got str", field, given) from None
