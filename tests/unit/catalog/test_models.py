from __future__ import annotations

import msgspec
import pytest

from emberway import catalog
from emberway.catalog.models import ORDER

OBJECTS = msgspec.json.decode(catalog.list_answer())["data"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("accounts/fireworks/models/glm-5p3", "accounts/fireworks/models/glm-5p3"),
        ("glm-5p3", "accounts/fireworks/models/glm-5p3"),
        ("glm-5p3-fast", "accounts/fireworks/routers/glm-5p3-fast"),
        ("kimi-latest", "accounts/fireworks/routers/kimi-latest"),
        ("fireworks/qwen3-embedding-8b", "accounts/fireworks/models/qwen3-embedding-8b"),
        ("nomic-ai/nomic-embed-text-v1.5", "nomic-ai/nomic-embed-text-v1.5"),
        ("whisper-v3", "accounts/fireworks/models/whisper-v3"),
        ("llava-v1.5-7b-4096-preview", "accounts/fireworks/models/llava-v1.5-7b-4096-preview"),
    ],
)
def test_a_model_is_found_by_any_of_its_names(name, found):
    model = catalog.find(name)

    assert model is not None
    assert model.id == found
    assert catalog.model_answer(name) == msgspec.json.encode(catalog.as_openai(model))


@pytest.mark.parametrize("name", ["", "gpt-x", "accounts/fireworks/models/", "accounts/fireworks/models/gpt-x"])
def test_a_model_that_nobody_has_described_is_not_found(name):
    assert catalog.find(name) is None
    assert catalog.model_answer(name) is None


def test_every_model_is_found_by_its_own_name_and_by_each_alias():
    for model in catalog.listing():
        assert catalog.find(model.id) is model
        assert all(catalog.find(alias) is not None for alias in model.aliases)


def test_the_list_begins_with_what_a_call_most_likely_reaches():
    statuses = [model.status for model in catalog.listing()]

    assert statuses == sorted(statuses, key=ORDER.index)
    assert statuses[0] == "current"
    assert len(OBJECTS) == len(statuses) == 328


def test_a_model_object_says_what_it_can_do_what_it_costs_and_who_says_so():
    model = catalog.find("glm-5p3")
    assert model is not None

    assert msgspec.json.decode(catalog.model_answer("glm-5p3") or b"") == {
        "id": "accounts/fireworks/models/glm-5p3",
        "object": "model",
        "created": 1795305600,
        "owned_by": "fireworks-ai",
        "context_length": 1048576,
        "max_output_tokens": 128000,
        "modality": {"input": ["text"], "output": ["text"]},
        "supports_tools": True,
        "supports_vision": False,
        "supports_reasoning": True,
        "kind": "chat",
        "status": "current",
        "deprecated_on": None,
        "pricing": {
            "input_per_mtok": 1.4,
            "cached_input_per_mtok": 0.26,
            "output_per_mtok": 4.4,
            "image_price": None,
            "image_price_unit": None,
            "audio_per_minute": None,
            "currency": "USD",
            "basis": "listed",
            "source": model.source,
            "source_date": "2026-11-22",
        },
        "aliases": ["accounts/fireworks/routers/glm-latest"],
    }


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("kimi-k3", {"input": ["text", "image"], "output": ["text"]}),
        ("flux-kontext-pro", {"input": ["text"], "output": ["image"]}),
        ("nomic-ai/nomic-embed-text-v1.5", {"input": ["text"], "output": ["embedding"]}),
        ("whisper-v3", {"input": ["audio"], "output": ["text"]}),
        ("qwen3-reranker-8b", {"input": ["text"], "output": ["score"]}),
    ],
)
def test_a_model_object_says_what_goes_in_and_what_comes_out(name, modality):
    assert msgspec.json.decode(catalog.model_answer(name) or b"")["modality"] == modality


def test_an_image_models_price_comes_with_its_unit():
    prices = {
        name: msgspec.json.decode(catalog.model_answer(name) or b"")["pricing"]
        for name in ("flux-kontext-pro", "flux-1-schnell-fp8")
    }

    assert [(price["image_price"], price["image_price_unit"]) for price in prices.values()] == [
        (0.04, "image"),
        (0.00035, "step"),
    ]


def test_what_is_not_known_is_null_and_never_zero():
    numbers = [value for model in OBJECTS for value in (*model.values(), *model["pricing"].values())]

    assert not [value for value in numbers if isinstance(value, int | float) and value is not False and value == 0]
    unknown = msgspec.json.decode(catalog.model_answer("qwen3p8-2p4t-a95b") or b"")
    assert unknown["pricing"]["input_per_mtok"] is None


def test_a_model_that_left_says_since_when():
    assert msgspec.json.decode(catalog.model_answer("kimi-k2p6") or b"")["deprecated_on"] == "2026-09-25"
