"""Recordings are named by format and length."""

from __future__ import annotations

import io
import wave
from typing import Any

import pytest
from tests.integration.emulator.asgi import Answer, Api

BOUNDARY = "emulated-boundary"


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


def wav(seconds: float = 2.5, rate: int = 8000, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(bytes(2 * channels * int(rate * seconds)))
    return file.getvalue()


def send(api: Api, data: bytes | None, path: str = "transcriptions", **fields: str) -> Answer:
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    if data is not None:
        parts.append(b'name="file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n' + data)
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; ".encode()
    body = b"".join(head + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return api.post(f"/inference/v1/audio/{path}", body, kind)


def test_a_wav_file_is_named_with_its_real_length(api: Api) -> None:
    answer = send(api, wav(), model="whisper-v3")

    assert answer.json == {"text": "Emulated transcription of a 2.5 s WAV (8000 Hz, mono)."}


def test_a_translation_says_that_it_is_one(api: Api) -> None:
    answer = send(api, wav(1, 44100, 2), "translations", model="accounts/fireworks/models/whisper-v3-turbo")

    assert answer.json == {"text": "Emulated translation of a 1 s WAV (44100 Hz, stereo)."}


@pytest.mark.parametrize(
    ("signature", "kind"), [(b"ID3", "MP3"), (b"fLaC", "FLAC"), (b"OggS", "Ogg"), (b"\0\0\0\x20ftyp", "MP4")]
)
def test_other_formats_are_recognised(api: Api, signature: bytes, kind: str) -> None:
    assert f"bytes of {kind}" in send(api, signature + bytes(100)).json["text"]


@pytest.mark.parametrize(
    ("shape", "beginning"),
    [
        ("text", "Emulated transcription of a 2.5 s WAV"),
        ("srt", "1\n00:00:00,000 --> 00:00:02,500\nEmulated"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nEmulated"),
    ],
)
def test_the_text_comes_in_the_form_that_was_asked_for(api: Api, shape: str, beginning: str) -> None:
    assert send(api, wav(), response_format=shape).body.decode().startswith(beginning)


def test_a_verbose_answer_has_length_and_segments(api: Api) -> None:
    body = send(api, wav(), response_format="verbose_json", language="de").json

    assert (body["task"], body["language"], body["duration"]) == ("transcribe", "de", 2.5)
    assert body["segments"][0]["end"] == 2.5


@pytest.mark.parametrize(
    ("data", "fields", "status"),
    [
        (b"no sound", {}, 400),
        (b"", {}, 400),
        (b"RIFF\0\0\0\0WAVEjunk", {}, 400),
        (None, {}, 400),
        (wav(), {"response_format": "xml"}, 400),
        (wav(), {"model": "whisper-v9"}, 404),
        (wav(), {"model": "accounts/fireworks/models/kimi-k3"}, 400),
        (wav(), {"model": "whisper-v3!429"}, 429),
    ],
)
def test_what_cannot_be_transcribed_is_refused(
    api: Api, data: bytes | None, fields: dict[str, Any], status: int
) -> None:
    assert send(api, data, **fields).status == status


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "multipart/form-data; boundary=other"])
def test_a_body_that_is_no_form_is_refused(api: Api, kind: str) -> None:
    assert api.post("/v1/audio/transcriptions", b"{}", {"content-type": kind}).status == 400
