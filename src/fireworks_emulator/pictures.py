"""Looks at the pictures that clients send, and paints those that they ask for.

The one module that imports Pillow; whoever needs a picture imports it there and then, because the decoders cost time
and memory that an emulator of text models never has to spend (docs/decisions/0005).
"""

from __future__ import annotations

import colorsys
import hashlib
import io
import math
import random
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

MOST_PIXELS = 40_000_000
"""Of a picture to look at; more is refused from its header alone."""

_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM", "WEBP")
_SAMPLE = 48
"""Edge of the square in which colours are counted."""
_WHITE = (255, 255, 255)
_CAPTION = "emulated image"

_HUES = ((15, "red"), (42, "orange"), (70, "yellow"), (165, "green"), (200, "cyan"), (255, "blue"), (315, "purple"))
"""Upper ends in degrees; between the last and ``_ROSE`` is pink, beyond it red again."""
_ROSE = 340

# Decoders meet hostile bytes with whatever went wrong inside them.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    NotImplementedError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class NotAPicture(Exception):
    """The bytes are none of the supported formats, are damaged, or would unpack into too much."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a glance at a picture tells. ``colour``: the plain name of what most of it looks like."""

    width: int
    height: int
    format: str
    colour: str


def look(data: bytes) -> Seen:
    """Decode a picture whole. Raises NotAPicture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd metadata; no concern of a client's
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with _open(data) as picture:
                kind = "JPEG" if picture.format == "MPO" else str(picture.format)
                return Seen(*picture.size, kind, _main_colour(_small(picture)))
        except _DECODER_ERRORS as error:
            raise NotAPicture(str(error)) from None


def paint(prompt: str, width: int, height: int, seed: int, mime: str, *, quality: int = 85) -> bytes:
    """A landscape of exactly this size with the prompt written on it, the same for the same prompt and seed.

    ``mime``: ``image/png`` or ``image/jpeg``; ``quality`` (0 to 100) matters to the latter only. The picture says
    "emulated image", so that nobody takes it for a model's work.
    """
    dice = random.Random(hashlib.blake2b(f"{seed}\n{prompt}".encode()).digest())  # noqa: S311 - a look, not a secret
    picture = _landscape(width, height, dice)
    _write(picture, prompt)
    return _encoded(picture, mime, quality)


def repaint(original: bytes, prompt: str, width: int, height: int, seed: int, mime: str, *, strength: float) -> bytes:
    """``original``, cropped to this size, as it shows through what :func:`paint` makes of the prompt.

    ``strength``: how much of the original stays, 0 to 1. Raises NotAPicture.
    """
    try:
        with _open(original) as opened:
            below = ImageOps.fit(_flat(opened), (width, height))
    except _DECODER_ERRORS as error:
        raise NotAPicture(str(error)) from None
    with Image.open(io.BytesIO(paint(prompt, width, height, seed, "image/png"))) as painted:
        return _encoded(Image.blend(painted.convert("RGB"), below, strength), mime, 85)


def _open(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    if picture.width * picture.height > MOST_PIXELS:
        picture.close()
        raise NotAPicture(f"{picture.width} by {picture.height} pixels are too many")
    return picture


def _small(picture: Image.Image) -> Image.Image:
    picture.draft("RGB", (_SAMPLE, _SAMPLE))  # lets JPEG decode at an eighth of the size
    picture.load()
    picture.thumbnail((_SAMPLE, _SAMPLE), Image.Resampling.BOX)
    return _flat(picture)


def _flat(picture: Image.Image) -> Image.Image:
    """Without transparency, on white, as a page would show it."""
    if picture.mode.startswith("I"):
        picture = picture.point(lambda value: value / 256).convert("L")
    layered = picture.convert("RGBA")
    page = Image.new("RGBA", picture.size, (*_WHITE, 255))
    return Image.alpha_composite(page, layered).convert("RGB")


def _main_colour(picture: Image.Image) -> str:
    pixels = picture.convert("HSV").tobytes()
    names = Counter(_name(*pixels[at : at + 3]) for at in range(0, len(pixels), 3))
    return names.most_common(1)[0][0]


def _name(hue: int, saturation: int, value: int) -> str:
    """One of twelve names for a colour whose parts go from 0 to 255."""
    if value < 45:
        return "black"
    if saturation < 40:
        return "white" if value > 215 else "grey"
    degrees = hue * 360 / 255
    if value < 175 and degrees < 45 and (degrees >= 12 or saturation < 200):
        return "brown"
    if degrees >= _ROSE:
        return "pink" if saturation < 140 and value > 180 else "red"
    return next((name for end, name in _HUES if degrees < end), "pink")


def _landscape(width: int, height: int, dice: random.Random) -> Image.Image:
    hue = dice.random()
    sky = Image.linear_gradient("L").resize((width, height))
    picture = ImageOps.colorize(sky, _rgb(hue, 0.75, 0.45), _rgb(hue + dice.uniform(-0.2, 0.2), 0.35, 1.0))
    draw = ImageDraw.Draw(picture)
    radius = min(width, height) * dice.uniform(0.05, 0.09)
    x, y = width * dice.uniform(0.15, 0.85), height * dice.uniform(0.15, 0.4)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_rgb(0.13, 0.15, 1.0))
    for layer in range(4):
        draw.polygon(_ridge(width, height, layer, dice), fill=_rgb(hue + 0.03 * layer, 0.45, 0.55 - 0.12 * layer))
    return picture


def _ridge(width: int, height: int, layer: int, dice: random.Random) -> list[tuple[float, float]]:
    top = height * (0.5 + 0.11 * layer)
    waves = [(dice.uniform(0.6, 4) / width, height * dice.uniform(0.01, 0.05), dice.uniform(0, 7)) for _ in range(3)]
    step = max(1, width // 128)
    line = [
        (x, top - sum(size * math.sin(math.tau * x * pace + shift) for pace, size, shift in waves))
        for x in range(0, width + step, step)
    ]
    return [(0, height), *line, (width + step, height)]


def _write(picture: Image.Image, prompt: str) -> None:
    draw = ImageDraw.Draw(picture)
    size = max(10, min(picture.size) // 28)
    font = ImageFont.load_default(size=size)
    lines = _wrapped(prompt, lambda text: draw.textlength(text, font=font), picture.width - 3 * size)
    y = picture.height - size * (1.4 * (len(lines) + 1) + 1)
    for line in [*lines, _CAPTION]:
        draw.text((1.5 * size, y), line, font=font, fill=_WHITE)
        y += 1.4 * size


def _wrapped(text: str, length: Callable[[str], float], room: float) -> list[str]:
    """At most three lines, the last with an ellipsis when something is left over."""
    lines = [""]
    for word in text[:500].split():
        longer = f"{lines[-1]} {word}".strip()
        if length(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word[: max(1, int(len(word) * room / max(1.0, length(word))))])
    kept = [line for line in lines if line][:3]
    if len([line for line in lines if line]) > 3:
        kept[-1] += " …"
    return kept


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _encoded(picture: Image.Image, mime: str, quality: int) -> bytes:
    out = io.BytesIO()
    if mime == "image/jpeg":
        picture.save(out, "JPEG", quality=quality)
    else:
        picture.save(out, "PNG", compress_level=3)
    return out.getvalue()
