"""Pictures: every format is recognised, nothing hostile gets through, what is painted is what was asked for."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.examples import examples

from fireworks_emulator.pictures import MOST_PIXELS, NotAPicture, Seen, look, paint, repaint


def encoded(picture: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def plain(colour: str, kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> bytes:
    return encoded(Image.new(mode, size, colour), kind)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM", "WEBP"])
def test_every_documented_format_is_recognised(kind: str) -> None:
    assert look(plain("#1060e0", kind)) == Seen(40, 30, kind, "blue")


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("black", "black"), ("white", "white"), ("#808080", "grey"), ("#d3d3d3", "grey"), ("red", "red"),
        ("darkred", "red"), ("orange", "orange"), ("gold", "yellow"), ("green", "green"), ("limegreen", "green"),
        ("teal", "cyan"), ("navy", "blue"), ("royalblue", "blue"), ("purple", "purple"), ("indigo", "purple"),
        ("pink", "pink"), ("hotpink", "pink"), ("brown", "brown"), ("saddlebrown", "brown"),
    ],
)  # fmt: skip
def test_colours_have_their_everyday_names(colour: str, name: str) -> None:
    assert look(plain(colour)).colour == name


def test_the_colour_of_the_larger_part_is_named() -> None:
    picture = Image.new("RGB", (100, 100), "green")
    picture.paste("red", (0, 0, 40, 100))

    assert look(encoded(picture, "PNG")).colour == "green"


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "I;16", "CMYK"])
def test_every_kind_of_pixel_is_understood(mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"

    assert look(encoded(Image.new(mode, (10, 10)), kind)).width == 10


def test_transparency_shows_as_white() -> None:
    assert look(encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG")).colour == "white"


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7\n", b"<svg/>", b"\x89PNG\r\n\x1a\n", plain("red")[:60]])
def test_what_is_no_whole_picture_is_refused(data: bytes) -> None:
    with pytest.raises(NotAPicture):
        look(data)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header claims a size and whose data is one row of zeros, repeated for ever."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(width + 1)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("edge", [6400, 12_000, 60_000])
def test_a_picture_that_unpacks_into_too_much_is_refused_from_its_header(edge: int) -> None:
    assert edge * edge > MOST_PIXELS

    with pytest.raises(NotAPicture):
        look(png_of_size(edge, edge))


@settings(max_examples=examples(150), deadline=None)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM", "WEBP"]),
    place=st.floats(0, 1),
    junk=st.binary(min_size=1, max_size=12),
)
def test_damage_never_escapes_as_another_error(kind: str, place: float, junk: bytes) -> None:
    data = bytearray(plain("#20b040", kind, size=(12, 9)))
    at = int(place * (len(data) - 1))
    data[at : at + len(junk)] = junk

    try:
        seen = look(bytes(data))
    except NotAPicture:
        return
    assert seen.width > 0


@pytest.mark.parametrize(("mime", "kind"), [("image/png", "PNG"), ("image/jpeg", "JPEG")])
@pytest.mark.parametrize(("width", "height"), [(1024, 1024), (640, 1536), (1536, 640), (64, 48)])
def test_a_painting_has_the_size_and_type_asked_for(mime: str, kind: str, width: int, height: int) -> None:
    seen = look(paint("a red fox in the snow", width, height, 7, mime))

    assert (seen.width, seen.height, seen.format) == (width, height, kind)


@pytest.mark.parametrize("prompt", ["", "x" * 3000, "夜の港 🌙", "many words " * 200, "line\nbreaks\tand\x00more"])
def test_any_prompt_can_be_painted(prompt: str) -> None:
    assert look(paint(prompt, 512, 512, 1, "image/png")).format == "PNG"


def test_prompt_and_seed_decide_the_painting() -> None:
    first = paint("a lake", 256, 256, 1, "image/png")

    assert paint("a lake", 256, 256, 1, "image/png") == first
    assert paint("a lake", 256, 256, 2, "image/png") != first
    assert paint("a hill", 256, 256, 1, "image/png") != first


def test_paintings_are_light_to_carry() -> None:
    assert all(len(paint("the sea at night", 1024, 1024, seed, "image/png")) < 300_000 for seed in range(8))


def test_jpeg_quality_trades_size() -> None:
    coarse, fine = (paint("a lake", 256, 256, 1, "image/jpeg", quality=quality) for quality in (10, 95))

    assert len(coarse) < len(fine)


def test_the_original_shows_through_a_repainting() -> None:
    original = plain("red", size=(300, 200))

    kept = look(repaint(original, "a lake", 128, 256, 1, "image/png", strength=1.0))

    assert kept == Seen(128, 256, "PNG", "red")
    assert repaint(original, "a lake", 128, 256, 1, "image/png", strength=0.0) != original


def test_repainting_what_is_no_picture_is_refused() -> None:
    with pytest.raises(NotAPicture):
        repaint(b"no", "a lake", 128, 128, 1, "image/png", strength=0.5)
