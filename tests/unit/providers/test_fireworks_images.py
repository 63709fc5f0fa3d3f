from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from tests.unit.providers.calls import call

from emberway.errors import BadAnswer, InvalidCall, UpstreamError, UpstreamTimeout
from emberway.providers.base import Answer, Ask, Pause, Reply
from emberway.providers.fireworks import FIREWORKS
from emberway.providers.fireworks_images import FLUX, KONTEXT, SDXL, family_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(40)
PNG_64, JPEG_64 = b64encode(PNG).decode(), b64encode(JPEG).decode()

XL = "accounts/fireworks/models/stable-diffusion-xl-1024-v1-0"
SCHNELL = "accounts/fireworks/models/flux-1-schnell-fp8"
PRO = "accounts/fireworks/models/flux-kontext-pro"
XL_PATH = f"/image_generation/{XL}"
SCHNELL_PATH = f"/workflows/{SCHNELL}/text_to_image"
PRO_PATH = f"/workflows/{PRO}"


@dataclass
class Played:
    """What a conversation asked for, how long it paused, and what it ended with."""

    rounds: list[list[tuple[str, Any]]] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    reply: Reply | None = None

    @property
    def data(self) -> Any:
        assert self.reply is not None
        return msgspec.json.decode(self.reply.body)


def play(body: dict[str, Any], *rounds: tuple[Answer, ...]) -> Played:
    """Answer the conversation's rounds in order; it must ask for exactly so many."""
    converse = FIREWORKS.dialects["images"].converse
    assert converse is not None
    played, left = Played(), list(rounds)
    conversation = converse(call(body, "images"))
    try:
        step = next(conversation)
        while True:
            if isinstance(step, Pause):
                played.pauses.append(step.seconds)
                step = conversation.send(())
                continue
            played.asks += step
            played.rounds.append([(ask.path, msgspec.json.decode(ask.body) if ask.body else None) for ask in step])
            step = conversation.send(left.pop(0))
    except StopIteration as end:
        played.reply = end.value
    assert not left
    return played


def ok(body: Any, **headers: bytes) -> Answer:
    text = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answer(200, {name.replace("_", "-").encode(): value for name, value in headers.items()}, text)


def xl(*images: str, seed: int = 7) -> Answer:
    return ok([{"base64": image, "finishReason": "SUCCESS", "seed": seed, "Id": "x"} for image in images])


def flux(image: Any, reason: str = "SUCCESS") -> Answer:
    return ok({"id": "1", "base64": image, "finishReason": reason, "seed": 3})


def progress(status: str, sample: str | None = None, **more: Any) -> Answer:
    return ok({"id": "o", "status": status, "result": {"sample": sample} if sample else None, **more})


@pytest.mark.parametrize(
    ("model", "family"),
    [
        (XL, SDXL),
        ("accounts/fireworks/models/playground-v2-5-1024px-aesthetic", SDXL),
        ("accounts/fireworks/models/SSD-1B", SDXL),
        ("accounts/stability/models/sd3-turbo", SDXL),
        ("accounts/me/models/unheard-of", SDXL),
        (SCHNELL, FLUX),
        ("accounts/fireworks/models/flux-1-dev-fp8", FLUX),
        ("accounts/me/models/my-FLUX-lora", FLUX),
        (PRO, KONTEXT),
        ("accounts/fireworks/models/flux-kontext-max", KONTEXT),
    ],
)
def test_a_models_name_tells_how_it_is_spoken_to(model, family):
    assert family_of(model) is family


def test_stable_diffusion_is_asked_once_and_answers_in_openais_words():
    played = play({"model": XL, "prompt": "a city", "n": 2, "size": "1344x768"}, (xl(PNG_64, JPEG_64),))

    assert played.rounds == [[(XL_PATH, {"prompt": "a city", "width": 1344, "height": 768, "samples": 2})]]
    assert played.data == {
        "created": 1795305600,
        "data": [
            {
                "b64_json": PNG_64,
                "url": f"data:image/png;base64,{PNG_64}",
                "seed": 7,
                "finish_reason": "SUCCESS",
            },
            {
                "b64_json": JPEG_64,
                "url": f"data:image/jpeg;base64,{JPEG_64}",
                "seed": 7,
                "finish_reason": "SUCCESS",
            },
        ],
    }
    assert played.reply is not None
    assert (played.reply.status, played.reply.content_type) == (200, b"application/json")
    assert played.reply.changed == ("images:model", "images:n", "images:size")


def test_nothing_is_asked_for_that_the_caller_did_not_ask_for():
    played = play({"model": "stable-diffusion-xl-1024-v1-0", "prompt": "x", "size": "auto"}, (xl(PNG_64),))

    assert played.rounds == [[(XL_PATH, {"prompt": "x"})]]


