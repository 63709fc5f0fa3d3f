"""The picture endpoints answer with real pictures, in every form that clients of the provider ask for."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from httpx import ASGITransport, AsyncClient, Response
from PIL import Image
from starlette.routing import Mount, Router
from starlette.types import Receive, Scope, Send

from fireworks_emulator import images
from fireworks_emulator.call import Emulator, open_call
from fireworks_emulator.errors import Refused
from fireworks_emulator.image_desk import LIFETIME, MOST_KEPT
from fireworks_emulator.image_requests import ASPECTS, SIZES
from fireworks_emulator.pictures import look
from fireworks_emulator.settings import Settings

SDXL = "/inference/v1/image_generation/accounts/fireworks/models/stable-diffusion-xl-1024-v1-0"
FLUX = "/inference/v1/workflows/accounts/fireworks/models/flux-1-schnell-fp8"
KONTEXT = "/inference/v1/workflows/accounts/fireworks/models/flux-kontext-pro"
PNG = {"accept": "image/png"}
JSON = {"accept": "application/json"}


@dataclass(slots=True)
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Host:
    """The picture routes alone, without the key that the whole application asks for."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.emulator = Emulator(Settings(seed=1))
        self.router = Router([Mount("/inference/v1", routes=images.routes(clock))])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        open_call(scope, self.emulator)
        try:
            await self.router(scope, receive, send)
        except Refused as refused:
            await refused.response()(scope, receive, send)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(clock: Clock) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(Host(clock)), base_url="http://emulator.test:8089") as client:
        yield client


