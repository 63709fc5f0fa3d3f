"""Models are found by the names that the provider knows, and by no others."""

from __future__ import annotations

import pytest

from fireworks_emulator.catalogue import Catalogue, load
from fireworks_emulator.errors import Refused

LLAMA = "accounts/fireworks/models/llama-v3p1-405b-instruct"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(strict=False)


@pytest.mark.parametrize(
    "name",
    [
        LLAMA,
        "accounts/fireworks/models/llava-v1.5-7b-4096-preview",
        "accounts/fireworks/routers/kimi-latest",
        "accounts/fireworks/models/gpt-oss-120b#accounts/a/deployments/d1",
        "accounts/someone/deployments/d1",
        "accounts/fireworks/models/echo",
    ],
)
def test_a_model_answers_under_the_name_it_was_called_by(catalogue: Catalogue, name: str) -> None:
    assert catalogue.find(name).id == name


@pytest.mark.parametrize(
    "name",
    [
        "llama-v3p1-405b-instruct",
        "models/kimi-k3",
        "accounts/fireworks/models/",
        "accounts/a/models/b",
        "",
        f"{LLAMA}#",
    ],
)
def test_a_bare_or_unknown_name_is_not_found(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(Refused) as refused:
        catalogue.find(name)

    assert refused.value.status == 404
    assert refused.value.body == (
        b'{"error":{"message":"Model not found, inaccessible, and/or not deployed","param":"model",'
        b'"code":"NOT_FOUND","type":"error"}}'
    )


def test_the_short_form_of_the_embedding_guide_is_answered_with_the_full_name(catalogue: Catalogue) -> None:
    assert catalogue.find("fireworks/qwen3-embedding-8b").id == "accounts/fireworks/models/qwen3-embedding-8b"


def test_a_hugging_face_name_is_kept(catalogue: Catalogue) -> None:
    model = catalogue.find("nomic-ai/nomic-embed-text-v1.5")

    assert (model.id, model.dimensions, model.resizable, model.unit_length) == (
        "nomic-ai/nomic-embed-text-v1.5",
        768,
        True,
        True,
    )


def test_a_strict_catalogue_serves_what_is_retired_only_on_a_deployment() -> None:
    strict = load(strict=True)

    assert strict.find(f"{LLAMA}#accounts/a/deployments/d").id.startswith(LLAMA)
    assert strict.find("accounts/fireworks/models/kimi-k3").window == 1_048_576
    with pytest.raises(Refused):
        strict.find(LLAMA)
    assert LLAMA not in {model.id for model in strict}


def test_a_deployment_does_not_change_a_models_slug(catalogue: Catalogue) -> None:
    assert catalogue.find("accounts/fireworks/models/gpt-oss-120b#accounts/a/deployments/d1").slug == "gpt-oss-120b"