def test_fields_of_the_providers_own_go_on_and_openais_are_named_as_consumed():
    own = {
        "prompt": "x",
        "negative_prompt": "y",
        "cfg_scale": 7,
        "steps": 30,
        "seed": 5,
        "sampler": "K",
        "style_preset": "anime",
        "safety_check": True,
        "unheard_of": [1],
    }
    openai = {"quality": "hd", "style": "vivid", "user": "u", "background": "opaque", "moderation": "low"}

    played = play({"model": XL, **own, **openai}, (xl(PNG_64),))

    assert played.rounds[0][0][1] == own
    assert played.reply is not None
    assert played.reply.changed == ("images:model", *(f"images:{key}" for key in openai))


def test_who_asks_for_b64_json_gets_no_address():
    (image,) = play({"model": XL, "prompt": "x", "response_format": "b64_json"}, (xl(PNG_64),)).data["data"]

    assert image == {"b64_json": PNG_64, "seed": 7, "finish_reason": "SUCCESS"}


def test_jpeg_comes_from_stable_diffusion_one_by_one_and_as_bytes():
    answers = (ok(JPEG, seed=b"5", finish_reason=b"SUCCESS"), ok(JPEG, content_type=b"image/jpeg"))

    played = play({"model": XL, "prompt": "x", "output_format": "jpeg", "n": 2, "seed": 5}, answers)

    assert played.rounds == [[(XL_PATH, {"prompt": "x", "seed": 5}), (XL_PATH, {"prompt": "x", "seed": 6})]]
    assert [dict(ask.headers)[b"accept"] for ask in played.asks] == [b"image/jpeg"] * 2
    assert [image.get("seed") for image in played.data["data"]] == [5, None]
    assert played.data["data"][0]["url"] == f"data:image/jpeg;base64,{JPEG_64}"


@pytest.mark.parametrize("image", [PNG_64, [PNG_64], f"data:image/png;base64,{PNG_64}", [f"data:;base64,{PNG_64}"]])
def test_flux_is_asked_once_for_each_image_all_at_the_same_time(image):
    body = {"model": SCHNELL, "prompt": "x", "n": 2, "num_inference_steps": 4, "guidance_scale": 3.5}

    played = play(body, (flux(image), flux(image)))

    wire = {"prompt": "x", "num_inference_steps": 4, "guidance_scale": 3.5}
    assert played.rounds == [[(SCHNELL_PATH, wire), (SCHNELL_PATH, wire)]]
    assert [dict(ask.headers) for ask in played.asks] == [
        {b"content-type": b"application/json", b"accept": b"application/json"}
    ] * 2
    assert [image["b64_json"] for image in played.data["data"]] == [PNG_64, PNG_64]


@pytest.mark.parametrize(("seed", "seeds"), [(5, [5, 6, 7]), (0, [0, 0, 0]), (None, [None] * 3), ("x", ["x"] * 3)])
def test_a_seed_counts_up_so_that_no_two_images_are_the_same_unless_it_means_any(seed, seeds):
    played = play({"model": SCHNELL, "prompt": "x", "n": 3, "seed": seed}, (flux(PNG_64),) * 3)

    assert [wire["seed"] for _, wire in played.rounds[0]] == seeds


@pytest.mark.parametrize("output_format", ["png", "jpeg"])
def test_the_output_format_is_what_flux_is_asked_to_answer_with(output_format):
    image = PNG if output_format == "png" else JPEG

    played = play({"model": SCHNELL, "prompt": "x", "output_format": output_format}, (ok(image, seed=b"9"),))

    assert dict(played.asks[0].headers)[b"accept"] == f"image/{output_format}".encode()
    assert played.data["data"][0]["url"].startswith(f"data:image/{output_format};base64,")
    assert played.data["data"][0]["seed"] == 9


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ("1024x1024", "1:1"),
        ("1792x1024", "16:9"),
        ("1024x1792", "9:16"),
        ("1536x1024", "3:2"),
        ("1024x1536", "2:3"),
        ("1024x768", "4:3"),
        ("1x9999", "9:21"),
        ("9999x1", "21:9"),
    ],
)
@pytest.mark.parametrize("model", [SCHNELL, PRO])
def test_flux_is_told_the_nearest_of_the_ratios_that_it_knows(model, size, ratio):
    converse = FIREWORKS.dialects["images"].converse
    assert converse is not None

    (ask,) = next(converse(call({"model": model, "prompt": "x", "size": size}, "images")))

    assert msgspec.json.decode(ask.body) == {"prompt": "x", "aspect_ratio": ratio}