def picture(colour: str = "red", size: tuple[int, int] = (160, 90)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def message(answer: Response) -> str:
    return str(answer.json()["error"]["message"])


# --- the older API -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("accept", "kind"), [("image/png", "PNG"), ("image/jpeg", "JPEG"), ("*/*", "PNG")])
@pytest.mark.anyio
async def test_the_accept_header_chooses_the_format(client: AsyncClient, accept: str, kind: str) -> None:
    answer = await client.post(SDXL, json={"prompt": "a fox", "seed": 7}, headers={"accept": accept})

    assert answer.status_code == 200
    assert answer.headers["seed"] == "7"
    assert answer.headers["finish-reason"] == "SUCCESS"
    assert answer.headers["content-type"] == f"image/{kind.lower()}"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert look(answer.content).format == kind


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.anyio
async def test_the_picture_has_the_size_asked_for(client: AsyncClient, width: int, height: int) -> None:
    answer = await client.post(SDXL, json={"prompt": "a fox", "width": width, "height": height}, headers=PNG)

    seen = look(answer.content)
    assert (seen.width, seen.height) == (width, height)


@pytest.mark.anyio
async def test_sizes_may_come_as_text(client: AsyncClient) -> None:
    answer = await client.post(SDXL, json={"prompt": "a fox", "width": "1344", "height": "768"}, headers=PNG)

    assert look(answer.content).width == 1344


@pytest.mark.anyio
async def test_json_is_an_array_with_one_entry_per_sample(client: AsyncClient) -> None:
    answer = await client.post(SDXL, json={"prompt": "a fox", "samples": 3, "seed": 4_294_967_295}, headers=JSON)

    entries = answer.json()
    assert [entry["seed"] for entry in entries] == [4_294_967_295, 0, 1]
    assert {entry["finishReason"] for entry in entries} == {"SUCCESS"}
    pictures = [base64.b64decode(entry["base64"]) for entry in entries]
    assert {look(each).format for each in pictures} == {"PNG"}
    assert len(set(pictures)) == 3


@pytest.mark.anyio
async def test_what_portkey_sends_is_understood(client: AsyncClient) -> None:
    body = {
        "text_prompts": [{"text": "a fox", "weight": 1}],
        "height": 1024,
        "width": 1024,
        "cfg_scale": 7,
        "steps": 50,
        "samples": 1,
        "seed": 3,
    }

    answer = await client.post(SDXL, json=body, headers=JSON)

    assert answer.json()[0]["seed"] == 3


@pytest.mark.anyio
async def test_the_same_seed_gives_the_same_picture(client: AsyncClient) -> None:
    first, second, other = [
        (await client.post(SDXL, json={"prompt": "a fox", "seed": seed}, headers=PNG)).content for seed in (5, 5, 6)
    ]

    assert first == second != other


@pytest.mark.parametrize("extra", [{}, {"seed": 0}, {"seed": None}])
@pytest.mark.anyio
async def test_without_a_seed_a_random_one_is_used_and_reported(client: AsyncClient, extra: dict[str, Any]) -> None:
    first, second = [await client.post(SDXL, json={"prompt": "a fox", **extra}, headers=PNG) for _ in range(2)]

    assert first.headers["seed"] != second.headers["seed"] != "0"
    again = await client.post(SDXL, json={"prompt": "a fox", "seed": int(first.headers["seed"])}, headers=PNG)
    assert again.content == first.content


@pytest.mark.anyio
async def test_the_safety_check_filters_when_it_is_on(client: AsyncClient) -> None:
    body = {"prompt": "a Forbidden fox", "seed": 1}

    filtered = await client.post(SDXL, json={**body, "safety_check": True}, headers=PNG)
    listed = await client.post(SDXL, json={**body, "safety_check": True}, headers=JSON)
    plain = await client.post(SDXL, json=body, headers=PNG)

    assert filtered.status_code == 200
    assert filtered.headers["finish-reason"] == "CONTENT_FILTERED"
    assert listed.json()[0]["finishReason"] == "CONTENT_FILTERED"
    assert plain.headers["finish-reason"] == "SUCCESS"
    assert plain.content != filtered.content


@pytest.mark.parametrize(
    ("body", "accept", "text"),
    [
        ({}, "image/png", "Field required, field: 'prompt'"),
        (
            {"prompt": "a", "width": 512, "height": 512},
            "image/png",
            "Unsupported image size: 512x512, supported sizes: ",
        ),
        ({"prompt": "a", "width": "wide"}, "image/png", "Expected int, got str, field: 'width', value: 'wide'"),
        ({"prompt": "a", "samples": 2}, "image/png", "samples: 2 needs the header Accept: application/json"),
        (
            {"prompt": "a", "size": "1024x1024"},
            "image/png",
            "Extra inputs are not permitted, field: 'size', value: '1024x1024'",
        ),
        ({"prompt": "a", "seed": 2**32}, "image/png", "Expected int <= 4294967295, field: 'seed', value: 4294967296"),
        ({"prompt": "a"}, "text/html", "Unsupported Accept header: text/html, supported: "),
    ],
)
@pytest.mark.anyio
async def test_what_cannot_be_painted_is_refused(
    client: AsyncClient, body: dict[str, Any], accept: str, text: str
) -> None:
    answer = await client.post(SDXL, json=body, headers={"accept": accept})

    assert answer.status_code == 400
    assert message(answer).startswith(text)


@pytest.mark.parametrize(
    "path",
    [
        SDXL.replace("stable", "unstable"),
        "/inference/v1/image_generation/stable-diffusion-xl-1024-v1-0",
        f"{FLUX}-nope/text_to_image",
        KONTEXT.replace("pro", "amateur"),
        KONTEXT.replace("pro", "amateur") + "/get_result",
    ],
)
@pytest.mark.anyio
async def test_an_unknown_model_is_not_found(client: AsyncClient, path: str) -> None:
    answer = await client.post(path, json={"prompt": "a fox"})

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (FLUX.replace("workflows", "image_generation"), "image_generation is not supported by model "),
        (SDXL.replace("image_generation", "workflows") + "/text_to_image", "text_to_image is not supported by model "),
        (FLUX, "kontext is not supported by model "),
        (SDXL.replace("stable-diffusion-xl-1024-v1-0", "kimi-k3"), "image is not supported by model "),
    ],
)
@pytest.mark.anyio
async def test_a_model_is_called_its_own_way_only(client: AsyncClient, path: str, text: str) -> None:
    answer = await client.post(path, json={"prompt": "a fox"})

    assert answer.status_code == 400
    assert message(answer).startswith(text)


@pytest.mark.parametrize("path", ["control_net", "canny_edge_detection", "qr_code"])
@pytest.mark.anyio
async def test_what_is_not_emulated_is_not_found(client: AsyncClient, path: str) -> None:
    answer = await client.post(f"{SDXL}/{path}", json={"prompt": "a fox"})

    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.anyio
async def test_a_picture_can_start_from_another(client: AsyncClient) -> None:
    fields = {"prompt": "a fox", "image_strength": "0.9", "seed": "9", "safety_check": "False", "width": "896"}

    answer = await client.post(
        f"{SDXL}/image_to_image",
        data={**fields, "height": "1152"},
        files={"init_image": ("fox.png", picture("red"), "image/png")},
        headers=PNG,
    )

    assert answer.status_code == 200
    assert answer.headers["seed"] == "9"
    seen = look(answer.content)
    assert (seen.width, seen.height, seen.colour) == (896, 1152, "red")


