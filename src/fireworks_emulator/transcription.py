"""``POST /audio/transcriptions`` and ``/audio/translations``: says what kind of recording came, as text.

No speech is recognised: the answer names format and length, which the header of a WAV file really holds.
"""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from fireworks_emulator.call import Call, call_of, read_body
from fireworks_emulator.delivery import json_response
from fireworks_emulator.errors import envelope_a
from fireworks_emulator.validation import invalid

DEFAULT_MODEL = "accounts/fireworks/models/whisper-v3"
SHORT_NAMES = {"whisper-v3": DEFAULT_MODEL, "whisper-v3-turbo": DEFAULT_MODEL + "-turbo"}
"""The audio documentation writes these without the account."""

FORMATS = frozenset({"json", "text", "verbose_json", "srt", "vtt"})
CHANNELS = {1: "mono", 2: "stereo"}

_SIGNATURES = (
    (b"ID3", "MP3"),
    (b"\xff\xfb", "MP3"),
    (b"\xff\xf3", "MP3"),
    (b"fLaC", "FLAC"),
    (b"OggS", "Ogg"),
    (b"\x1a\x45\xdf\xa3", "WebM"),
)


@dataclass(frozen=True, slots=True)
class Recording:
    """What is known of a recording; ``seconds`` None where only the format is."""

    description: str
    seconds: float | None


async def transcriptions(request: Request) -> Response:
    """Describe a recording."""
    return await _answer(request, "transcribe", "transcription")


async def translations(request: Request) -> Response:
    """Describe a recording, as a translation into English."""
    return await _answer(request, "translate", "translation")


async def _answer(request: Request, task: str, noun: str) -> Response:
    form = await _form(request)
    try:
        return await _described(call_of(request), form, task, noun)
    finally:
        await form.close()


async def _described(call: Call, form: FormData, task: str, noun: str) -> Response:
    name = str(form.get("model") or DEFAULT_MODEL)
    base, mark, fault = name.partition("!")
    call.model(SHORT_NAMES.get(base, base) + mark + fault, "audio_transcription")
    shape = str(form.get("response_format") or "json")
    if shape not in FORMATS:
        raise invalid("Invalid enum value", "response_format", shape)
    uploaded = form.get("file")
    if not isinstance(uploaded, UploadFile):
        raise invalid("Field required", "file")
    recording = listen(await uploaded.read())
    text = f"Emulated {noun} of {recording.description}."
    return _shaped(shape, task, text, recording.seconds or 0.0, str(form.get("language") or "en"))


def listen(data: bytes) -> Recording:
    """Format and length of a recording. Raises 400 for bytes that are none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return _wav(data)
    kind = next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), None)
    if kind is None and data[4:8] == b"ftyp":
        kind = "MP4"
    if kind is None:
        raise envelope_a(400, "The audio file could not be decoded or its format is not supported.")
    return Recording(f"{len(data)} bytes of {kind}", None)


def _wav(data: bytes) -> Recording:
    try:
        with wave.open(io.BytesIO(data)) as sound:
            seconds = sound.getnframes() / sound.getframerate()
            channels = CHANNELS.get(sound.getnchannels(), f"{sound.getnchannels()} channels")
            return Recording(f"a {seconds:g} s WAV ({sound.getframerate()} Hz, {channels})", seconds)
    except (wave.Error, EOFError, ZeroDivisionError):
        raise envelope_a(400, "The audio file could not be decoded or its format is not supported.") from None


def _shaped(shape: str, task: str, text: str, seconds: float, language: str) -> Response:
    match shape:
        case "text":
            return PlainTextResponse(text + "\n")
        case "srt":
            return PlainTextResponse(f"1\n{_clock(0, ',')} --> {_clock(seconds, ',')}\n{text}\n\n")
        case "vtt":
            return PlainTextResponse(f"WEBVTT\n\n{_clock(0, '.')} --> {_clock(seconds, '.')}\n{text}\n\n")
        case "verbose_json":
            segment = {"id": 0, "start": 0.0, "end": seconds, "text": text}
            body: dict[str, Any] = {"task": task, "language": language, "duration": seconds}
            return json_response(body | {"text": text, "segments": [segment]})
    return json_response({"text": text})


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


async def _form(request: Request) -> FormData:
    body = await read_body(request)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise envelope_a(400, "The request must be multipart/form-data.")
    try:
        return await MultiPartParser(request.headers, _once(body)).parse()
    except (MultiPartException, KeyError) as wrong:
        raise envelope_a(400, f"The request is not valid multipart/form-data: {wrong}") from None


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