def test_kontext_is_placed_asked_after_and_fetched():
    link = "https://delivery.example/sample.jpeg?sig=a%2Fb"

    played = play(
        {"model": PRO, "prompt": "x", "input_image": "data:…", "output_format": "jpeg", "prompt_upsampling": True},
        (ok({"request_id": "o1"}),),
        (progress("Task not found"),),
        (progress("Pending", progress=0.5),),
        (progress("Ready", link),),
        (ok(JPEG),),
    )

    placed = {"prompt": "x", "input_image": "data:…", "output_format": "jpeg", "prompt_upsampling": True}
    assert played.rounds == [
        [(PRO_PATH, placed)],
        *[[(f"{PRO_PATH}/get_result", {"id": "o1"})]] * 3,
        [(link, None)],
    ]
    fetched = played.asks[-1]
    assert (fetched.method, fetched.elsewhere, fetched.headers) == ("GET", True, ())
    assert played.pauses == [0.5, 0.75, 1.125]
    assert played.data["data"] == [{"b64_json": JPEG_64, "url": f"data:image/jpeg;base64,{JPEG_64}"}]
    assert played.reply is not None
    assert played.reply.changed == ("images:model",)


def test_of_several_orders_only_those_that_are_not_ready_are_asked_after_again():
    played = play(
        {"model": PRO, "prompt": "x", "n": 3, "seed": 1},
        tuple(ok({"request_id": order}) for order in ("a", "b", "c")),
        (progress("Pending"), progress("Ready", "https://i.example/b"), progress("Content Moderated")),
        (progress("Complete", PNG_64),),
        (ok(WEBP),),
    )

    assert [[wire for _, wire in asked] for asked in played.rounds] == [
        [{"prompt": "x", "seed": 1}, {"prompt": "x", "seed": 2}, {"prompt": "x", "seed": 3}],
        [{"id": "a"}, {"id": "b"}, {"id": "c"}],
        [{"id": "a"}],
        [None],
    ]
    assert [image.get("url", "")[:16] for image in played.data["data"]] == ["data:image/png;b", "data:image/webp;", ""]
    assert played.data["data"][2] == {"finish_reason": "CONTENT_FILTERED"}


def test_an_order_that_never_gets_ready_is_given_up_after_four_minutes():
    converse = FIREWORKS.dialects["images"].converse
    assert converse is not None
    conversation = converse(call({"model": PRO, "prompt": "x"}, "images"))
    next(conversation)
    step = conversation.send((ok({"request_id": "a"}),))
    waited = 0.0

    with pytest.raises(UpstreamTimeout):  # noqa: PT012  # the conversation itself says when it ends
        for _ in range(10_000):
            waited += step.seconds if isinstance(step, Pause) else 0.0
            step = conversation.send(() if isinstance(step, Pause) else (progress("Pending"),))

    assert 240.0 <= waited < 243.0


@pytest.mark.parametrize("status", ["Error", "Failed"])
def test_an_order_that_failed_is_told_as_such(status):
    with pytest.raises(UpstreamError, match="could not make the image: bad prompt") as failed:
        play({"model": PRO, "prompt": "x"}, (ok({"request_id": "a"}),), (progress(status, details="bad prompt"),))

    assert (failed.value.code, failed.value.status) == ("image_failed", 502)


@pytest.mark.parametrize(
    "rounds",
    [
        (Answer(429, {b"retry-after": b"3", b"x-secret": b"1"}, b'{"error":"slow down"}'),),
        (flux(PNG_64), Answer(429, {b"retry-after": b"3"}, b'{"error":"slow down"}')),
    ],
)
def test_an_error_answer_ends_the_conversation_with_its_status_and_openais_envelope(rounds):
    reply = play({"model": SCHNELL, "prompt": "x", "n": len(rounds)}, rounds).reply

    assert reply is not None
    assert reply.status == 429
    assert msgspec.json.decode(reply.body)["error"]["message"] == "slow down"
    assert reply.headers == ((b"retry-after", b"3"),)
    assert reply.changed == ("images:model", "images:n")


@pytest.mark.parametrize("turn", [0, 1])
def test_an_error_answer_ends_an_order_too(turn):
    refused = (Answer(404, {}, b'{"error":{"message":"Model not found","code":"NOT_FOUND"}}'),)
    rounds = [*[(ok({"request_id": "a"}),)][:turn], refused]

    reply = play({"model": PRO, "prompt": "x"}, *rounds).reply

    assert reply is not None
    assert (reply.status, reply.body) == (404, refused[0].body)