@pytest.mark.parametrize(
    ("data", "file", "text"),
    [
        ({"prompt": "a"}, b"no picture", "Cannot decode image, field: 'init_image'"),
        ({"prompt": "a", "strength": "1"}, picture(), "Extra inputs are not permitted, field: 'strength', value: 1"),
        ({"prompt": "a", "image_strength": "2"}, picture(), "Expected float <= 1.0, field: 'image_strength', value: 2"),
    ],
)
@pytest.mark.anyio
async def test_a_start_that_cannot_be_used_is_refused(
    client: AsyncClient, data: dict[str, str], file: bytes, text: str
) -> None:
    answer = await client.post(f"{SDXL}/image_to_image", data=data, files={"init_image": file}, headers=PNG)

    assert answer.status_code == 400
    assert message(answer) == text


@pytest.mark.parametrize("headers", [{}, {"content-type": "multipart/form-data"}, {"content-type": "application/json"}])
@pytest.mark.anyio
async def test_a_body_that_is_no_form_is_refused(client: AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post(f"{SDXL}/image_to_image", content=b"{}", headers=headers)

    assert answer.status_code == 400


@pytest.mark.anyio
async def test_a_form_without_a_start_is_refused(client: AsyncClient) -> None:
    answer = await client.post(f"{SDXL}/image_to_image", data={"prompt": "a"}, files={"other": b"x"})

    assert message(answer) == "Field required, field: 'init_image'"


# --- FLUX ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "size"), ASPECTS.items())
@pytest.mark.anyio
async def test_the_aspect_ratio_decides_the_size(client: AsyncClient, ratio: str, size: tuple[int, int]) -> None:
    answer = await client.post(f"{FLUX}/text_to_image", json={"prompt": "a fox", "aspect_ratio": ratio}, headers=PNG)

    seen = look(answer.content)
    assert (seen.width, seen.height) == size


@pytest.mark.anyio
async def test_flux_answers_binary_with_its_headers(client: AsyncClient) -> None:
    body = {"prompt": "a fox", "guidance_scale": 3.5, "num_inference_steps": 4, "seed": 12}

    answer = await client.post(
        f"{FLUX}/text_to_image", json=body, headers={"accept": "image/jpeg", "jpeg-quality": "20"}
    )

    assert look(answer.content).format == "JPEG"
    assert (answer.headers["seed"], answer.headers["finish-reason"]) == ("12", "SUCCESS")
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.anyio
async def test_flux_answers_json_as_one_object(client: AsyncClient) -> None:
    body = {"prompt": "a forbidden fox", "seed": 12, "samples": 2, "safety_check": True}

    answer = (await client.post(f"{FLUX}/text_to_image", json=body, headers=JSON)).json()

    assert answer.keys() == {"id", "base64", "finishReason", "seed"}
    assert (answer["finishReason"], answer["seed"]) == ("CONTENT_FILTERED", 12)
    assert [look(base64.b64decode(each)).format for each in answer["base64"]] == ["PNG", "PNG"]


@pytest.mark.anyio
async def test_a_header_chooses_the_format_within_json(client: AsyncClient) -> None:
    headers = {**JSON, "json-return-image-accept": "image/jpeg"}

    answer = (await client.post(f"{FLUX}/text_to_image", json={"prompt": "a fox"}, headers=headers)).json()

    assert look(base64.b64decode(answer["base64"][0])).format == "JPEG"


@pytest.mark.parametrize(
    ("body", "headers", "text"),
    [
        ({"aspect_ratio": "1:1"}, PNG, "Field required, field: 'prompt'"),
        ({"prompt": "a", "width": 512}, PNG, "Extra inputs are not permitted, field: 'width', value: 512"),
        ({"prompt": "a", "aspect_ratio": "7:1"}, PNG, "Invalid enum value '7:1', field: 'aspect_ratio', value: '7:1'"),
        (
            {"prompt": "a"},
            {"jpeg-quality": "best"},
            "Expected an integer from 0 to 100, field: 'Jpeg-Quality', value: 'best'",
        ),
        ({"prompt": "a", "samples": 2}, PNG, "samples: 2 needs the header Accept: application/json"),
    ],
)
@pytest.mark.anyio
async def test_flux_refuses_what_it_does_not_know(
    client: AsyncClient, body: dict[str, Any], headers: dict[str, str], text: str
) -> None:
    answer = await client.post(f"{FLUX}/text_to_image", json=body, headers=headers)

    assert answer.status_code == 400
    assert message(answer) == text


# --- FLUX Kontext --------------------------------------------------------------------------------------------------


async def finished(client: AsyncClient, body: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    identity = (await client.post(KONTEXT, json=body)).json()["request_id"]
    answers = [(await client.post(f"{KONTEXT}/get_result", json={"id": identity})).json() for _ in range(3)]
    return identity, answers


@pytest.mark.anyio
async def test_kontext_goes_from_not_found_over_pending_to_ready(client: AsyncClient) -> None:
    identity, answers = await finished(client, {"prompt": "a fox", "aspect_ratio": "16:9", "output_format": "png"})

    assert [answer["status"] for answer in answers] == ["Task not found", "Pending", "Ready"]
    assert {answer["id"] for answer in answers} == {identity}
    assert answers[0]["result"] is answers[1]["result"] is None
    assert 0 < answers[1]["progress"] < 1


@pytest.mark.anyio
async def test_the_sample_is_served_without_a_key_by_the_emulator_itself(client: AsyncClient) -> None:
    _, answers = await finished(client, {"prompt": "a fox", "aspect_ratio": "16:9"})
    address = answers[-1]["result"]["sample"]

    answer = await client.get(address)

    assert urlsplit(address).netloc == "emulator.test:8089"
    assert images.is_public(urlsplit(address).path)
    assert answer.headers["content-type"] == "image/jpeg"
    assert look(answer.content).width == ASPECTS["16:9"][0]


@pytest.mark.parametrize("path", ["/v1/workflows/accounts/emulated-images/deployments/d", "/v1/chat/completions", "/"])
def test_no_other_address_works_without_a_key(path: str) -> None:
    assert not images.is_public(path)


@pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
@pytest.mark.anyio
async def test_kontext_keeps_the_shape_of_the_picture_it_starts_from(client: AsyncClient, head: str) -> None:
    given = head + base64.b64encode(picture("red", (160, 90))).decode()
    _, answers = await finished(client, {"prompt": "a fox", "input_image": given})

    answer = await client.get(answers[-1]["result"]["sample"])

    seen = look(answer.content)
    assert (seen.width, seen.height) == ASPECTS["16:9"]


@pytest.mark.parametrize(("tolerance", "status"), [(None, "Request Moderated"), (2, "Request Moderated"), (6, "Ready")])
@pytest.mark.anyio
async def test_kontext_moderates_by_its_tolerance(client: AsyncClient, tolerance: int | None, status: str) -> None:
    _, answers = await finished(client, {"prompt": "a forbidden fox", "safety_tolerance": tolerance})

    assert answers[-1]["status"] == status
    assert (answers[-1]["result"] is None) is (status != "Ready")


@pytest.mark.anyio
async def test_a_sample_expires(client: AsyncClient, clock: Clock) -> None:
    _, answers = await finished(client, {"prompt": "a fox"})
    address = answers[-1]["result"]["sample"]

    clock.now += LIFETIME

    assert (await client.get(address)).status_code == 404


@pytest.mark.anyio
async def test_a_sample_cannot_be_had_before_it_is_ready(client: AsyncClient) -> None:
    identity = (await client.post(KONTEXT, json={"prompt": "a fox"})).json()["request_id"]

    assert (await client.get(f"/inference/v1{images.PUBLIC}{identity}")).status_code == 404


@pytest.mark.anyio
async def test_only_the_newest_pictures_are_kept(client: AsyncClient) -> None:
    body = {"prompt": "a forbidden fox"}  # moderated, so nothing is painted for it
    oldest, *others = [(await client.post(KONTEXT, json=body)).json()["request_id"] for _ in range(MOST_KEPT + 1)]

    statuses = []
    for identity in (oldest, others[0]):
        await client.post(f"{KONTEXT}/get_result", json={"id": identity})
        statuses.append((await client.post(f"{KONTEXT}/get_result", json={"id": identity})).json()["status"])

    assert statuses == ["Task not found", "Pending"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"prompt": "a", "input_image": "%%%"}, "Incorrect base64 in image, field: 'input_image'"),
        ({"prompt": "a", "input_image": "aGVsbG8="}, "Cannot decode image, field: 'input_image'"),
        ({"prompt": "a", "samples": 2}, "Extra inputs are not permitted, field: 'samples', value: 2"),
    ],
)
@pytest.mark.anyio
async def test_kontext_refuses_what_it_cannot_start_from(client: AsyncClient, body: dict[str, Any], text: str) -> None:
    answer = await client.post(KONTEXT, json=body)

    assert answer.status_code == 400
    assert message(answer) == text


@pytest.mark.anyio
async def test_a_dedicated_deployment_may_be_called_any_way(client: AsyncClient) -> None:
    answer = await client.post(
        "/inference/v1/image_generation/accounts/acme/deployments/d1", json={"prompt": "a fox"}, headers=PNG
    )

    assert look(answer.content).format == "PNG"


def test_the_emulator_starts_without_pillow() -> None:
    code = (
        "import json, sys, fireworks_emulator.app, fireworks_emulator.images; print(json.dumps('PIL' in sys.modules))"
    )

    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout

    assert json.loads(printed) is False