@pytest.mark.parametrize(
    "filtered",
    [
        (XL, ok([{"base64": "", "finishReason": "CONTENT_FILTERED", "seed": 1}])),
        (XL, ok([{"base64": PNG_64, "finishReason": "CONTENT_FILTERED", "seed": 1}])),
        (SCHNELL, flux([], "CONTENT_FILTERED")),
        (SCHNELL, ok(b"", content_type=b"image/jpeg", finish_reason=b"CONTENT_FILTERED")),
    ],
)
def test_images_that_the_filter_took_to_the_last_one_are_the_callers_to_mend(filtered):
    model, answer = filtered

    with pytest.raises(InvalidCall, match="safety filter") as refused:
        play({"model": model, "prompt": "x"}, (answer,))

    assert (refused.value.code, refused.value.param) == ("content_filtered", "prompt")


def test_an_image_that_the_filter_took_is_marked_among_those_that_it_left():
    answer = ok([{"base64": PNG_64, "finishReason": "SUCCESS"}, {"base64": PNG_64, "finishReason": "CONTENT_FILTERED"}])

    data = play({"model": XL, "prompt": "x", "n": 2, "response_format": "b64_json"}, (answer,)).data["data"]

    assert data == [
        {"b64_json": PNG_64, "finish_reason": "SUCCESS"},
        {"b64_json": PNG_64, "finish_reason": "CONTENT_FILTERED"},
    ]


@pytest.mark.parametrize(
    "answer",
    [b"", b"{}", b"[]", b"[{}]", b'[{"base64":5}]', b'[{"base64":"@@@"}]', b"<html>", b"[" * 100_000, b"\xff\xfe"],
)
@pytest.mark.parametrize("model", [XL, SCHNELL])
def test_a_good_answer_without_an_image_is_told_as_the_providers_fault(model, answer):
    with pytest.raises(BadAnswer):
        play({"model": model, "prompt": "x"}, (ok(answer),))


def test_bytes_that_claim_to_be_an_image_and_are_none_are_no_answer():
    with pytest.raises(BadAnswer):
        play({"model": XL, "prompt": "x"}, (ok(b"<html>", content_type=b"image/png"),))


@pytest.mark.parametrize(
    "rounds",
    [
        [(ok({"id": "a"}),)],
        [(ok({"request_id": 5}),)],
        [(ok({"request_id": "a"}),), (ok({}),)],
        [(ok({"request_id": "a"}),), (progress("Ready"),)],
        [(ok({"request_id": "a"}),), (progress("Ready", "not an address"),)],
        [(ok({"request_id": "a"}),), (progress("Ready", "https://i.example"),), (Answer(403, {}, b"expired"),)],
        [(ok({"request_id": "a"}),), (progress("Ready", "https://i.example"),), (ok(b"<html>"),)],
        [(Answer(302, {}, b""),)],
    ],
)
def test_an_order_that_does_not_go_as_promised_is_told_as_the_providers_fault(rounds):
    with pytest.raises(BadAnswer):
        play({"model": PRO, "prompt": "x"}, *rounds)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"n": "2"}, "n"),
        ({"n": 1.5}, "n"),
        ({"size": "big"}, "size"),
        ({"size": "0x5"}, "size"),
        ({"size": "1024X1024"}, "size"),
        ({"size": "1024x1024\n"}, "size"),
        ({"size": "١x١"}, "size"),
        ({"size": 1024}, "size"),
        ({"response_format": "png"}, "response_format"),
        ({"output_format": "webp"}, "output_format"),
        ({"size": "1024x1024", "width": 512}, "size"),
        ({"n": 2, "samples": 3}, "n"),
        ({"model": SCHNELL, "size": "1024x1024", "aspect_ratio": "1:1"}, "size"),
        ({"model": "accounts/../../v1/accounts/a"}, "model"),
        ({"model": "accounts//x"}, "model"),
        ({"model": "accounts/./x"}, "model"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused_before_anything_is_sent(fields, param):
    with pytest.raises(InvalidCall) as refused:
        play({"model": XL, "prompt": "x", **fields})

    assert refused.value.param == param


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (
            "accounts/a/models/m#accounts/a/deployments/d",
            "/image_generation/accounts/a/models/m%23accounts/a/deployments/d",
        ),
        ("accounts/a/models/m@v?x=1", "/image_generation/accounts/a/models/m@v%3Fx%3D1"),
        ("accounts/a/models/m \r\nx", "/image_generation/accounts/a/models/m%20%0D%0Ax"),
    ],
)
def test_a_models_name_cannot_change_what_is_asked(model, path):
    assert play({"model": model, "prompt": "x"}, (xl(PNG_64),)).rounds[0][0][0] == path
